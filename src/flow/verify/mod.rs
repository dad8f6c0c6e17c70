//! Evaluating one proof: compared, and where it is one-time, spent first in both stores.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use super::Flows;
use super::attempt::Attempt;
use super::key_rotation::renew;
use super::ports::{Account, AccountChange, Answer, Counted, SealedAt};
use super::reply::Rejection;
use super::sealing::totp_context;
use crate::auth::event::{Deed, RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::{BackupSet, Enrolled, TotpRecord};
use crate::auth::factor::backup_codes;
use crate::auth::factor::password::HashBounds;
use crate::auth::factor::totp::{self, Matched, TotpParams};
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::UserId;

/// What became of one proof.
pub(super) enum Proof {
    /// Right, and spent where it is one-time.
    Right {
        /// Backup codes left, where one was used.
        backup_left: Option<u32>,
    },
    /// Wrong; what the person is told.
    Wrong(Rejection),
    /// The factor is switched off; the code was not looked at, or was the last wrong one of too many.
    Locked,
    /// Hashing is full.
    Busy,
}

/// Names a time step of an authenticator in the ledger.
pub(super) fn step_mark(user: &UserId, authenticator: &str, step: u64) -> String {
    format!("totp:{user}:{authenticator}:{step}")
}

impl Flows {
    /// What a code is meant to prove: a backup code typed where the app's code is asked for is a backup code, and the
    /// other way round.
    pub(super) fn classify_code(&self, method: Method, code: &SecretText) -> Method {
        let text = code.expose();
        let of_app = totp::normalise(text, self.settings.totp.digits).is_some();
        match (method, of_app, backup_codes::normalise(text).is_some()) {
            (Method::Totp, false, true) => Method::BackupCode,
            (Method::BackupCode, true, false) => Method::Totp,
            _ => method,
        }
    }

    /// Evaluates a proof by `method` of the owner of an account, and notes the outcome.
    pub(super) async fn prove(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        method: Method,
        code: SecretText,
    ) -> Answer<Proof> {
        let user = &account.identity.id;
        let counted = method != Method::Password && enrolled.methods(false).contains(method);
        let last = match counted {
            false => false,
            true => match self.count_code(attempt, user, method).await? {
                Counted::Go { last } => last,
                Counted::Locked => {
                    attempt.record(What::ProofRejected { method, reason: RejectReason::Locked });
                    return Ok(Proof::Locked);
                }
            },
        };
        let verdict = self.evaluate(attempt, account, enrolled, method, code).await?;
        let Some(verdict) = verdict else {
            if counted {
                self.take_back_code(attempt, user, method).await?;
            }
            self.refund(attempt).await?;
            attempt.record(What::Throttled { method, scope: ThrottleScope::Hashing });
            return Ok(Proof::Busy);
        };
        Ok(match verdict {
            Ok(backup_left) => {
                attempt.record(What::ProofAccepted { method });
                if counted {
                    self.forgive_codes(attempt, user, method).await?;
                }
                self.refund_correct(attempt).await?;
                Proof::Right { backup_left }
            }
            Err((reason @ (RejectReason::AlreadySpent | RejectReason::Malformed), told)) => {
                // It was no guess: a form that is sent twice, scripts that share an authenticator, or no code at all.
                if counted {
                    self.take_back_code(attempt, user, method).await?;
                }
                attempt.record(What::ProofRejected { method, reason });
                Proof::Wrong(told)
            }
            Err((reason, _)) if last => {
                attempt.record(What::ProofRejected { method, reason });
                attempt.record(What::FactorLocked { method });
                Proof::Locked
            }
            Err((reason, told)) => {
                attempt.record(What::ProofRejected { method, reason });
                Proof::Wrong(told)
            }
        })
    }

    /// Looks at a proof. `None`: hashing is full.
    async fn evaluate(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        method: Method,
        code: SecretText,
    ) -> Answer<Option<Result<Option<u32>, (RejectReason, Rejection)>>> {
        let user = &account.identity.id;
        Ok(Some(match (method, &enrolled.totp, &enrolled.backup) {
            (Method::Password, _, _) => match self.hashing.verify(&attempt.lane(), code, Some(account)).await? {
                None => return Ok(None),
                Some(true) => Ok(None),
                Some(false) => Err((RejectReason::Mismatch, Rejection::WrongCredentials)),
            },
            (Method::Totp, Some(record), _) => self.prove_totp(attempt, user, record, &code).await?,
            (Method::BackupCode, _, Some(set)) => match self.prove_backup(attempt, user, set, &code).await? {
                Some(verdict) => verdict,
                None => return Ok(None),
            },
            _ => Err((RejectReason::NotEnrolled, Rejection::WrongCode)),
        }))
    }

    async fn prove_totp(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        record: &TotpRecord,
        code: &SecretText,
    ) -> Answer<Result<Option<u32>, (RejectReason, Rejection)>> {
        let key = self.ports.vault.open(&totp_context(user), &record.secret)?;
        let params = TotpParams { digits: record.digits, period: record.period, ..self.settings.totp.params() };
        let matched = totp::check(&key, code.expose(), params, record.last_step, attempt.now);
        let step = match self.claim_step(attempt, user, &record.id, matched, params).await? {
            Ok(step) => step,
            Err(rejected) => return Ok(Err(rejected)),
        };
        if !self.ports.authenticators.spend_step(user, &record.id, step, attempt.now).await? {
            return Ok(Err((RejectReason::AlreadySpent, Rejection::WrongCode)));
        }
        renew(&self.ports, SealedAt::Totp(user.clone()), &record.secret).await?;
        Ok(Ok(None))
    }

    /// Claims the step of a code in the ledger; the durable spending is up to the caller.
    pub(super) async fn claim_step(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        authenticator: &str,
        matched: Matched,
        params: TotpParams,
    ) -> Answer<Result<u64, (RejectReason, Rejection)>> {
        // As long as any node whose clock is a step off could still accept the code, and twice that.
        let reach = params.skew.max(params.tell_skew).saturating_add(1);
        let ttl = Duration::from_secs(params.period.saturating_mul(reach.saturating_mul(4)));
        let wrong = |reason| Ok(Err((reason, Rejection::WrongCode)));
        match matched {
            Matched::Step(step) => {
                attempt.intend(Deed::Spending, Some(Method::Totp));
                let first = self.ports.ledger.claim(&step_mark(user, authenticator, step), ttl).await?;
                if first { Ok(Ok(step)) } else { wrong(RejectReason::AlreadySpent) }
            }
            Matched::ClockOff { step, seconds } => {
                // What was told must not help to guess: a code that is still to come is spent by that.
                attempt.intend(Deed::Spending, Some(Method::Totp));
                let _ = self.ports.ledger.claim(&step_mark(user, authenticator, step), ttl).await?;
                Ok(Err((RejectReason::ClockSkew, Rejection::ClockOff { seconds })))
            }
            Matched::Spent => wrong(RejectReason::AlreadySpent),
            Matched::Wrong => wrong(RejectReason::Mismatch),
            Matched::Malformed => wrong(RejectReason::Malformed),
        }
    }

    /// `None`: hashing is full.
    async fn prove_backup(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        set: &BackupSet,
        typed: &SecretText,
    ) -> Answer<Option<Result<Option<u32>, (RejectReason, Rejection)>>> {
        let Some(code) = backup_codes::normalise(typed.expose()) else {
            return Ok(Some(Err((RejectReason::Malformed, Rejection::WrongCode))));
        };
        let salt = set.salt.clone();
        let bounds = HashBounds::of(self.hashing.params());
        let digest = move || {
            bounds.admit(backup_codes::params_of(&salt))?;
            backup_codes::code_digest(&code, &salt)
        };
        let Some(digest) = self.hashing.run(&attempt.lane(), digest).await? else {
            return Ok(None);
        };
        attempt.intend(Deed::Spending, Some(Method::BackupCode));
        let spent = self.ports.authenticators.spend_backup(user, &digest).await?;
        Ok(Some(if spent {
            Ok(Some(set.left.saturating_sub(1)))
        } else {
            Err((RejectReason::Mismatch, Rejection::WrongCode))
        }))
    }

    /// Renews the stored hash of a password just proved, if it was made with other parameters.
    ///
    /// `false`: the password was changed meanwhile, so what was proved counts no more.
    pub(super) async fn renew_hash(
        &self,
        attempt: &mut Attempt<'_>,
        account: &mut Account,
        password: SecretText,
    ) -> Answer<bool> {
        let stale = |hash: &&SecretText| crate::auth::factor::password::needs_rehash(hash, self.hashing.params());
        let Some(from) = account.password_hash.as_ref().filter(stale).cloned() else { return Ok(true) };
        let Some(to) = self.hash_password(&attempt.lane(), password.clone()).await? else { return Ok(true) };
        let (accounts, id) = (&self.ports.accounts, &account.identity.id);
        attempt.intend(Deed::Rehash, None);
        if accounts.change(id, AccountChange::Rehash { from, to: to.clone() }).await? {
            attempt.record(What::PasswordRehashed);
            account.password_hash = Some(to);
            return Ok(true);
        }
        attempt.clear_intent();
        // Somebody was first: another sign-in that renewed it too, or a change of the password.
        let current = accounts.load(id).await?;
        account.password_hash = current.as_ref().and_then(|now| now.password_hash.clone());
        Ok(self.hashing.verify(&attempt.lane(), password, current.as_ref()).await? == Some(true))
    }

    /// Stands for all that an account proves itself with, as it is now, and for the times that it was disabled. Keyed, so
    /// that it tells nothing.
    pub(super) fn credentials(&self, account: &Account, enrolled: &Enrolled) -> String {
        let hash = account.password_hash.as_ref().map_or("", SecretText::expose);
        let totp = enrolled.totp.as_ref().map_or("", |record| record.id.as_str());
        let data = format!("{totp}|{hash}|{}", account.generation.credentials);
        BASE64URL_NOPAD.encode(&self.ports.vault.digest("credentials", data.as_bytes()))
    }

    /// The account of a user who may still sign in.
    pub(super) async fn standing_account(&self, user: &UserId) -> Answer<Result<Account, RejectReason>> {
        Ok(match self.ports.accounts.load(user).await? {
            None => Err(RejectReason::UnknownUser),
            Some(account) if account.disabled => Err(RejectReason::Disabled),
            Some(account) => Ok(account),
        })
    }
}
