//! Invitations: an operator asks somebody to make an account, whoever may sign up.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::notices::hosts;
use crate::auth::address::mail_address;
use crate::auth::event::What;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::host;
use crate::auth::text::similar::nearest;
use crate::auth::time::Timestamp;
use crate::auth::user::Group;
use crate::cli::accounts::{self, OpenStores, store_result};
use crate::cli::args::{ConfigFile, InviteUser};
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::table::write_table;
use crate::cli::output::terminal::{self, write_stderr, write_stdout};
use crate::cli::output::text::escape;
use crate::config::Settings;
use crate::flow::Flows;
use crate::flow::ports::Invitation;
use crate::flow::sign_up::NewInvitation;

/// Prints a link, once, and mails it where there is mail.
pub(crate) async fn invite(args: &InviteUser) -> CommandResult {
    let email = mail_address::parse(&args.address).ok_or_else(|| {
        let typed = escape(&args.address);
        Failure::usage(format!("{typed} is no mail address; write one as ann@example.com"))
    })?;
    let mut groups = accounts::groups(&args.groups)?;
    groups.sort();
    groups.dedup();
    let opened = accounts::open(&args.file).await?;
    let OpenStores { settings, ports, stores: _ } = &opened;
    let host = host_of(args.host.as_deref(), settings)?;
    refuse_known(&opened, &email).await?;
    groups.iter().for_each(|group| warn_of_unnamed(group, settings));
    let flows = Flows::new(ports.clone(), settings.flow.clone());
    let new = NewInvitation { email: &email, groups, origin: &settings.proxy.listen.origin_of(host), host };
    let records = audit::of_nobody(ports.clock.as_ref(), What::InvitationMade);
    let made = store_result(flows.invite(new, records.clone()).await)?;
    audit::log(&records);
    let (invitation, mailed) = (&made.invitation, settings.flow.mail);
    if args.json {
        let mut shown = value(invitation, invitation.created_at);
        if let Value::Object(members) = &mut shown {
            members.insert("url".to_owned(), made.url.expose().into());
            members.insert("mailed".to_owned(), mailed.into());
            members.insert("replaced".to_owned(), made.replaced.into());
        }
        return terminal::write_json(&shown);
    }
    write_stdout(&format!("{}\n", made.url.expose()))?;
    let (who, until) = (escape(&email), invitation.expires_at.rfc3339());
    write_stderr(&format!("invited {who} as {}; the link is good once, until {until}", invitation.id));
    if made.replaced {
        write_stderr("The invitation that this address had before is no longer good.");
    }
    write_stderr(if mailed {
        "A running gateway mails it there. Whoever has the link makes the account: show it to nobody else."
    } else {
        "Nothing was mailed, for want of `mail`: hand it to the person themselves. Whoever has it makes the account."
    });
    Ok(())
}

/// Lists those that are kept; the link of none can be shown again.
pub(crate) async fn list(file: &ConfigFile, json: bool) -> CommandResult {
    let opened = accounts::open(file).await?;
    let (all, now) = (store_result(opened.ports.sign_ups.invitations().await)?, opened.ports.clock.now());
    if json {
        return terminal::write_json(&all.iter().map(|invitation| value(invitation, now)).collect::<Vec<_>>());
    }
    let mut rows = vec![["ID", "STATE", "ADDRESS", "GROUPS", "UNTIL"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|invitation| {
        let groups: Vec<String> = invitation.groups.iter().map(|group| escape(&group.0)).collect();
        let groups = if groups.is_empty() { "-".to_owned() } else { groups.join(",") };
        let (state, until) = (state(invitation, now).to_owned(), invitation.expires_at.rfc3339());
        let email = if invitation.email.is_empty() { "-".to_owned() } else { escape(&invitation.email) };
        vec![invitation.id.clone(), state, email, groups, until]
    }));
    write_table(rows, &[2, 3])
}

/// Takes one back that was not used.
pub(crate) async fn revoke(id: &str, file: &ConfigFile) -> CommandResult {
    let opened = accounts::open(file).await?;
    let records = audit::of_nobody(opened.ports.clock.as_ref(), What::InvitationRevoked);
    if !store_result(opened.ports.sign_ups.revoke_invitation(id, &records).await)? {
        let hint = "`stepgate user invitations` lists those that can be taken back";
        return Err(Failure::failed(format!("no invitation {} waits; {hint}", escape(id))));
    }
    audit::log(&records);
    write_stderr(&format!("revoked {id}: its link makes no account any more"));
    Ok(())
}

/// The host whose page the link leads to.
fn host_of<'a>(given: Option<&str>, settings: &'a Settings) -> CommandResult<&'a str> {
    let hosts = hosts(settings);
    let listed = || hosts.join(", ");
    let Some(given) = given else {
        return match hosts[..] {
            [only] => Ok(only),
            _ => Err(Failure::usage(format!("there are several hosts; say by --host where to sign up: {}", listed()))),
        };
    };
    let wanted = host::from_operator(given);
    let found = hosts.iter().copied().find(|host| Some(*host) == wanted.as_deref());
    found.ok_or_else(|| {
        Failure::usage(format!("{} is no host where people sign in; --host takes one of: {}", escape(given), listed()))
    })
}

/// An address that has an account makes no other.
async fn refuse_known(opened: &OpenStores, email: &str) -> CommandResult {
    let owner = opened.ports.addresses.owner(AddressKind::Email, &mail_address::folded(email)).await;
    let Some(owner) = store_result(owner)? else { return Ok(()) };
    let account = store_result(opened.ports.accounts.load(&owner).await)?;
    let name = account.map_or_else(|| "another account".to_owned(), |a| escape(a.identity.username.as_str()));
    Err(Failure::failed(format!("{} is the address of {name}; nobody was invited", escape(email))))
}

/// A group that no rule names is most often a slip of the pen; apps are told it all the same.
fn warn_of_unnamed(group: &Group, settings: &Settings) {
    let named: BTreeSet<&Group> =
        settings.policy.apps().flat_map(|app| app.rules.all()).flat_map(|rule| rule.access.groups()).collect();
    if named.contains(group) {
        return;
    }
    let near = nearest(&group.0, named.iter().map(|named| named.0.as_str()));
    let hint = near.map_or_else(String::new, |near| format!("; did you mean {}?", escape(near)));
    write_stderr(&format!("no rule names the group {}{hint}", escape(&group.0)));
}

fn value(invitation: &Invitation, now: Timestamp) -> Value {
    json!({
        "id": invitation.id,
        "email": Some(&invitation.email).filter(|email| !email.is_empty()),
        "groups": invitation.groups,
        "state": state(invitation, now),
        "created_at": invitation.created_at.rfc3339(),
        "expires_at": invitation.expires_at.rfc3339(),
        "used_at": invitation.used_at.map(Timestamp::rfc3339),
    })
}

fn state(invitation: &Invitation, now: Timestamp) -> &'static str {
    match invitation.used_at {
        Some(_) => "used",
        None if invitation.is_open(now) => "open",
        None => "expired",
    }
}
