//! The end of an account, by whoever may: first in the database, in one step, then where moments are kept. What the second
//! part could not reach is told by the database, and taken away later.

use std::time::Duration;

use super::ports::{Account, Answer, Ports, Recipient, Records, TransientKind, record_context};
use super::risk::forget_person;
use crate::auth::ceremony::Erasure;
use crate::auth::factor::authenticator::{AddressKind, Enrolled};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::throttle::{Counter, account_of_name};
use crate::auth::user::{UserId, Username};

/// After so long it is looked for what was written of somebody in the moment in which they went: behind an answer, or by a node
/// that had read the account before. Once, for it means to look through all that is kept.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// What became of an account that was to end.
pub struct Erased {
    /// Whether it was there until now: true for one caller.
    pub was_there: bool,
    /// How many sessions ended; `None`: where moments are kept did not answer, and is asked again later.
    pub ended: Option<u64>,
}

/// Ends an account: with all that lasts of it and the letters that wait for its owner, then with its sessions and all that belongs
/// to a moment. One whose account is gone already is finished.
///
/// # Errors
/// The database did not answer; the account is there, or gone as a whole.
pub async fn erase_account(ports: &Ports, erasure: &Erasure, records: &Records) -> Answer<Erased> {
    let (was_there, name) = delete_account(ports, erasure, records).await?;
    Ok(Erased { was_there, ended: forget_account(ports, erasure, name.as_ref()).await })
}

/// The first part, in one step of the database; whether the account was there until now, and its name.
pub(super) async fn delete_account(
    ports: &Ports,
    erasure: &Erasure,
    records: &Records,
) -> Answer<(bool, Option<Username>)> {
    let user = erasure.user();
    let account = ports.accounts.load(user).await?;
    let enrolled = ports.authenticators.of(user).await?;
    let letters = ports.outbox.addressed_to(&recipients(account.as_ref(), &enrolled)).await?;
    let was_there = ports.accounts.delete_recorded(user, &letters, records).await?;
    Ok((was_there, account.map(|account| account.identity.username)))
}

/// The second part. `None`: a store did not answer; the database remembers that this is not done.
pub(super) async fn forget_account(ports: &Ports, erasure: &Erasure, name: Option<&Username>) -> Option<u64> {
    forget(ports, erasure.user(), name, false).await.ok()
}

/// Takes away what is left of accounts that are gone. Says of how many.
///
/// # Errors
/// A store did not answer; what is left is taken away another time.
pub async fn finish_erasures(ports: &Ports) -> Answer<usize> {
    let now = ports.clock.now();
    let mut gone = ports.erasures.unfinished().await?;
    gone.retain(|(_, at)| now.since(*at) >= AFTERWARDS);
    for (user, _) in &gone {
        forget(ports, user, None, true).await?;
        ports.erasures.scrub(user).await?;
        ports.erasures.finish(user).await?;
    }
    Ok(gone.len())
}

/// Where letters for somebody go.
fn recipients(account: Option<&Account>, enrolled: &Enrolled) -> Vec<Recipient> {
    let of = |kind: AddressKind, value: &str| match kind {
        AddressKind::Email => Recipient::Email(value.to_owned()),
        AddressKind::Sms => Recipient::Phone(value.to_owned()),
    };
    let email = account.and_then(|account| account.identity.email.clone()).map(Recipient::Email);
    enrolled.addresses.iter().map(|address| of(address.kind, &address.value)).chain(email).collect()
}

/// Takes away what belongs to a moment. Traces may be many: `all` of it is for whoever nobody waits for.
async fn forget(ports: &Ports, user: &UserId, name: Option<&Username>, all: bool) -> Answer<u64> {
    let sessions = ports.sessions.of_user(user).await?;
    let sessions = sessions.into_iter().filter_map(|(_, session)| session.ok()).map(|session| session.id);
    let names: Vec<String> = sessions.chain([user.0.clone()]).collect();
    let ended = ports.sessions.revoke_all(user).await?;
    forget_person(ports, user).await?;
    if let Some(name) = name {
        ports.throttle.forgive(&counters(name)).await?;
    }
    for kind in TransientKind::ALL {
        if !all && kind == TransientKind::Trace {
            continue;
        }
        let is_meant = |name: &str, sealed: &_| {
            let opened = ports.vault.open(&record_context(kind, name), sealed);
            opened.is_ok_and(|plain| names.iter().any(|name| holds(plain.expose(), name.as_bytes())))
        };
        ports.transient.sweep(kind, &is_meant).await?;
    }
    Ok(ended)
}

/// The counters of a name, which may be somebody else's tomorrow.
fn counters(name: &Username) -> Vec<String> {
    let account = account_of_name(name.as_str());
    let of = |method: Method| [Counter::Account(&account), Counter::Failures(&account)].map(|c| c.key(method));
    MethodSet::ALL.iter().flat_map(of).collect()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}
