//! The step in which a recovery sets what it was granted for, and what ends by it.

use super::Standing;
use super::new_credentials::NewCredentials;
use crate::auth::event::{Deed, What};
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Answer, CredentialReset};
use crate::flow::reply::RenewalReply;
use crate::flow::risk::clear_older_pin;

/// What became of the step that sets.
pub(super) enum Reset {
    /// It is set; backup codes are shown this once.
    Set(Vec<SecretText>),
    /// Another one has set, or what was proved counts no more.
    Superseded,
    /// Nothing is set, for what a reply says.
    Refused(RenewalReply),
}

impl Flows {
    /// Sets what was made, all of it or nothing. It stands under one count of credentials, so that nothing is set twice.
    pub(super) async fn reset_credentials(
        &self,
        attempt: &mut Attempt<'_>,
        standing: &Standing,
        made: NewCredentials,
    ) -> Answer<Reset> {
        let NewCredentials { app, hash, backup, records } = made;
        let totp = match app {
            Some(app) => match self.spent_totp(attempt, standing, app).await? {
                Ok(record) => Some(record),
                Err(reply) => return Ok(Reset::Refused(reply)),
            },
            None => None,
        };
        attempt.intend(Deed::Binding, None);
        let reset = CredentialReset {
            user: &standing.account.identity.id,
            credentials: standing.open.credentials,
            waited: standing.open.waited.as_deref(),
            now: attempt.now,
            password_hash: hash.as_ref(),
            totp: totp.as_ref(),
            backup: backup.as_ref().map(|made| (made.salt.as_slice(), made.digests.as_slice())),
        };
        if !self.ports.recoveries.reset(&reset, &records).await? {
            attempt.clear_intent();
            return Ok(Reset::Superseded);
        }
        for (done, what) in [
            (hash.is_some(), What::PasswordSet),
            (totp.is_some(), What::AuthenticatorAdded { method: Method::Totp }),
            (backup.is_some(), What::BackupCodesMade),
            (true, What::RecoveryFinished),
        ] {
            if done {
                attempt.record(what);
            }
        }
        Ok(Reset::Set(backup.map(|made| made.codes).unwrap_or_default()))
    }

    /// Ends every session of who has recovered, and what held them at high risk.
    pub(super) async fn end_sessions_before(&self, attempt: &mut Attempt<'_>, standing: &Standing) -> Answer<()> {
        let user = &standing.account.identity.id;
        attempt.intend(Deed::Ending, None);
        self.ports.sessions.revoke_all(user).await?;
        attempt.record(What::SessionsRevoked);
        self.clear_pin_before(attempt, standing).await
    }

    /// Who had a mailbox alone, and time, must not take away what holds somebody else at high risk; nor may anybody by what
    /// they had proved before it was set.
    async fn clear_pin_before(&self, attempt: &mut Attempt<'_>, standing: &Standing) -> Answer<()> {
        let recovered = &standing.open.recovered;
        if self.settings.risk.is_none() || !recovered.is_proved_twice() {
            return Ok(());
        }
        let (user, began) = (&standing.account.identity.id, recovered.ceremony().started_at);
        if clear_older_pin(&self.ports, user, began).await? {
            attempt.record(What::RiskPinCleared);
        }
        Ok(())
    }
}
