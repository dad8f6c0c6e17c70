//! Codes that were sent: counted, compared and spent by one verb of the store.

use super::{Mismatch, Proved};
use crate::auth::event::{Deed, RejectReason};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord, Enrolled};
use crate::auth::factor::sent_code;
use crate::auth::secret::SecretText;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{Account, Answer, Attempted};
use crate::flow::reply::Rejection;
use crate::flow::sent_codes::{CodeOwner, CodePurpose, CodeSlot};

impl Flows {
    pub(super) async fn verify_sent_code(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        slot: &Slot,
        kind: AddressKind,
        typed: &SecretText,
    ) -> Answer<Result<Proved, Mismatch>> {
        let address = self.address_for_codes(enrolled, kind);
        let Some(code) = CodeSlot::of(slot, kind, CodePurpose::Proof) else {
            return Ok(Err(Mismatch::code(RejectReason::NotEnrolled)));
        };
        let folded = address.map_or_else(String::new, AddressRecord::folded);
        let spent =
            self.spend_sent_code(attempt, &code, &self.code_owner(account, enrolled, slot), &folded, typed).await?;
        // Who has no address is counted and answered as everybody is, and proves nothing, whatever they guess.
        Ok(match (address, spent) {
            (Some(_), spent) => spent.map(|()| Proved::by(kind.method())),
            (None, Err(mismatch)) => Err(Mismatch { reason: RejectReason::NotEnrolled, ..mismatch }),
            (None, Ok(())) => Err(Mismatch::code(RejectReason::NotEnrolled)),
        })
    }

    /// Spends a code that was sent for this, to this address.
    pub(in crate::flow) async fn spend_sent_code(
        &self,
        attempt: &mut Attempt<'_>,
        code: &CodeSlot,
        owner: &CodeOwner,
        folded: &str,
        typed: &SecretText,
    ) -> Answer<Result<(), Mismatch>> {
        let digits = self.settings.codes.shape(code.kind).digits;
        let Some(typed) = sent_code::normalise(typed.expose(), digits) else {
            return Ok(Err(Mismatch::code(RejectReason::Malformed)));
        };
        let digest = self.code_digest(code, owner, folded, &typed);
        attempt.intend(Deed::Spending, Some(code.kind.method()));
        Ok(match self.ports.codes.attempt(&code.name(), digest).await? {
            Attempted::Right => Ok(()),
            Attempted::Wrong { left: 0 } => {
                Err(Mismatch { reason: RejectReason::Mismatch, rejection: Rejection::CodeUsedUp })
            }
            Attempted::Wrong { .. } => Err(Mismatch::code(RejectReason::Mismatch)),
            Attempted::Absent => Err(Mismatch { reason: RejectReason::NoCode, rejection: Rejection::NoCode }),
        })
    }
}
