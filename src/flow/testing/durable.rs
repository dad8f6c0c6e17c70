//! The SQL ports in memory.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use tokio::task::yield_now;

use super::{State, World};
use crate::auth::event::{Event, EventKind, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord, BackupSet, Enrolled, TotpRecord};
use crate::auth::history::{Activity, ActivityCursor, ActivityPage, Failure, SignIn, TrailRow, TrailStep};
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};
use crate::flow::ports::{
    Account, AccountChange, Accounts, Addresses, Answer, Authenticators, DisabledFactors, History, Records, Removal,
};

pub(super) fn over(account: &mut Account) {
    over_but_kept(account, true);
}

pub(super) fn over_but_kept(account: &mut Account, ends_sessions: bool) {
    account.generation.credentials += 1;
    account.generation.sessions += u64::from(ends_sessions);
}

#[async_trait]
impl Accounts for World {
    async fn find(&self, name: &Username) -> Answer<Option<Account>> {
        self.call(|s| s.accounts.values().find(|a| a.identity.username == *name).cloned())
    }

    async fn load(&self, id: &UserId) -> Answer<Option<Account>> {
        self.call(|s| s.accounts.get(id).cloned())
    }

    async fn create_recorded(&self, account: &Account, records: &Records) -> Answer<bool> {
        self.call(|s| {
            if s.accounts.contains_key(&account.identity.id) {
                return false;
            }
            s.accounts.insert(account.identity.id.clone(), account.clone());
            s.keep(records);
            true
        })
    }

    async fn change_recorded(&self, id: &UserId, change: AccountChange, records: &Records) -> Answer<bool> {
        self.call(|s| {
            let Some(account) = s.accounts.get_mut(id) else { return false };
            let ends = change.ends_recoveries();
            match change {
                AccountChange::PasswordHash(hash) => {
                    account.password_hash = Some(hash);
                    over(account);
                }
                AccountChange::OwnPassword { to, under, ends_sessions } => {
                    if account.generation.credentials != under {
                        return false;
                    }
                    account.password_hash = Some(to);
                    account.generation.credentials += 1;
                    account.generation.sessions += u64::from(ends_sessions);
                }
                AccountChange::BrowsersForgotten => {
                    let before = account.generation.credentials;
                    account.generation.credentials += 1;
                    let waiting = s.recoveries.iter_mut().find(|w| w.user == *id && w.credentials == before);
                    waiting.into_iter().for_each(|waiting| waiting.credentials += 1);
                }
                AccountChange::Rehash { from, to } => {
                    if account.password_hash.as_ref().is_none_or(|hash| hash.expose() != from.expose()) {
                        return false;
                    }
                    account.password_hash = Some(to);
                }
                AccountChange::Disabled(disabled) => {
                    account.disabled = disabled;
                    if disabled {
                        over(account);
                    }
                }
                AccountChange::Groups(groups) => {
                    account.identity.groups = groups;
                    account.generation.sessions += 1;
                }
                AccountChange::SessionsEnded => account.generation.sessions += 1,
                AccountChange::OutstandingEnded { ends_sessions } => {
                    account.generation.credentials += 1;
                    account.generation.sessions += u64::from(ends_sessions);
                }
                AccountChange::Profile { name, email } => {
                    let who = &mut account.identity;
                    who.name = name.unwrap_or_else(|| who.name.take());
                    who.email = email.unwrap_or_else(|| who.email.take());
                }
                AccountChange::LoggedIn(at) => account.last_login_at = Some(at),
            }
            if ends {
                s.issued_codes.remove(id);
                s.end_waiting(id);
            }
            s.keep(records);
            true
        })
    }

    async fn delete_recorded(&self, id: &UserId, letters: &[String], records: &Records) -> Answer<bool> {
        self.call(|s| s.erase(id, letters, records))
    }

    async fn list(&self) -> Answer<Vec<Answer<Account>>> {
        self.call(|s| s.accounts.values().cloned().map(Ok).collect())
    }
}

#[async_trait]
impl Authenticators for World {
    async fn of(&self, user: &UserId) -> Answer<Enrolled> {
        let found = self.call(|s| Enrolled {
            totp: s.totp.get(user).cloned(),
            backup: s.backup.get(user).map(|(salt, codes)| BackupSet { salt: salt.clone(), left: codes.len() as u32 }),
            locked: s
                .lockouts
                .iter()
                .filter(|((of, _), _)| of == user)
                .filter_map(|((_, method), lockout)| Some((*method, lockout.locked_at?)))
                .collect(),
            addresses: addresses_of(s, user),
            names: s.names.clone(),
            passkeys: s.passkeys.iter().filter(|(of, _)| of == user).map(|(_, passkey)| passkey.clone()).collect(),
        });
        // Others get their turn between a read and what is done with it.
        yield_now().await;
        found
    }

    async fn name(&self, user: &UserId, id: &str, name: &str) -> Answer<bool> {
        self.call(|s| {
            let app = s.totp.get(user).is_some_and(|app| app.id == id);
            let held = app || s.addresses.iter().any(|(of, address)| of == user && address.id == id);
            held.then(|| s.names.insert(id.to_owned(), name.to_owned())).is_some()
        })
    }

    async fn put_totp(&self, user: &UserId, totp: &TotpRecord, ends_sessions: bool, records: &Records) -> Answer<()> {
        self.call(|s| {
            s.lockouts.remove(&(user.clone(), Method::Totp));
            let replaced = s.totp.insert(user.clone(), totp.clone()).is_some();
            if let Some(account) = s.accounts.get_mut(user).filter(|_| replaced) {
                over_but_kept(account, ends_sessions);
            }
            s.end_waiting(user);
            s.keep(records);
        })
    }

    async fn spend_step(&self, user: &UserId, totp: &str, step: u64, at: Timestamp) -> Answer<bool> {
        let forgetful = self.table_forgets.load(Ordering::SeqCst);
        self.call(|s| {
            let Some(record) = s.totp.get_mut(user).filter(|r| r.id == totp) else { return false };
            if record.last_step.is_some_and(|last| last >= step) && !forgetful {
                return false;
            }
            // A weakened table forgets what was spent before.
            record.last_step = (!forgetful).then_some(step);
            record.used_at = Some(at);
            s.spent.push(format!("{user}:{step}"));
            true
        })
    }

    async fn put_backup(&self, user: &UserId, salt: &[u8], digests: &[Vec<u8>], records: &Records) -> Answer<()> {
        self.call(|s| {
            s.lockouts.remove(&(user.clone(), Method::BackupCode));
            s.backup.insert(user.clone(), (salt.to_vec(), digests.iter().cloned().collect()));
            s.keep(records);
        })
    }

    async fn spend_backup(&self, user: &UserId, digest: &[u8], records: &Records) -> Answer<bool> {
        self.call(|s| {
            let spent = s.backup.get_mut(user).is_some_and(|(_, codes)| codes.remove(digest));
            if spent {
                s.spent.push(format!("{user}:{digest:?}"));
                s.keep(records);
            }
            spent
        })
    }

    async fn disable(
        &self,
        user: &UserId,
        factors: DisabledFactors,
        staying: &[&str],
        records: &Records,
    ) -> Answer<Removal> {
        self.call(|s| {
            let kept = s.clone();
            let mut removed = s.totp.remove(user).is_some();
            if factors == DisabledFactors::All {
                let before = s.passkeys.len();
                s.passkeys.retain(|(of, _)| of != user);
                removed |= s.passkeys.len() < before;
            }
            let stands = s.passkeys.iter().any(|(of, _)| of == user);
            if (factors == DisabledFactors::All || removed) && !stands {
                removed |= s.backup.remove(user).is_some();
            }
            if !removed {
                return Removal::NotFound;
            }
            if !all_there(s, user, staying) {
                *s = kept;
                return Removal::Changed;
            }
            s.end_waiting(user);
            for method in [Method::Totp, Method::BackupCode] {
                s.lockouts.remove(&(user.clone(), method));
            }
            s.keep(records);
            Removal::Removed
        })
    }

    async fn remove_all(&self, user: &UserId, records: &Records) -> Answer<u64> {
        self.call(|s| {
            s.keep(records);
            s.lockouts.retain(|(of, _), _| of != user);
            s.issued_codes.remove(user);
            s.end_waiting(user);
            s.accounts.get_mut(user).map(over);
            let before = s.addresses.len();
            s.addresses.retain(|(of, _)| of != user);
            let passkeys = s.passkeys.len();
            s.passkeys.retain(|(of, _)| of != user);
            let others = (before - s.addresses.len() + passkeys - s.passkeys.len()) as u64;
            others + u64::from(s.totp.remove(user).is_some()) + u64::from(s.backup.remove(user).is_some())
        })
    }
}

/// Newest first, as SQL has it.
fn addresses_of(s: &State, user: &UserId) -> Vec<AddressRecord> {
    let mut all: Vec<_> = s.addresses.iter().filter(|(of, _)| of == user).map(|(_, address)| address.clone()).collect();
    all.sort_by_key(|address| std::cmp::Reverse((address.confirmed_at, address.id.clone())));
    all
}

/// Whether a person has all of these ids.
pub(super) fn all_there(s: &State, user: &UserId, ids: &[&str]) -> bool {
    let passkeys = s.passkeys.iter().filter(|(of, _)| of == user).map(|(_, passkey)| passkey.id.as_str());
    let addresses = s.addresses.iter().filter(|(of, _)| of == user).map(|(_, address)| address.id.as_str());
    let there: Vec<&str> =
        s.totp.get(user).map(|totp| totp.id.as_str()).into_iter().chain(passkeys).chain(addresses).collect();
    ids.iter().all(|id| there.contains(id))
}

pub(super) fn is_taken(s: &State, address: &AddressRecord) -> bool {
    s.addresses.iter().any(|(_, other)| (other.kind, other.folded()) == (address.kind, address.folded()))
}

#[async_trait]
impl Addresses for World {
    async fn owner(&self, kind: AddressKind, folded: &str) -> Answer<Option<UserId>> {
        self.call(|s| {
            let found = s.addresses.iter().find(|(_, address)| address.kind == kind && address.folded() == folded);
            found.map(|(user, _)| user.clone())
        })
    }

    async fn add(&self, user: &UserId, address: &AddressRecord, most: u32, records: &Records) -> Answer<bool> {
        self.call(|s| {
            let count = s.addresses.iter().filter(|(of, other)| of == user && other.kind == address.kind).count();
            let free = count < most as usize && !is_taken(s, address);
            if free {
                s.addresses.push((user.clone(), address.clone()));
                s.end_waiting(user);
                s.keep(records);
            }
            free
        })
    }

    async fn remove(&self, user: &UserId, id: &str, staying: &[&str], records: &Records) -> Answer<Removal> {
        self.call(|s| {
            if !s.addresses.iter().any(|(of, address)| of == user && address.id == id) {
                return Removal::NotFound;
            }
            if !all_there(s, user, staying) {
                return Removal::Changed;
            }
            s.addresses.retain(|(of, address)| of != user || address.id != id);
            s.end_waiting(user);
            s.keep(records);
            Removal::Removed
        })
    }

    async fn replace(
        &self,
        user: &UserId,
        kind: AddressKind,
        address: Option<&AddressRecord>,
        records: &Records,
    ) -> Answer<bool> {
        self.call(|s| {
            let (own, others): (Vec<_>, Vec<_>) =
                std::mem::take(&mut s.addresses).into_iter().partition(|(of, other)| of == user && other.kind == kind);
            s.addresses = others;
            if address.is_some_and(|address| is_taken(s, address)) {
                s.addresses.extend(own);
                return false;
            }
            s.accounts.get_mut(user).filter(|_| !own.is_empty()).map(over);
            s.end_waiting(user);
            s.addresses.extend(address.map(|address| (user.clone(), address.clone())));
            s.keep(records);
            true
        })
    }
}

#[async_trait]
impl History for World {
    async fn sign_ins(&self, user: &UserId, after: Timestamp, most: u32) -> Answer<Vec<SignIn>> {
        self.call(|s| {
            let all = s.trail.iter().rev().filter(|(at, e)| *at > after && e.user.as_ref() == Some(user));
            let sign_in = |(at, e): &(Timestamp, Event)| match e.what {
                What::SessionOpened { level } => Some(SignIn {
                    at: *at,
                    ip: e.client_ip.unwrap(),
                    browser: e.browser.clone(),
                    level,
                    agent: e.agent.clone(),
                }),
                _ => None,
            };
            all.filter_map(sign_in).take(most as usize).collect()
        })
    }

    async fn failures(&self, user: &UserId, from: Timestamp, most: u32) -> Answer<Vec<Failure>> {
        self.call(|s| {
            let all = s.trail.iter().rev().filter(|(at, e)| *at >= from && e.user.as_ref() == Some(user));
            let failure = |(at, e): &(Timestamp, Event)| match e.what {
                What::ProofRejected { method, .. } => Some(Failure { at: *at, ip: e.client_ip.unwrap(), method }),
                _ => None,
            };
            all.filter_map(failure).take(most as usize).collect()
        })
    }

    async fn activity(
        &self,
        user: &UserId,
        from: Timestamp,
        cursor: ActivityCursor,
        most: u32,
    ) -> Answer<ActivityPage> {
        self.call(|s| {
            let row = |(at, e): &(Timestamp, Event)| {
                let (kind, method) = (e.what.kind(), e.what.method());
                let (browser, agent, session) = (e.browser.clone(), e.agent.clone(), e.session.clone());
                (*at, Some(Activity { at: *at, kind, method, ip: e.client_ip, browser, agent, session }))
            };
            let own =
                s.trail.iter().rev().filter(|(at, e)| e.user.as_ref() == Some(user) && *at >= from && *at <= cursor.at);
            cursor.page(own.take(cursor.rows_for(most) as usize).map(row).collect(), most)
        })
    }

    async fn last_of(&self, user: &UserId, kinds: &[EventKind]) -> Answer<Option<Timestamp>> {
        self.call(|s| {
            let own = s.trail.iter().filter(|(_, e)| e.user.as_ref() == Some(user) && kinds.contains(&e.what.kind()));
            own.map(|(at, _)| *at).max()
        })
    }

    async fn trail(&self, from: Timestamp, until: Timestamp) -> Answer<Vec<TrailRow>> {
        self.call(|s| {
            let row = |(at, event): &(Timestamp, Event)| {
                let past = || serde_json::from_value(serde_json::to_value(event.risk.as_deref()?).ok()?).ok();
                let step = match event.what {
                    What::SessionOpened { .. } => TrailStep::Opened { learnt: event.learnt },
                    What::SignInAssessed { level } => TrailStep::Assessed(level.name().to_owned(), past()?),
                    What::SessionUnusual { level } => TrailStep::Used(level.name().to_owned(), past()?),
                    _ => return None,
                };
                let session = event.session.clone();
                Some(TrailRow { at: *at, user: event.user.clone()?, ip: event.client_ip, session, step })
            };
            s.trail.iter().filter(|(at, _)| *at >= from && *at < until).filter_map(row).collect()
        })
    }
}
