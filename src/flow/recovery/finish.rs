//! The end of a recovery: what was proved for is set in one step, sessions and known browsers of the person end, and nobody is
//! signed in by it.

use super::{GrantState, Standing};
use crate::auth::event::{Deed, RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::TotpRecord;
use crate::auth::factor::password::PasswordOwner;
use crate::auth::factor::totp;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::SecretText;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::new_password::NewPassword;
use crate::flow::ports::{Answer, CredentialReset, GrantedRecovery};
use crate::flow::reply::{Client, Outcome, Rejection, Renewal, RenewalReply};
use crate::flow::risk::clear_older_pin;
use crate::flow::settings::RecoverySettings;
use crate::flow::verify::Mismatch;

impl Flows {
    /// Sets what was proved for. It happens once, and everything of it or nothing.
    ///
    /// # Errors
    /// A store did not answer; whatever was set, nobody is signed in.
    pub async fn finish_recovery(
        &self,
        token: &RecoveryToken,
        renewal: Renewal,
        client: &Client,
    ) -> Outcome<RenewalReply> {
        let mut attempt = self.begin_attempt("", None, client);
        let reply = self.renew_credentials(&mut attempt, token, renewal).await;
        attempt.finish(reply)
    }

    async fn renew_credentials(
        &self,
        attempt: &mut Attempt<'_>,
        token: &RecoveryToken,
        renewal: Renewal,
    ) -> Answer<RenewalReply> {
        if let Some(wait) = self.charge(attempt, Method::RecoveryCode).await? {
            return Ok(RenewalReply::Wait(wait));
        }
        let standing = match self.granted(token, attempt.client, attempt.now).await? {
            GrantState::Open(standing) => standing,
            GrantState::Done => return Ok(RenewalReply::Done),
            GrantState::Gone => return Ok(RenewalReply::Rejected(Self::recovery_gone(attempt))),
        };
        self.refund_correct(attempt).await?;
        self.name_attempt(attempt, &standing.account);
        let (can, factor) = (standing.recovered.resets(), renewal.totp_code.is_some());
        if renewal.password.is_none() && !factor && !renewal.backup_codes {
            return Ok(RenewalReply::Nothing);
        }
        let codes_served = self.settings.backup_codes > 0;
        if (renewal.password.is_some() && !can.password)
            || (factor && !can.factors)
            || (renewal.backup_codes && !(can.factors && codes_served))
        {
            return Ok(RenewalReply::Forbidden);
        }
        let hash = match renewal.password {
            Some(password) => match self.renewed_password(attempt, &standing, password).await? {
                NewPassword::Fit(hash) => Some(hash),
                NewPassword::Unfit(unfit) => return Ok(RenewalReply::Unfit(unfit)),
                NewPassword::Busy => return Ok(Self::renewal_busy(attempt, Method::Password)),
            },
            None => None,
        };
        // Made before anything is spent, so that a full hasher costs the person nothing.
        let backup = match renewal.backup_codes {
            true => match self.make_codes(attempt).await? {
                Some(made) => Some(made),
                None => return Ok(Self::renewal_busy(attempt, Method::BackupCode)),
            },
            false => None,
        };
        let totp = match renewal.totp_code {
            Some(code) => match self.renewed_totp(attempt, token, &standing, &code).await? {
                Ok(record) => Some(record),
                Err(reply) => return Ok(reply),
            },
            None => None,
        };
        // Burnt before anything is set: the first taker sets.
        if !matches!(self.ports.recoveries_granted.take(token).await?, Some(GrantedRecovery::Open { .. })) {
            return Ok(RenewalReply::Done);
        }
        let Standing { recovered, credentials, waited, account, enrolled } = *standing;
        let user = &account.identity.id;
        let records = self.notices(attempt, user, NoticeKind::RecoveryFinished, &enrolled).await?;
        attempt.intend(Deed::Binding, None);
        let reset = CredentialReset {
            user,
            credentials,
            waited: waited.as_deref(),
            now: attempt.now,
            password_hash: hash.as_ref(),
            totp: totp.as_ref(),
            backup: backup.as_ref().map(|made| (made.salt.as_slice(), made.digests.as_slice())),
        };
        if !self.ports.recoveries.reset(&reset, &records).await? {
            attempt.clear_intent();
            return Ok(RenewalReply::Rejected(Self::recovery_gone(attempt)));
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
        self.ports.recoveries_granted.put(token, &GrantedRecovery::Done, RecoverySettings::LASTS).await?;
        attempt.intend(Deed::Ending, None);
        self.ports.sessions.revoke_all(user).await?;
        attempt.record(What::SessionsRevoked);
        // Who had a mailbox alone, and time, must not take away what holds somebody else at high risk; nor may anybody by what
        // they had proved before it was set.
        let began = recovered.ceremony().started_at;
        if self.settings.risk.is_some()
            && recovered.is_proved_twice()
            && clear_older_pin(&self.ports, user, began).await?
        {
            attempt.record(What::RiskPinCleared);
        }
        let backup_codes = backup.map(|made| made.codes).unwrap_or_default();
        Ok(RenewalReply::Set { username: account.identity.username, backup_codes })
    }

    async fn renewed_password(
        &self,
        attempt: &Attempt<'_>,
        standing: &Standing,
        password: SecretText,
    ) -> Answer<NewPassword> {
        let who = &standing.account.identity;
        let personal: Vec<&str> = who.name.iter().chain(&who.email).map(String::as_str).collect();
        let whose = PasswordOwner { username: who.username.as_str(), personal: &personal };
        self.new_password(attempt, &password, &whose).await
    }

    /// The new authenticator, whose first code is spent.
    async fn renewed_totp(
        &self,
        attempt: &mut Attempt<'_>,
        token: &RecoveryToken,
        standing: &Standing,
        code: &SecretText,
    ) -> Answer<Result<TotpRecord, RenewalReply>> {
        if standing.recovered.ceremony().challenge.is_none() {
            return Ok(Err(RenewalReply::Rejected(Rejection::NoCode)));
        }
        if let Some(wait) = self.charge(attempt, Method::Totp).await? {
            return Ok(Err(RenewalReply::Wait(wait)));
        }
        let who = &standing.account.identity;
        let (id, key) = self.waiting_key(token, &who.id, &standing.recovered)?;
        let params = self.settings.totp.params();
        let matched = totp::check(&key, code.expose(), params, None, attempt.now);
        let step = match self.claim_step(attempt, &who.id, &id, matched, params).await? {
            Ok(step) => step,
            Err(Mismatch { reason, rejection }) => {
                attempt.record(What::ProofRejected { method: Method::Totp, reason });
                return Ok(Err(RenewalReply::Rejected(rejection)));
            }
        };
        self.refund_correct(attempt).await?;
        attempt.clear_intent();
        Ok(Ok(self.totp_record(who, id, &key, Some(step))?))
    }

    fn recovery_gone(attempt: &mut Attempt<'_>) -> Rejection {
        attempt.record(What::ProofRejected { method: Method::RecoveryCode, reason: RejectReason::NoCeremony });
        Rejection::CeremonyGone
    }

    fn renewal_busy(attempt: &mut Attempt<'_>, method: Method) -> RenewalReply {
        attempt.record(What::Throttled { method, scope: ThrottleScope::Hashing });
        RenewalReply::Busy
    }
}
