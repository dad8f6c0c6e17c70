//! `stepgate session`: look at sessions and end them.

use serde_json::{Value, json};

use super::accounts::{self, Opened, answered};
use super::args::Session as Command;
use super::outcome::{Failure, Gaps, Outcome};
use super::terminal::{self, clean, say, table};
use super::user::ended;
use super::when::{brief, is_live, iso};
use super::{ConfigFile, audit};
use crate::auth::event::What;
use crate::auth::session::{Channel, Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Account, Answer};
use crate::flow::session::end_sessions;

pub(crate) async fn run(command: Command) -> Outcome {
    match command {
        Command::List { file, user, json } => list(&file, user.as_deref(), json).await,
        Command::Revoke { id: _, file, user: Some(name) } => revoke_all(&file, &name).await,
        Command::Revoke { id: Some(id), file, user: None } => revoke(&file, &id).await,
        Command::Revoke { id: None, user: None, .. } => Err(Failure::usage("name a session, or --user NAME")),
    }
}

/// The accounts a command is about: one, or all that can be read.
async fn accounts(opened: &Opened, user: Option<&str>, gaps: &mut Gaps) -> Outcome<Vec<Account>> {
    match user {
        Some(name) => Ok(vec![accounts::find(&opened.ports, name).await?]),
        None => accounts::all(opened, gaps).await,
    }
}

async fn list(file: &ConfigFile, user: Option<&str>, json: bool) -> Outcome {
    let opened = accounts::open(file).await?;
    let now = opened.ports.clock.now();
    let lifetimes = opened.settings.flow.session;
    let (mut values, mut gaps) = (Vec::new(), Gaps::default());
    let mut rows = vec![["SESSION", "USER", "HOST", "FROM", "PROVED", "AGE"].map(str::to_owned).to_vec()];
    for account in accounts(&opened, user, &mut gaps).await? {
        for (key, session) in answered(opened.ports.sessions.of_user(&account.identity.id).await)? {
            let name = || format!("a session of {} ({})", clean(account.identity.username.as_str()), key.encoded());
            let session = gaps.filled(session, name).filter(|session| is_live(&lifetimes, session, now));
            let Some(session) = session else { continue };
            values.push(value(&session, &iso(lifetimes.ends_at(&session))));
            rows.push(row(&session, now));
        }
    }
    if json {
        terminal::json(&values)?;
    } else {
        table(rows, &[2, 3])?;
    }
    gaps.told()
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
        "created_at": iso(session.created_at),
        "seen_at": iso(session.seen_at),
        "ends_at": ends,
    })
}

fn row(session: &Session, now: Timestamp) -> Vec<String> {
    // That several proofs are several need not be told again.
    let proved: Vec<_> = session.proofs.amr().into_iter().filter(|word| *word != "mfa").collect();
    vec![
        clean(&session.id),
        clean(session.identity.username.as_str()),
        clean(&session.host),
        session.client_ip.to_string(),
        proved.join(","),
        brief(now.since(session.created_at)),
    ]
}

async fn revoke(file: &ConfigFile, id: &str) -> Outcome {
    let opened = accounts::open(file).await?;
    // It may be one of an account that cannot be read: which is told.
    for account in accounts(&opened, None, &mut Gaps::default()).await? {
        let sessions = answered(opened.ports.sessions.of_user(&account.identity.id).await)?;
        let named = |session: &Answer<Session>| session.as_ref().is_ok_and(|session| session.id == id);
        let keys: Vec<SessionKey> = sessions.iter().filter(|(_, s)| named(s)).map(|(key, _)| *key).collect();
        if keys.is_empty() {
            continue;
        }
        // One id may stand behind several keys: each is ended.
        for key in keys {
            answered(opened.ports.sessions.revoke(&key).await)?;
        }
        audit::record(&opened.stores, What::SessionRevoked, &account.identity, Some(id.to_owned())).await;
        say(&format!("ended session {} of {}", clean(id), account.identity.username));
        return Ok(());
    }
    Err(Failure::failed(format!("no session {}", clean(id))))
}

async fn revoke_all(file: &ConfigFile, name: &str) -> Outcome {
    let opened = accounts::open(file).await?;
    let account = accounts::find(&opened.ports, name).await?;
    let count = answered(end_sessions(&opened.ports, &account.identity.id).await)?;
    audit::record(&opened.stores, What::SessionsRevoked, &account.identity, None).await;
    say(&format!("{}: {}", account.identity.username, ended(count)));
    Ok(())
}
