//! The end of an account, by whoever may: first in the database, in one step, then its sessions and what is kept under names that
//! are known. All else that belongs to a moment takes a look through everything that is kept, for which nobody waits: the database
//! tells of whom something may be left, and one node at a time takes it away.

use std::time::Duration;

use super::ports::{Answer, Ports, Recipient, Records, Remainder, SweptEntry, record_context};
use super::risk::forget_person;
use crate::auth::ceremony::Erasure;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord, Enrolled};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::throttle::{Counter, account_of_name};
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};

/// After so long everything is looked through: once, and for what was written in the moment in which somebody went, too: behind an
/// answer, or by a node that had read the account before.
const AFTERWARDS: Duration = Duration::from_secs(60);
/// How long a node has this to itself; one that dies leaves it to another then.
const LEASE: Duration = Duration::from_secs(60);

/// What became of an account that was to end.
pub struct Erased {
    /// Whether it was there until now: true for one caller.
    pub was_there: bool,
    /// How many sessions ended; `None`: where moments are kept did not answer, and is asked again later.
    pub ended: Option<u64>,
}

/// Ends an account: with all that lasts of it and the letters that wait for its owner, then with its sessions. The rest is up to
/// [`finish_erasures`]. One whose account is gone already is finished.
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
    let letters = ports.outbox.addressed_to(&recipients(&enrolled)).await?;
    let was_there = ports.accounts.delete_recorded(user, &letters, records).await?;
    Ok((was_there, account.map(|account| account.identity.username)))
}

/// The second part. `None`: a store did not answer; the database remembers that this is not done.
pub(super) async fn forget_account(ports: &Ports, erasure: &Erasure, name: Option<&Username>) -> Option<u64> {
    forget(ports, erasure.user(), name).await.ok()
}

/// Takes away what is left of accounts that are gone, as far as no other node is about it. Says of how many.
///
/// # Errors
/// A store did not answer; what is left is taken away another time.
pub async fn finish_erasures(ports: &Ports) -> Answer<usize> {
    let now = ports.clock.now();
    let until = now.plus(LEASE);
    let left = ports.erasures.lease(now, now.minus(AFTERWARDS), until).await?;
    if left.is_empty() {
        return Ok(0);
    }
    let unswept: Vec<&Remainder> = left.iter().filter(|remainder| !remainder.is_swept).collect();
    if !unswept.is_empty() {
        take_away(ports, &unswept, until).await?;
        // Files may be held open by somebody who reads them: what was looked through is not looked through again for that.
        let users: Vec<UserId> = unswept.into_iter().map(|remainder| remainder.user.clone()).collect();
        ports.erasures.remember_swept(&users, ports.clock.now()).await?;
    }
    ports.sweep.settle().await?;
    let users: Vec<UserId> = left.into_iter().map(|remainder| remainder.user).collect();
    ports.erasures.finish(&users).await?;
    Ok(users.len())
}

/// Takes away what is left of these but in files.
async fn take_away(ports: &Ports, left: &[&Remainder], until: Timestamp) -> Answer<()> {
    let mut names = Vec::new();
    for Remainder { user, sessions, .. } in left {
        // Again: it may not have answered the first time.
        names.extend(end_sessions(ports, user).await?.0);
        forget_person(ports, user).await?;
        names.extend(sessions.iter().cloned().chain([user.0.clone()]));
    }
    sweep(ports, &names, until).await?;
    for Remainder { user, .. } in left {
        ports.erasures.scrub(user).await?;
    }
    Ok(())
}

/// Takes away whatever names one of these, step by step, for as long as it takes.
async fn sweep(ports: &Ports, names: &[String], mut until: Timestamp) -> Answer<()> {
    let named = |text: &[u8]| names.iter().any(|name| holds(text, name.as_bytes()));
    let is_meant = |entry: SweptEntry<'_>| match entry {
        SweptEntry::Mark(mark) => named(mark.as_bytes()),
        SweptEntry::Value(kind, name, sealed) => {
            let opened = ports.vault.open(&record_context(kind, name), sealed);
            named(name.as_bytes()) || opened.is_ok_and(|plain| named(plain.expose()))
        }
    };
    let mut from = None;
    loop {
        from = ports.sweep.step(from.as_deref(), &is_meant).await?.next;
        if from.is_none() {
            return Ok(());
        }
        let now = ports.clock.now();
        if until.since(now) < LEASE / 2 {
            ports.erasures.renew(until, now.plus(LEASE)).await?;
            until = now.plus(LEASE);
        }
    }
}

/// Where letters for somebody go: addresses that they have confirmed. What an operator noted in their profile may be somebody else's.
pub(in crate::flow) fn recipients(enrolled: &Enrolled) -> Vec<Recipient> {
    let of = |address: &AddressRecord| match address.kind {
        AddressKind::Email => Recipient::Email(address.value.clone()),
        AddressKind::Sms => Recipient::Phone(address.value.clone()),
    };
    enrolled.addresses.iter().map(of).collect()
}

/// Ends what counts for something, and what lies under names that are known.
async fn forget(ports: &Ports, user: &UserId, name: Option<&Username>) -> Answer<u64> {
    let (_, ended) = end_sessions(ports, user).await?;
    forget_person(ports, user).await?;
    if let Some(name) = name {
        ports.throttle.forgive(&counters(name)).await?;
    }
    Ok(ended)
}

/// The ids of somebody's sessions, and how many ended. The ids are remembered first: other values may name nothing else.
async fn end_sessions(ports: &Ports, user: &UserId) -> Answer<(Vec<String>, u64)> {
    let sessions = ports.sessions.of_user(user).await?;
    let ids: Vec<String> = sessions.into_iter().filter_map(|(_, session)| Some(session.ok()?.id)).collect();
    ports.erasures.remember_sessions(user, &ids).await?;
    let ended = ports.sessions.revoke_all(user).await?;
    Ok((ids, ended))
}

/// The counters of a name, which may be somebody else's tomorrow.
fn counters(name: &Username) -> Vec<String> {
    let account = account_of_name(name.as_str());
    let of = |method: Method| {
        [Counter::Account(&account), Counter::Failures(&account), Counter::FailuresNotice(&account)]
            .map(|c| c.key(method))
    };
    MethodSet::ALL.iter().flat_map(of).collect()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}
