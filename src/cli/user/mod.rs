//! `stepgate user`: make and look after accounts.

pub(crate) mod addresses;
mod change;
pub(crate) mod create_user;
mod end_sessions;
mod enrol_code;
mod invitations;
pub(crate) mod new_password;
mod notices;
mod recovery;
mod show;
mod unlock;

pub(crate) use end_sessions::{EndedSessions, end_sessions};

use std::io::IsTerminal as _;

use serde_json::json;

use create_user::NewAccount;

use super::accounts::{self, OpenStores};
use super::args::{AddUser, User};
use super::exit::{CommandResult, Failure};
use super::output::terminal::{self, supports_colour, write_stderr, write_stdout};
use crate::auth::factor::password::PasswordOwner;
use crate::portal::qr;

pub(crate) async fn run(command: User) -> CommandResult {
    match command {
        User::Add(args) => add(args).await,
        User::List { file, json } => show::list(&file, json).await,
        User::Show { user, json } => show::show(&user, json).await,
        User::Unlock { user, ips, json } => unlock::run(&user, &ips, json).await,
        User::Edit { user, email, display_name, json } => change::edit(&user, display_name, email, json).await,
        User::SetAddress { user, email, phone, confirmed: _ } => addresses::set(&user, email, phone).await,
        User::Disable(user) => change::disable(&user).await,
        User::Enable(user) => change::enable(&user).await,
        User::SetPassword { user, password } => change::set_password(&user, &password).await,
        User::SetGroups { user, groups, none: _ } => change::set_groups(&user, &groups).await,
        User::ResetMfa { user, json } => change::reset_mfa(&user, json).await,
        User::EnrolCode { user, json } => enrol_code::run(&user, json).await,
        User::RecoveryCode { user, valid, json } => recovery::issue(&user, valid, json).await,
        User::CancelRecovery(user) => recovery::cancel(&user).await,
        User::Invite(args) => invitations::invite(&args).await,
        User::Invitations { file, json } => invitations::list(&file, json).await,
        User::Uninvite { id, file } => invitations::revoke(&id, &file).await,
        User::Delete { user, yes } => change::delete(&user, yes).await,
    }
}

async fn add(args: AddUser) -> CommandResult {
    let username = accounts::new_username(&args.user.name)?;
    let groups = accounts::groups(&args.groups)?;
    accounts::plain_texts(args.email.iter().chain(&args.display_name))?;
    accounts::mail_address_or_none(args.email.as_deref())?;
    let phone = args.phone.as_deref().map(addresses::number).transpose()?;
    let OpenStores { settings, ports, stores } = &accounts::open(&args.user.file).await?;
    if accounts::store_result(ports.accounts.find(&username).await)?.is_some() {
        return Err(Failure::failed(format!("there is a user {username} already; nothing was changed")));
    }
    addresses::refuse_name_of_another(ports, &username).await?;
    let personal: Vec<&str> = args.display_name.iter().chain(&args.email).map(String::as_str).collect();
    let whose = PasswordOwner { username: username.as_str(), personal: &personal };
    let password = new_password::read_for(&args.password, settings, &whose)?;
    let who = NewAccount { username, password, name: args.display_name, email: args.email, groups, totp: args.totp };
    let made = create_user::create(stores, &settings.flow, who).await?;
    let identity = &made.identity;
    addresses::give(ports, identity, phone, &settings.flow).await?;
    if args.json {
        return terminal::write_json(&json!({
            "id": identity.id,
            "username": identity.username,
            "name": identity.name,
            "email": identity.email,
            "groups": identity.groups,
            "totp_secret": made.totp.as_ref().map(|t| t.secret.expose()),
            "otpauth_uri": made.totp.as_ref().map(|t| t.uri.expose()),
        }));
    }
    write_stderr(&format!("made user {}", identity.username));
    let Some(totp) = &made.totp else { return Ok(()) };
    write_stdout(&format!("secret   {}\notpauth  {}\n", totp.secret.expose(), totp.uri.expose()))?;
    if !std::io::stderr().is_terminal() {
        return Ok(());
    }
    write_stderr("This is shown once. Scan it with an authenticator app:");
    if let Some(drawn) = qr::terminal(totp.uri.expose(), supports_colour(&std::io::stderr())) {
        write_stderr(&drawn);
    }
    Ok(())
}
