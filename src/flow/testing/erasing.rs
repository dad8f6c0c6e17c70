//! Accounts that go.

use async_trait::async_trait;

use super::{State, World};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{
    Answer, Erasures, IsMeant, Recipient, Records, Remainder, StoreError, Sweep, SweepStep, SweptEntry,
};

/// When somebody went, until when what is left of them is somebody's task, and the sessions that they had.
#[derive(Clone, Default)]
pub(crate) struct OpenErasure {
    pub(crate) at: Timestamp,
    pub(crate) leased_until: Timestamp,
    pub(crate) sessions: Vec<String>,
    pub(crate) is_swept: bool,
    /// Whether the files that they stood in are held open by somebody.
    pub(crate) is_held: bool,
}

impl State {
    /// Takes an account with all that lasts of it.
    pub(super) fn erase(&mut self, id: &UserId, letters: &[String], records: &Records) -> bool {
        let Some(account) = self.accounts.remove(id) else { return false };
        self.totp.remove(id);
        self.backup.remove(id);
        self.addresses.retain(|(of, _)| of != id);
        self.passkeys.retain(|(of, _)| of != id);
        self.lockouts.retain(|(of, _), _| of != id);
        let mut at = 0_usize;
        self.letters.retain(|_| {
            at += 1;
            !letters.contains(&(at - 1).to_string())
        });
        for (_, event) in &mut self.trail {
            let unknown = event.user.is_none() && event.username.as_ref() == Some(&account.identity.username);
            if unknown || event.user.as_ref() == Some(id) {
                event.username = None;
            }
        }
        self.keep(records);
        let at = records.entries.first().map(|(at, ..)| *at).unwrap_or_default();
        self.erasures.insert(id.clone(), OpenErasure { at, ..OpenErasure::default() });
        true
    }

    /// The places of the letters for these people.
    pub(super) fn addressed_to(&self, recipients: &[Recipient]) -> Vec<String> {
        let all = self.letters.iter().enumerate();
        let meant = all.filter(|(_, (letter, _))| letter.recipient().is_some_and(|to| to.is_among(recipients)));
        meant.map(|(at, _)| at.to_string()).collect()
    }
}

#[async_trait]
impl Erasures for World {
    async fn remember_sessions(&self, user: &UserId, sessions: &[String]) -> Answer<()> {
        self.call(|s| {
            if let Some(erasure) = s.erasures.get_mut(user) {
                erasure.sessions.extend_from_slice(sessions);
            }
        })
    }

    async fn lease(&self, now: Timestamp, before: Timestamp, until: Timestamp) -> Answer<Vec<Remainder>> {
        self.call(|s| {
            let free = s.erasures.iter_mut().filter(|(_, it)| it.at <= before && it.leased_until <= now);
            let leased = free.map(|(user, erasure)| {
                erasure.leased_until = until;
                Remainder { user: user.clone(), sessions: erasure.sessions.clone(), is_swept: erasure.is_swept }
            });
            leased.collect()
        })
    }

    async fn renew(&self, old: Timestamp, new: Timestamp) -> Answer<()> {
        self.call(|s| {
            let mine = s.erasures.values_mut().filter(|erasure| erasure.leased_until == old);
            mine.for_each(|erasure| erasure.leased_until = new);
        })
    }

    async fn scrub(&self, user: &UserId) -> Answer<u64> {
        self.call(|s| {
            let named =
                |event: &crate::auth::event::Event| event.user.as_ref() == Some(user) && event.username.is_some();
            let mut named: Vec<_> = s.trail.iter_mut().filter(|(_, event)| named(event)).collect();
            named.iter_mut().for_each(|(_, event)| event.username = None);
            named.len() as u64
        })
    }

    async fn remember_swept(&self, users: &[UserId], _: Timestamp) -> Answer<()> {
        self.call(|s| {
            let swept = s.erasures.iter_mut().filter(|(user, _)| users.contains(user));
            swept.for_each(|(_, erasure)| erasure.is_swept = true);
        })
    }

    async fn finish(&self, users: &[UserId]) -> Answer<()> {
        self.call(|s| s.erasures.retain(|user, _| !users.contains(user)))
    }
}

#[async_trait]
impl Sweep for World {
    async fn step(&self, from: Option<&str>, is_meant: IsMeant<'_>) -> Answer<SweepStep> {
        const SOME: usize = 100;
        let place: usize = from.unwrap_or("0").parse().unwrap();
        self.call(|s| {
            let mut names: Vec<_> = s.transient.keys().cloned().collect();
            names.sort_by_key(|(kind, name)| (kind.name(), name.clone()));
            let mut removed = 0;
            for name in names.iter().skip(place).take(SOME) {
                let Some((sealed, _)) = s.transient.get(name) else { continue };
                if is_meant(SweptEntry::Value(name.0, &name.1, sealed)) {
                    s.transient.remove(name);
                    removed += 1;
                }
            }
            if names.len() > place + SOME {
                return SweepStep { removed, next: Some((place + SOME - removed as usize).to_string()) };
            }
            let before = s.marks.len();
            s.marks.retain(|mark, _| !is_meant(SweptEntry::Mark(mark)));
            SweepStep { removed: removed + (before - s.marks.len()) as u64, next: None }
        })
    }

    async fn settle(&self) -> Answer<()> {
        match self.call(|s| s.erasures.values().any(|erasure| erasure.is_held))? {
            true => Err(StoreError::new("test", "somebody reads the files")),
            false => Ok(()),
        }
    }
}
