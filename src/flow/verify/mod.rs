//! Verifying one proof: compared, and where it is one-time, spent first in both stores. A verifier a method.

pub(in crate::flow) mod along;
mod backup_code;
mod enrolment_code;
mod passkey;
pub(super) mod password;
mod sent_code;
pub(super) mod totp;

use data_encoding::BASE64URL_NOPAD;

use super::Flows;
use super::attempt::Attempt;
use super::ceremony::stored::Slot;
use super::ports::{Account, Answer, Counted, Records};
use super::reply::{Aftermath, Rejection, Submission};
use super::settings::MethodBudget;
use crate::auth::event::{RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::{AddressKind, Enrolled};
use crate::auth::factor::{backup_codes, totp as totp_codes};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::SecretText;
use crate::auth::user::UserId;

/// What became of one proof.
pub(super) enum Verification {
    /// Right, and spent where it is one-time: this is proved. What the factor has to say is with the attempt.
    Right(Method),
    /// Wrong; what the person is told.
    Wrong(Rejection),
    /// The factor is switched off; the code was not looked at, or was the last wrong one of too many.
    Locked,
    /// Hashing is full.
    Busy,
}

/// Why a proof is none: for the events, and for the person.
pub(super) struct Mismatch {
    pub(super) reason: RejectReason,
    pub(super) rejection: Rejection,
}

impl Mismatch {
    /// A wrong code.
    pub(super) const fn code(reason: RejectReason) -> Self {
        Self { reason, rejection: Rejection::WrongCode }
    }
}

/// What a right proof has proved, and what its factor has to say.
pub(super) struct Proved {
    pub(super) method: Method,
    pub(super) aftermath: Aftermath,
}

impl Proved {
    /// Nothing beside the method itself.
    pub(super) fn by(method: Method) -> Self {
        Self { method, aftermath: Aftermath::default() }
    }
}

/// What a verifier returns; `None`: hashing is full.
type Verified = Option<Result<Proved, Mismatch>>;

impl Flows {
    /// The same submission as what its code is meant to prove: a backup code typed where the app's code is asked for is a
    /// backup code, and the other way round.
    pub(super) fn classify_code(&self, submission: Submission) -> Submission {
        let Submission::Code(method, code) = submission else { return submission };
        let text = code.expose();
        let of_app = totp_codes::normalise(text, self.settings.totp.digits).is_some();
        let method = match (method, of_app, backup_codes::normalise(text).is_some()) {
            (Method::Totp, false, true) => Method::BackupCode,
            (Method::BackupCode, true, false) => Method::Totp,
            _ => method,
        };
        Submission::Code(method, code)
    }

    /// Verifies a proof of the owner of an account, and records the outcome.
    pub(super) async fn verify(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        slot: &Slot,
        submission: Submission,
    ) -> Answer<Verification> {
        let (user, method) = (&account.identity.id, submission.method());
        let guessed = matches!(self.settings.limits.budget(method), MethodBudget::Code(_));
        let counted = guessed && enrolled.methods(false, None).contains(method);
        let (last, notices) = match counted {
            false => (false, Records::default()),
            true => match self.count_code(attempt, user, method, enrolled).await? {
                (Counted::Go { last }, notices) => (last, notices),
                (Counted::Locked | Counted::Last, _) => {
                    attempt.record(What::ProofRejected { method, reason: RejectReason::Locked });
                    return Ok(Verification::Locked);
                }
            },
        };
        let Some(verified) = self.compare(attempt, account, enrolled, slot, submission).await? else {
            if counted {
                self.take_back_code(attempt, user, method, &notices).await?;
            }
            self.refund(attempt).await?;
            attempt.record(What::Throttled { method, scope: ThrottleScope::Hashing });
            return Ok(Verification::Busy);
        };
        let Mismatch { reason, rejection } = match verified {
            Ok(Proved { method: proved, aftermath }) => {
                attempt.aftermath = aftermath;
                attempt.record(What::ProofAccepted { method: proved });
                if counted {
                    self.forgive_codes(attempt, user, method, &notices).await?;
                }
                self.refund_correct(attempt).await?;
                return Ok(Verification::Right(proved));
            }
            Err(mismatch) => mismatch,
        };
        // It was no guess: a form that is sent twice, scripts that share an authenticator, or no code at all.
        let no_guess = matches!(reason, RejectReason::AlreadySpent | RejectReason::Malformed | RejectReason::NoCode);
        if no_guess && counted {
            self.take_back_code(attempt, user, method, &notices).await?;
        }
        attempt.record(What::ProofRejected { method, reason });
        if last && !no_guess {
            attempt.record(What::FactorLocked { method });
            return Ok(Verification::Locked);
        }
        Ok(Verification::Wrong(rejection))
    }

    /// Hands a proof to the verifier of its method.
    async fn compare(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        slot: &Slot,
        submission: Submission,
    ) -> Answer<Verified> {
        let user = &account.identity.id;
        match (submission, &enrolled.totp, &enrolled.backup) {
            (Submission::Password(password), ..) => self.verify_password(attempt, account, password).await,
            (Submission::Code(Method::Totp, code), Some(record), _) => {
                Ok(Some(self.verify_totp(attempt, user, record, &code).await?))
            }
            (Submission::Code(Method::BackupCode, code), _, Some(set)) => {
                self.verify_backup_code(attempt, user, (enrolled, set), &code).await
            }
            (Submission::Code(Method::RecoveryCode, code), ..) => {
                Ok(Some(self.verify_enrolment_code(attempt, account, enrolled, &code).await?))
            }
            (Submission::Assertion(assertion), ..) => {
                Ok(Some(self.verify_passkey(attempt, account, enrolled, slot, &assertion).await?))
            }
            (Submission::Code(method, code), ..) => match AddressKind::of(method) {
                Some(kind) => Ok(Some(self.verify_sent_code(attempt, account, enrolled, slot, kind, &code).await?)),
                None => Ok(Some(Err(Mismatch::code(RejectReason::NotEnrolled)))),
            },
        }
    }

    /// Stands for all that an account proves itself with, as it is now, and for the times that it was disabled. Keyed, so
    /// that it tells nothing.
    pub(super) fn credentials(&self, account: &Account, enrolled: &Enrolled) -> String {
        let hash = account.password_hash.as_ref().map_or("", SecretText::expose);
        let data = format!("{}|{hash}|{}", enrolled.fingerprint(), account.generation.credentials);
        BASE64URL_NOPAD.encode(&self.ports.vault.digest("credentials", data.as_bytes()))
    }

    /// The methods that an account has at this host, also those switched off.
    pub(super) fn owned_at(&self, account: &Account, enrolled: &Enrolled, host: &str) -> MethodSet {
        let owned = enrolled.methods(account.password_hash.is_some(), Some(self.settings.rp_id(host)));
        owned.closed().and(self.settings.offer_at(host).served)
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
