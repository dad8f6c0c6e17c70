//! `stepgate user`: make and look after accounts.

mod change;
mod show;
mod unlock;

pub(crate) use change::ended;

use std::io::IsTerminal as _;

use serde_json::json;

use super::accounts::{self, Opened};
use super::args::{AddUser, User};
use super::newcomer::{self, Newcomer};
use super::outcome::{Failure, Outcome};
use super::terminal::{self, data, say};
use super::{colourful, qr};

pub(crate) async fn run(command: User) -> Outcome {
    match command {
        User::Add(args) => add(args).await,
        User::List { file, json } => show::list(&file, json).await,
        User::Show { user, json } => show::show(&user, json).await,
        User::Unlock { user, ips } => unlock::run(&user, &ips).await,
        User::Edit { user, email, display_name } => change::edit(&user, display_name, email).await,
        User::Disable(user) => change::disable(&user).await,
        User::Enable(user) => change::enable(&user).await,
        User::SetPassword { user, password } => change::set_password(&user, &password).await,
        User::SetGroups { user, groups, none: _ } => change::set_groups(&user, &groups).await,
        User::ResetMfa(user) => change::reset_mfa(&user).await,
        User::Delete { user, yes } => change::delete(&user, yes).await,
    }
}

async fn add(args: AddUser) -> Outcome {
    let username = accounts::new_username(&args.user.name)?;
    let groups = accounts::groups(&args.groups)?;
    accounts::plain_texts(args.email.iter().chain(&args.display_name))?;
    let Opened { settings, ports, stores } = &accounts::open(&args.user.file).await?;
    if accounts::answered(ports.accounts.find(&username).await)?.is_some() {
        return Err(Failure::failed(format!("there is a user {username} already; nothing was changed")));
    }
    let password = newcomer::password(&args.password, settings, username.as_str())?;
    let who = Newcomer { username, password, name: args.display_name, email: args.email, groups, totp: args.totp };
    let made = newcomer::make(stores, &settings.flow, who).await?;
    let identity = &made.identity;
    if args.json {
        return terminal::json(&json!({
            "id": identity.id,
            "username": identity.username,
            "name": identity.name,
            "email": identity.email,
            "groups": identity.groups,
            "totp_secret": made.totp.as_ref().map(|t| t.secret.expose()),
            "otpauth_uri": made.totp.as_ref().map(|t| t.uri.expose()),
        }));
    }
    say(&format!("made user {}", identity.username));
    let Some(totp) = &made.totp else { return Ok(()) };
    data(&format!("secret   {}\notpauth  {}\n", totp.secret.expose(), totp.uri.expose()))?;
    if !std::io::stderr().is_terminal() {
        return Ok(());
    }
    say("This is shown once. Scan it with an authenticator app:");
    if let Some(drawn) = qr::terminal(totp.uri.expose(), colourful(&std::io::stderr())) {
        say(&drawn);
    }
    Ok(())
}
