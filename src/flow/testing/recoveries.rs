//! Recoveries in memory, as SQL has them.

use async_trait::async_trait;

use super::durable::over;
use super::{State, World};
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{
    Answer, CredentialReset, IssuedCode, IssuedCodeUse, Records, Recoveries, RecoveryRef, WaitingRecovery,
};

fn standing(s: &State, which: RecoveryRef<'_>, now: Timestamp) -> Option<WaitingRecovery> {
    let meant = |waiting: &&WaitingRecovery| match which {
        RecoveryRef::Of(user) => waiting.user == *user,
        RecoveryRef::Disowned(key) => waiting.disown_key == key,
    };
    let waiting = s.recoveries.iter().find(meant).filter(|waiting| waiting.ends_at > now)?;
    let account = s.accounts.get(&waiting.user)?;
    (account.generation.credentials == waiting.credentials).then(|| waiting.clone())
}

impl State {
    /// As SQL does where a person signs in by something else from then on.
    pub(super) fn end_waiting(&mut self, user: &UserId) {
        self.recoveries.retain(|waiting| waiting.user != *user);
    }
}

#[async_trait]
impl Recoveries for World {
    async fn begin(&self, new: &WaitingRecovery, records: &Records) -> Answer<WaitingRecovery> {
        self.call(|s| {
            if let Some(stands) = standing(s, RecoveryRef::Of(&new.user), new.begun_at) {
                return stands;
            }
            s.recoveries.retain(|waiting| waiting.user != new.user);
            s.recoveries.push(new.clone());
            s.keep(records);
            new.clone()
        })
    }

    async fn waiting(&self, which: RecoveryRef<'_>, now: Timestamp) -> Answer<Option<WaitingRecovery>> {
        let found = self.call(|s| standing(s, which, now));
        // Others get their turn between a look and what is done by it.
        tokio::task::yield_now().await;
        found
    }

    async fn end(&self, which: RecoveryRef<'_>, now: Timestamp, records: &Records) -> Answer<bool> {
        self.call(|s| {
            let Some(waiting) = standing(s, which, now) else { return false };
            s.recoveries.retain(|other| *other != waiting);
            s.keep(records);
            true
        })
    }

    async fn issue(&self, user: &UserId, code: &IssuedCode<'_>, records: &Records) -> Answer<()> {
        self.call(|s| {
            s.issued_codes.insert(user.clone(), (code.digest.to_owned(), code.expires_at));
            s.keep(records);
        })
    }

    async fn issued(&self, user: &UserId, now: Timestamp) -> Answer<Option<Timestamp>> {
        self.call(|s| s.issued_codes.get(user).map(|(_, ends)| *ends).filter(|ends| *ends > now))
    }

    async fn spend_issued(&self, user: &UserId, digest: &str, now: Timestamp) -> Answer<IssuedCodeUse> {
        self.call(|s| {
            let right = |kept: Option<&(String, Timestamp)>| kept.is_some_and(|(d, ends)| d == digest && *ends > now);
            if !right(s.issued_codes.get(user)) {
                let again = right(s.spent_codes.get(user));
                return if again { IssuedCodeUse::Repeated } else { IssuedCodeUse::Unknown };
            }
            s.spent_codes.extend(s.issued_codes.remove_entry(user));
            s.spent.push(format!("{user}:{digest}"));
            IssuedCodeUse::First
        })
    }

    async fn reset(&self, reset: &CredentialReset<'_>, records: &Records) -> Answer<bool> {
        self.call(|s| {
            let stands = reset.waited.is_none_or(|key| {
                standing(s, RecoveryRef::Disowned(key), reset.now)
                    .is_some_and(|w| w.user == *reset.user && w.ready_at <= reset.now)
            });
            let Some(account) = s.accounts.get_mut(reset.user) else { return false };
            if !stands || account.disabled || account.generation.credentials != reset.credentials {
                return false;
            }
            if let Some(hash) = reset.password_hash {
                account.password_hash = Some(hash.clone());
            }
            over(account);
            s.recoveries.retain(|waiting| waiting.user != *reset.user);
            s.issued_codes.remove(reset.user);
            if let Some(totp) = reset.totp {
                s.lockouts.remove(&(reset.user.clone(), Method::Totp));
                s.totp.insert(reset.user.clone(), totp.clone());
            }
            if let Some((salt, digests)) = reset.backup {
                s.lockouts.remove(&(reset.user.clone(), Method::BackupCode));
                s.backup.insert(reset.user.clone(), (salt.to_vec(), digests.iter().cloned().collect()));
            }
            s.keep(records);
            true
        })
    }
}
