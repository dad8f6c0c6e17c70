//! The end of a recovery: what was proved for is set in one step, sessions and known browsers of the person end, and nobody is
//! signed in by it. Of several at once one sets; the others are told to come again until it is certain what became of it.

use std::time::Duration;

use super::new_credentials::NewCredentials;
use super::reset::Reset;
use super::{GrantState, Standing};
use crate::auth::event::{RejectReason, ThrottleScope, What};
use crate::auth::proof::Method;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Answer, GrantedRecovery, Held};
use crate::flow::reply::{Client, Outcome, Rejection, Renewal, RenewalReply};
use crate::flow::settings::RecoverySettings;

/// How often one recovery may be brought to its end: hashes cost time.
const FINISHES: Limit = Limit { tries: 10, refill: Duration::from_secs(30) };

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
        let (standing, held) = match self.granted(token, attempt.client, attempt.now).await? {
            GrantState::Open(standing, held) => (*standing, held),
            other => return Ok(Self::not_open(attempt, &other)),
        };
        // Given back where all of it comes right: hashes cost time.
        let networks = std::mem::take(&mut attempt.charged);
        self.name_attempt(attempt, &standing.account);
        if let Some(refused) = self.refused_renewal(&standing, &renewal) {
            return Ok(refused);
        }
        let finishes = [Charge { key: format!("recovery-finish:{}", token.name()), limit: FINISHES }];
        if let Charged::Wait { retry_after, .. } = self.ports.throttle.charge(&finishes, attempt.now).await? {
            attempt.record(What::Throttled { method: Method::RecoveryCode, scope: ThrottleScope::Account });
            return Ok(RenewalReply::Wait(retry_after));
        }
        let made = match self.make_credentials(attempt, token, &standing, renewal).await? {
            Ok(made) => made,
            Err(reply) => return Ok(reply),
        };
        let reply = self.set_once(attempt, (token, held), &standing, made).await?;
        if matches!(reply, RenewalReply::Set { .. }) {
            self.end_sessions_before(attempt, &standing).await?;
            attempt.charged = networks;
            self.refund_correct(attempt).await?;
        }
        Ok(reply)
    }

    /// Marks a recovery as being finished, sets, and notes what became of it. The first to mark it sets.
    ///
    /// Should this node die meanwhile, the mark lapses and the recovery is open again: the person need not prove anything anew
    /// where nothing was set. Where it was set, or this node is only slow, the count of credentials under which it is set lets
    /// no second one through.
    async fn set_once(
        &self,
        attempt: &mut Attempt<'_>,
        (token, held): (&RecoveryToken, Held<GrantedRecovery>),
        standing: &Standing,
        made: NewCredentials,
    ) -> Answer<RenewalReply> {
        let (grants, now) = (&self.ports.recoveries_granted, self.now());
        let left = RecoverySettings::LASTS.saturating_sub(now.since(standing.open.began()));
        let (open, until) = (standing.open.clone(), now.plus(RecoverySettings::FINISHING_LASTS));
        let finishing = GrantedRecovery::Finishing { open, until };
        let kept_for = left.max(RecoverySettings::FINISHING_LASTS);
        let Some(held) = grants.compare_and_set(token, &held, &finishing, kept_for).await? else {
            return self.of_another(attempt, token).await;
        };
        let reset = self.reset_credentials(attempt, standing, made).await;
        if let Ok(Reset::Set(backup_codes)) = reset {
            // In place of whatever is there: it is set.
            grants.put(token, &GrantedRecovery::Done, RecoverySettings::LASTS).await?;
            return Ok(RenewalReply::Set { username: standing.account.identity.username.clone(), backup_codes });
        }
        // What was proved for it need not be proved again.
        let open = GrantedRecovery::Open(standing.open.clone());
        let reopened = grants.compare_and_set(token, &held, &open, left).await;
        match reset? {
            Reset::Refused(reply) => Ok(reply),
            // Another one took over from this one, which was slow.
            _ if reopened?.is_none() => self.of_another(attempt, token).await,
            _ => Ok(RenewalReply::Rejected(Self::recovery_gone(attempt))),
        }
    }

    /// What became of a recovery that was open a moment ago, and that another request has taken in hand.
    async fn of_another(&self, attempt: &mut Attempt<'_>, token: &RecoveryToken) -> Answer<RenewalReply> {
        Ok(match self.ports.recoveries_granted.load(token).await? {
            Some(GrantedRecovery::Done) => RenewalReply::Done,
            // It is not over yet, or has failed just now.
            Some(GrantedRecovery::Finishing { .. } | GrantedRecovery::Open(_)) => RenewalReply::UnderWay,
            None => RenewalReply::Rejected(Self::recovery_gone(attempt)),
        })
    }

    fn not_open(attempt: &mut Attempt<'_>, state: &GrantState) -> RenewalReply {
        match state {
            GrantState::Done => RenewalReply::Done,
            GrantState::UnderWay => RenewalReply::UnderWay,
            GrantState::Open(..) | GrantState::Gone => RenewalReply::Rejected(Self::recovery_gone(attempt)),
        }
    }

    fn recovery_gone(attempt: &mut Attempt<'_>) -> Rejection {
        attempt.record(What::ProofRejected { method: Method::RecoveryCode, reason: RejectReason::NoCeremony });
        Rejection::CeremonyGone
    }

    pub(super) fn renewal_busy(attempt: &mut Attempt<'_>, method: Method) -> RenewalReply {
        attempt.record(What::Throttled { method, scope: ThrottleScope::Hashing });
        RenewalReply::Busy
    }
}
