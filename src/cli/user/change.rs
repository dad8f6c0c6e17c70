//! Changes of an account. Whatever lowers trust in it ends its sessions.

use serde_json::json;

use crate::auth::ceremony::Erasure;
use crate::auth::event::What;
use crate::auth::factor::password::PasswordOwner;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::cli::accounts::{self, OpenStores, store_result};
use crate::cli::args::{OneUser, PasswordSource};
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::{write_json, write_stderr};
use crate::cli::output::text;
use crate::cli::user::end_sessions::end_sessions;
use crate::cli::user::new_password;
use crate::cli::user::notices::with_letters;
use crate::cli::{audit, prompt};
use crate::flow::erasure::erase_account;
use crate::flow::ports::{Account, AccountChange};

pub(crate) async fn disable(user: &OneUser) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    shut(&opened, &account, Some(NoticeKind::AccountDisabled)).await?;
    let ended = end_sessions(&opened, &account, "it is disabled").await?;
    write_stderr(&format!("disabled {}; {ended}", account.identity.username));
    Ok(())
}

pub(crate) async fn enable(user: &OneUser) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    change(&opened, &account, AccountChange::Disabled(false), What::AccountEnabled).await?;
    write_stderr(&format!("enabled {}", account.identity.username));
    Ok(())
}

pub(crate) async fn set_password(user: &OneUser, source: &PasswordSource) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let enrolled = store_result(opened.ports.authenticators.of(&identity.id).await)?;
    let personal = enrolled.personal(identity);
    let whose = PasswordOwner { username: identity.username.as_str(), personal: &personal };
    let password = new_password::read_for(source, &opened.settings, &whose)?;
    let set = new_password::set(&opened, &account, &password).await?;
    there(set, &account)?;
    let ended = end_sessions(&opened, &account, "its password is set").await?;
    write_stderr(&format!("set the password of {}; {ended}", account.identity.username));
    Ok(())
}

pub(crate) async fn set_groups(user: &OneUser, names: &[String]) -> CommandResult {
    let groups = accounts::groups(names)?;
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    change(&opened, &account, AccountChange::Groups(groups), What::GroupsSet).await?;
    // A session keeps the groups that it was opened with.
    let ended = end_sessions(&opened, &account, "its groups are set").await?;
    let listed = if names.is_empty() { "no group".to_owned() } else { names.join(", ") };
    write_stderr(&format!("{} is in: {}; {ended}", identity.username, text::escape(&listed)));
    Ok(())
}

/// Sets the name for people and the mail address, as far as they are given; an empty one is taken away.
pub(crate) async fn edit(user: &OneUser, name: Option<String>, email: Option<String>, as_json: bool) -> CommandResult {
    accounts::plain_texts(name.iter().chain(&email))?;
    if name.is_none() && email.is_none() {
        return Err(Failure::usage("say what to change: --name NAME, --email ADDRESS, or both".to_owned()));
    }
    accounts::mail_address_or_none(email.as_deref())?;
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let given = |text: Option<String>| text.map(|text| Some(text.trim().to_owned()).filter(|text| !text.is_empty()));
    let (name, email) = (given(name), given(email));
    let profile = AccountChange::Profile { name: name.clone(), email: email.clone() };
    change(&opened, &account, profile, What::ProfileSet).await?;
    // Apps are listed the name and the address that a session was opened with.
    let ended = end_sessions(&opened, &account, "its profile is set").await?;
    if as_json {
        return write_json(&json!({
            "id": identity.id,
            "username": identity.username,
            "name": name.unwrap_or_else(|| identity.name.clone()),
            "email": email.unwrap_or_else(|| identity.email.clone()),
            "sessions_ended": ended.0,
        }));
    }
    write_stderr(&format!("changed {}; {ended}", identity.username));
    Ok(())
}

pub(crate) async fn reset_mfa(user: &OneUser, as_json: bool) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let enrolled = store_result(opened.ports.authenticators.of(&identity.id).await)?.methods(false, None);
    let whats: Vec<What> = enrolled.iter().map(|method| What::AuthenticatorRemoved { method }).collect();
    let mut records = audit::records(opened.ports.clock.as_ref(), &whats, identity);
    if !enrolled.is_empty() {
        records = with_letters(&opened, identity, NoticeKind::MfaDisabled, None, records).await?;
    }
    store_result(opened.ports.authenticators.remove_all(&identity.id, &records).await)?;
    audit::log(&records);
    let ended = end_sessions(&opened, &account, "its second factors are removed").await?;
    let names: Vec<&str> = enrolled.iter().map(Method::name).collect();
    if as_json {
        return write_json(&json!({
            "id": identity.id,
            "username": identity.username,
            "removed": names,
            "sessions_ended": ended.0,
        }));
    }
    let removed =
        if names.is_empty() { "nothing was enrolled".to_owned() } else { format!("removed {}", names.join(", ")) };
    write_stderr(&format!("{}: {removed}; {ended}", identity.username));
    Ok(())
}

pub(crate) async fn delete(user: &OneUser, yes: bool) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    if !yes {
        prompt::confirm(&format!("Delete {} with all factors and sessions?", identity.username), "--yes")?;
    }
    // Shut first: nobody can open a new session between ending the old ones and the deletion.
    shut(&opened, &account, None).await?;
    let ended = end_sessions(&opened, &account, "it is disabled but not deleted").await?;
    let records = audit::tombstone(opened.ports.clock.as_ref(), identity);
    let records = with_letters(&opened, identity, NoticeKind::AccountDeleted, None, records).await?;
    let erased = erase_account(&opened.ports, &Erasure::by_operator(identity), &records).await;
    let erased = store_result(erased)?;
    there(erased.was_there, &account)?;
    audit::log(&records);
    if erased.ended.is_none() {
        write_stderr(
            "the state store did not answer: what belongs to a moment goes as soon as a running gateway reaches it",
        );
    }
    write_stderr(&format!("deleted {}; {ended}", identity.username));
    Ok(())
}

/// Disables it; `notice`: what its person is told.
async fn shut(opened: &OpenStores, account: &Account, notice: Option<NoticeKind>) -> CommandResult {
    let identity = &account.identity;
    let mut records = audit::records(opened.ports.clock.as_ref(), &[What::AccountDisabled], identity);
    if let Some(kind) = notice {
        records = with_letters(opened, identity, kind, None, records).await?;
    }
    let shut = opened.ports.accounts.change_recorded(&identity.id, AccountChange::Disabled(true), &records).await;
    there(store_result(shut)?, account)?;
    audit::log(&records);
    Ok(())
}

/// Changes the account, and writes what happened in the same step.
async fn change(opened: &OpenStores, account: &Account, change: AccountChange, what: What) -> CommandResult {
    let identity = &account.identity;
    let records = audit::records(opened.ports.clock.as_ref(), &[what], identity);
    there(store_result(opened.ports.accounts.change_recorded(&identity.id, change, &records).await)?, account)?;
    audit::log(&records);
    Ok(())
}

fn there(found: bool, account: &Account) -> CommandResult {
    if found {
        return Ok(());
    }
    Err(Failure::failed(format!("{} is gone: somebody else deleted it meanwhile", account.identity.username)))
}
