//! Codes that an operator makes for somebody who is about to set up their first second factor: compared and spent by one verb
//! of the store.

use super::{Mismatch, Proved};
use crate::auth::event::{Deed, RejectReason};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::factor::backup_codes;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, Answer, Attempted};
use crate::flow::settings::EnrolmentProof;

impl Flows {
    pub(super) async fn verify_enrolment_code(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        typed: &SecretText,
    ) -> Answer<Result<Proved, Mismatch>> {
        if self.settings.enroll != EnrolmentProof::Invitation {
            return Ok(Err(Mismatch::code(RejectReason::NotEnrolled)));
        }
        let Some(typed) = backup_codes::normalise(typed.expose()) else {
            return Ok(Err(Mismatch::code(RejectReason::Malformed)));
        };
        let (name, digest) = self.enrolment_code(account, enrolled, &typed);
        attempt.intend(Deed::Spending, Some(Method::RecoveryCode));
        Ok(match self.ports.codes.attempt(&name, digest).await? {
            Attempted::Right => Ok(Proved::by(Method::RecoveryCode)),
            Attempted::Wrong { .. } => Err(Mismatch::code(RejectReason::Mismatch)),
            Attempted::Absent => Err(Mismatch::code(RejectReason::NoCode)),
        })
    }
}
