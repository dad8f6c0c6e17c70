//! `stepgate session`: look at sessions and end them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::accounts::{self, OpenStores, store_result};
use super::args::ConfigFile;
use super::args::Session as Command;
use super::audit;
use super::exit::{CommandResult, Failure};
use super::output::table::write_table;
use super::output::terminal::{self, UnreadableRows, write_stderr};
use super::output::text::escape;
use super::output::time::{brief, is_live};
use super::user::EndedSessions;
use crate::auth::event::What;
use crate::auth::session::{Channel, Session};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Account, Answer};
use crate::flow::sessions::end_sessions;

pub(crate) async fn run(command: Command) -> CommandResult {
    match command {
        Command::List { file, user, json } => list(&file, user.as_deref(), json).await,
        Command::Revoke { id: _, file, user: Some(name) } => revoke_all(&file, &name).await,
        Command::Revoke { id: Some(id), file, user: None } => revoke(&file, &id).await,
        Command::Revoke { id: None, user: None, .. } => Err(Failure::usage("name a session, or --user NAME")),
    }
}

/// The accounts a command is about: one, or all that can be read.
async fn accounts(
    opened: &OpenStores,
    user: Option<&str>,
    unreadable: &mut UnreadableRows,
) -> CommandResult<Vec<Account>> {
    match user {
        Some(name) => Ok(vec![accounts::find(&opened.ports, name).await?]),
        None => accounts::all(opened, unreadable).await,
    }
}

async fn list(file: &ConfigFile, user: Option<&str>, json: bool) -> CommandResult {
    let opened = accounts::open(file).await?;
    let now = opened.ports.clock.now();
    let lifetimes = opened.settings.flow.session;
    let (mut values, mut unreadable) = (Vec::new(), UnreadableRows::default());
    let mut rows = vec![["SESSION", "USER", "HOST", "FROM", "PROVED", "AGE"].map(str::to_owned).to_vec()];
    for account in accounts(&opened, user, &mut unreadable).await? {
        for (key, session) in store_result(opened.ports.sessions.of_user(&account.identity.id).await)? {
            let name = || format!("a session of {} ({})", escape(account.identity.username.as_str()), key.encoded());
            let session = unreadable.readable(session, name).filter(|session| is_live(&lifetimes, session, now));
            let Some(session) = session else { continue };
            values.push(value(&session, &lifetimes.ends_at(&session).rfc3339()));
            rows.push(row(&session, now));
        }
    }
    if json {
        terminal::write_json(&values)?;
    } else {
        write_table(rows, &[2, 3])?;
    }
    unreadable.finish()
}

fn value(session: &Session, ends: &str) -> Value {
    json!({
        "id": session.id,
        "username": session.identity.username,
        "host": session.host,
        "channel": match session.channel { Channel::Cookie => "cookie", Channel::Bearer => "bearer" },
        "methods": session.proofs.methods(),
        "amr": session.proofs.amr(),
        "client_ip": session.client_ip,
        "user_agent": session.user_agent,
        "created_at": session.created_at.rfc3339(),
        "seen_at": session.seen_at.rfc3339(),
        "ends_at": ends,
    })
}

fn row(session: &Session, now: Timestamp) -> Vec<String> {
    // That several proofs are several need not be told again.
    let proved: Vec<_> = session.proofs.amr().into_iter().filter(|word| *word != "mfa").collect();
    vec![
        escape(&session.id),
        escape(session.identity.username.as_str()),
        escape(&session.host),
        session.client_ip.to_string(),
        proved.join(","),
        brief(now.since(session.created_at)),
    ]
}

async fn revoke(file: &ConfigFile, id: &str) -> CommandResult {
    let opened = accounts::open(file).await?;
    // It may be one of an account that cannot be read: which is told.
    for account in accounts(&opened, None, &mut UnreadableRows::default()).await? {
        let sessions = store_result(opened.ports.sessions.of_user(&account.identity.id).await)?;
        let named = |session: &Answer<Session>| session.as_ref().is_ok_and(|session| session.id == id);
        let named = sessions.iter().filter(|(_, session)| named(session)).filter_map(|(_, s)| s.as_ref().ok());
        let hosts: BTreeSet<&str> = named.map(|session| session.host.as_str()).collect();
        if hosts.is_empty() {
            continue;
        }
        // One id may stand behind several keys, on one host or on many: each is ended.
        store_result(accounts::insist(|| opened.ports.sessions.revoke_family(&account.identity.id, id)).await)?;
        audit::record(&opened.stores, What::SessionRevoked, &account.identity, Some(id.to_owned())).await;
        write_stderr(&format!("ended session {} of {}{}", escape(id), account.identity.username, on(&hosts)));
        return Ok(());
    }
    Err(Failure::failed(format!("no session {}", escape(id))))
}

/// On which hosts, where there are several.
fn on(hosts: &BTreeSet<&str>) -> String {
    let mut all: Vec<String> = hosts.iter().map(|host| escape(host)).collect();
    match all.pop() {
        Some(last) if !all.is_empty() => format!(" on {} and {last}", all.join(", ")),
        _ => String::new(),
    }
}

async fn revoke_all(file: &ConfigFile, name: &str) -> CommandResult {
    let opened = accounts::open(file).await?;
    let account = accounts::find(&opened.ports, name).await?;
    let count = store_result(accounts::insist(|| end_sessions(&opened.ports, &account.identity.id)).await)?;
    audit::record(&opened.stores, What::SessionsRevoked, &account.identity, None).await;
    write_stderr(&format!("{}: {}", account.identity.username, EndedSessions(count)));
    Ok(())
}
