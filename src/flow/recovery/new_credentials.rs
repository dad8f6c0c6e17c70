//! What a recovery is to set: looked at and made before anything is spent.

use super::Standing;
use crate::auth::event::What;
use crate::auth::factor::authenticator::TotpRecord;
use crate::auth::factor::totp::{self, Matched};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::{SecretBytes, SecretText};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::enrol::NewCodes;
use crate::flow::new_password::NewPassword;
use crate::flow::ports::{Answer, Records};
use crate::flow::reply::{Renewal, RenewalReply};
use crate::flow::verify::Mismatch;

/// An authenticator app that is about to be set.
pub(super) struct NewApp {
    id: String,
    key: SecretBytes,
    matched: Matched,
}

/// All that is about to be set, and the letters about it.
pub(super) struct NewCredentials {
    pub(super) app: Option<NewApp>,
    pub(super) hash: Option<SecretText>,
    pub(super) backup: Option<NewCodes>,
    pub(super) records: Records,
}

impl Flows {
    /// Why a wish cannot be met, whatever its secrets are.
    pub(super) const fn refused_renewal(&self, standing: &Standing, renewal: &Renewal) -> Option<RenewalReply> {
        let (can, factor) = (standing.open.recovered.resets(), renewal.totp_code.is_some());
        if renewal.password.is_none() && !factor && !renewal.backup_codes {
            return Some(RenewalReply::Nothing);
        }
        let codes_served = self.settings.backup_codes > 0;
        let forbidden = (renewal.password.is_some() && !can.password)
            || (factor && !can.factors)
            || (renewal.backup_codes && !(can.factors && codes_served));
        if forbidden { Some(RenewalReply::Forbidden) } else { None }
    }

    /// Makes what is to be set. What costs least is looked at first; nothing is spent by it, so that a full hasher costs the
    /// person nothing.
    pub(super) async fn make_credentials(
        &self,
        attempt: &mut Attempt<'_>,
        token: &RecoveryToken,
        standing: &Standing,
        renewal: Renewal,
    ) -> Answer<Result<NewCredentials, RenewalReply>> {
        let app = match renewal.totp_code {
            Some(code) => match self.matched_totp(attempt, token, standing, &code).await? {
                Ok(app) => Some(app),
                Err(reply) => return Ok(Err(reply)),
            },
            None => None,
        };
        let hash = match renewal.password {
            Some(password) => {
                match self.new_password_of(attempt, &standing.account.identity, &standing.enrolled, &password).await? {
                    NewPassword::Fit(hash) => Some(hash),
                    NewPassword::Unfit(unfit) => return Ok(Err(RenewalReply::Unfit(unfit))),
                    NewPassword::Busy => return Ok(Err(Self::renewal_busy(attempt, Method::Password))),
                }
            }
            None => None,
        };
        let backup = match renewal.backup_codes {
            true => match self.make_codes(attempt).await? {
                Some(made) => Some(made),
                None => return Ok(Err(Self::renewal_busy(attempt, Method::BackupCode))),
            },
            false => None,
        };
        let user = &standing.account.identity.id;
        let records = self.notices(attempt, user, NoticeKind::RecoveryFinished, &standing.enrolled).await?;
        Ok(Ok(NewCredentials { app, hash, backup, records }))
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
    pub(super) async fn spent_totp(
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
}
