//! TOTP codes: a time step is claimed in the ledger first, then spent in the database.

use std::time::Duration;

use super::{Mismatch, Proved};
use crate::auth::event::{Deed, RejectReason};
use crate::auth::factor::authenticator::TotpRecord;
use crate::auth::factor::totp::{self, Matched, TotpParams};
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::key_rotation::renew;
use crate::flow::ports::{Answer, SealedAt};
use crate::flow::reply::Rejection;
use crate::flow::sealing::totp_context;

/// Names a time step of an authenticator in the ledger.
pub(in crate::flow) fn step_mark(user: &UserId, authenticator: &str, step: u64) -> String {
    format!("totp:{user}:{authenticator}:{step}")
}

impl Flows {
    pub(super) async fn verify_totp(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        record: &TotpRecord,
        code: &SecretText,
    ) -> Answer<Result<Proved, Mismatch>> {
        let key = self.ports.vault.open(&totp_context(user), &record.secret)?;
        let params = TotpParams { digits: record.digits, period: record.period, ..self.settings.totp.params() };
        let matched = totp::check(&key, code.expose(), params, record.last_step, attempt.now);
        let step = match self.claim_step(attempt, user, &record.id, matched, params).await? {
            Ok(step) => step,
            Err(mismatch) => return Ok(Err(mismatch)),
        };
        if !self.ports.authenticators.spend_step(user, &record.id, step, attempt.now).await? {
            return Ok(Err(Mismatch::code(RejectReason::AlreadySpent)));
        }
        renew(&self.ports, SealedAt::Totp(user.clone()), &record.secret).await?;
        Ok(Ok(Proved::by(Method::Totp)))
    }

    /// Claims the step of a code in the ledger; the durable spending is up to the caller.
    pub(in crate::flow) async fn claim_step(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        authenticator: &str,
        matched: Matched,
        params: TotpParams,
    ) -> Answer<Result<u64, Mismatch>> {
        // As long as any node whose clock is a step off could still accept the code, and twice that.
        let reach = params.skew.max(params.tell_skew).saturating_add(1);
        let ttl = Duration::from_secs(params.period.saturating_mul(reach.saturating_mul(4)));
        let wrong = |reason| Ok(Err(Mismatch::code(reason)));
        match matched {
            Matched::Step(step) => {
                attempt.intend(Deed::Spending, Some(Method::Totp));
                let first = self.ports.ledger.claim(&step_mark(user, authenticator, step), ttl).await?;
                if first { Ok(Ok(step)) } else { wrong(RejectReason::AlreadySpent) }
            }
            Matched::ClockOff { step, seconds } => {
                // The answer must not help to guess: a code that is still to come is spent by it.
                attempt.intend(Deed::Spending, Some(Method::Totp));
                let _ = self.ports.ledger.claim(&step_mark(user, authenticator, step), ttl).await?;
                let rejection = Rejection::ClockOff { seconds };
                Ok(Err(Mismatch { reason: RejectReason::ClockSkew, rejection }))
            }
            Matched::Spent => wrong(RejectReason::AlreadySpent),
            Matched::Wrong => wrong(RejectReason::Mismatch),
            Matched::Malformed => wrong(RejectReason::Malformed),
        }
    }
}
