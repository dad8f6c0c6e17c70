//! Accounts that go.

use async_trait::async_trait;

use super::{State, World};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, Erasures, Recipient, Records};

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
        self.erasures.insert(id.clone(), records.entries.first().map(|(at, ..)| *at).unwrap_or_default());
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
    async fn unfinished(&self) -> Answer<Vec<(UserId, Timestamp)>> {
        self.call(|s| s.erasures.iter().map(|(user, at)| (user.clone(), *at)).collect())
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

    async fn finish(&self, user: &UserId) -> Answer<()> {
        self.call(|s| {
            s.erasures.remove(user);
        })
    }
}
