//! The end of a recovery: what was proved for is set in one step, sessions and known browsers of the person end, and nobody is
//! signed in by it.

use std::time::Duration;

use super::{GrantState, Standing};
use crate::auth::event::{Deed, RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::TotpRecord;
use crate::auth::factor::totp::{self, Matched};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::new_password::NewPassword;
use crate::flow::ports::{Answer, CredentialReset, GrantedRecovery};
use crate::flow::reply::{Client, Outcome, Rejection, Renewal, RenewalReply};
use crate::flow::risk::clear_older_pin;
use crate::flow::settings::RecoverySettings;
use crate::flow::verify::Mismatch;

/// How often one recovery may be brought to its end: hashes cost time.
const FINISHES: Limit = Limit { tries: 10, refill: Duration::from_secs(30) };

/// An authenticator app that is about to be set.
struct NewApp {
    id: String,
    key: SecretBytes,
    matched: Matched,
}

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
        // Given back where all of it comes right: hashes cost time.
        let networks = std::mem::take(&mut attempt.charged);
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
        let finishes = [Charge { key: format!("recovery-finish:{}", token.name()), limit: FINISHES }];
        if let Charged::Wait { retry_after, .. } = self.ports.throttle.charge(&finishes, attempt.now).await? {
            attempt.record(What::Throttled { method: Method::RecoveryCode, scope: ThrottleScope::Account });
            return Ok(RenewalReply::Wait(retry_after));
        }
        // What costs least is looked at first, and spent last.
        let app = match renewal.totp_code {
            Some(code) => match self.matched_totp(attempt, token, &standing, &code).await? {
                Ok(app) => Some(app),
                Err(reply) => return Ok(reply),
            },
            None => None,
        };
        let hash = match renewal.password {
            Some(password) => {
                match self.new_password_of(attempt, &standing.account.identity, &standing.enrolled, &password).await? {
                    NewPassword::Fit(hash) => Some(hash),
                    NewPassword::Unfit(unfit) => return Ok(RenewalReply::Unfit(unfit)),
                    NewPassword::Busy => return Ok(Self::renewal_busy(attempt, Method::Password)),
                }
            }
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
        let user = &standing.account.identity.id;
        let records = self.notices(attempt, user, NoticeKind::RecoveryFinished, &standing.enrolled).await?;
        let totp = match app {
            Some(app) => match self.spent_totp(attempt, &standing, app).await? {
                Ok(record) => Some(record),
                Err(reply) => return Ok(reply),
            },
            None => None,
        };
        // Burnt before anything is set: the first taker sets.
        let taken = match self.ports.recoveries_granted.take_whole(token).await? {
            Some((GrantedRecovery::Open { .. }, taken)) => taken,
            Some((GrantedRecovery::Done, taken)) => {
                self.ports.recoveries_granted.put_back(token, &taken).await?;
                return Ok(RenewalReply::Done);
            }
            None => return self.of_another(attempt, token).await,
        };
        let Standing { recovered, credentials, waited, account, .. } = *standing;
        let user = &account.identity.id;
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
        let reset = self.ports.recoveries.reset(&reset, &records).await;
        if reset.is_err() {
            // Whether or not it was set: it is set under one count of credentials, so that nothing is set twice. What was
            // proved for it need not be proved again, as far as the store still lets us.
            let _ = self.ports.recoveries_granted.put_back(token, &taken).await;
        }
        if !reset? {
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
        attempt.charged = networks;
        self.refund_correct(attempt).await?;
        let backup_codes = backup.map(|made| made.codes).unwrap_or_default();
        Ok(RenewalReply::Set { username: account.identity.username, backup_codes })
    }

    /// What became of a recovery that another request has taken.
    async fn of_another(&self, attempt: &mut Attempt<'_>, token: &RecoveryToken) -> Answer<RenewalReply> {
        match self.ports.recoveries_granted.load(token).await? {
            Some(GrantedRecovery::Done) => Ok(RenewalReply::Done),
            // It is not over yet, and may fail.
            _ => Ok(Self::renewal_busy(attempt, Method::RecoveryCode)),
        }
    }

    /// The new authenticator, if its first code is right. The code is not spent yet.
    async fn matched_totp(
        &self,
        attempt: &mut Attempt<'_>,
        token: &RecoveryToken,
        standing: &Standing,
        code: &SecretText,
    ) -> Answer<Result<NewApp, RenewalReply>> {
        if let Some(wait) = self.charge(attempt, Method::Totp).await? {
            return Ok(Err(RenewalReply::Wait(wait)));
        }
        let (id, key) = self.recovery_key(token, standing)?;
        let matched = totp::check(&key, code.expose(), self.settings.totp.params(), None, attempt.now);
        let app = NewApp { id, key, matched };
        if !matches!(app.matched, Matched::Step(_)) {
            return Ok(self.spent_totp(attempt, standing, app).await?.and(Err(RenewalReply::Nothing)));
        }
        self.refund(attempt).await?;
        Ok(Ok(app))
    }

    /// The record of the new authenticator, whose first code is spent by it.
    async fn spent_totp(
        &self,
        attempt: &mut Attempt<'_>,
        standing: &Standing,
        NewApp { id, key, matched }: NewApp,
    ) -> Answer<Result<TotpRecord, RenewalReply>> {
        let who = &standing.account.identity;
        match self.claim_step(attempt, &who.id, &id, matched, self.settings.totp.params()).await? {
            Ok(step) => {
                attempt.clear_intent();
                Ok(Ok(self.totp_record(who, id, &key, Some(step))?))
            }
            Err(Mismatch { reason, rejection }) => {
                attempt.record(What::ProofRejected { method: Method::Totp, reason });
                Ok(Err(RenewalReply::Rejected(rejection)))
            }
        }
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
