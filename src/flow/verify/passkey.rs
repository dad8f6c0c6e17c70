//! Passkeys: the challenge is taken first, then the answer is judged, then the counter is spent by a conditional write.

use super::{Mismatch, Proved};
use crate::auth::event::{Deed, RejectReason, What};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::factor::passkey::{self, Authenticated, AuthenticationResponse, PasskeyRecord, Violation};
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::session::Channel;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{Account, Answer, PasskeyUse};
use crate::flow::reply::Rejection;

impl Mismatch {
    /// A passkey that proves nothing.
    const fn passkey(reason: RejectReason) -> Self {
        Self { reason, rejection: Rejection::WrongPasskey { unknown: false } }
    }
}

impl Flows {
    pub(super) async fn verify_passkey(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        slot: &Slot,
        assertion: &SecretText,
    ) -> Answer<Result<Proved, Mismatch>> {
        let Ok(response) = AuthenticationResponse::parse(assertion.expose()) else {
            return Ok(Err(Mismatch::passkey(RejectReason::Malformed)));
        };
        let (user, credentials) = (&account.identity.id, self.credentials(account, enrolled));
        let Some(asked) = self.take_asked(slot, &credentials, &response).await? else {
            return Ok(Err(Mismatch::passkey(RejectReason::AlreadySpent)));
        };
        // A script shows by itself what it asks for, and its plain challenge binds nothing.
        let told = attempt.approves.filter(|_| attempt.client.channel == Channel::Cookie || asked.approves.is_some());
        if !asked.is_for(told) {
            return Ok(Err(Mismatch::passkey(RejectReason::Mismatch)));
        }
        let Some(passkey) = enrolled.passkeys.iter().find(|p| p.credential_id == response.credential_id()) else {
            return Ok(Err(Mismatch::passkey(RejectReason::Passkey(Violation::Owner))));
        };
        let expected = self.expected(attempt.client, &asked.challenge, asked.user_verification);
        let user_handle = self.user_handle(user);
        let signer = passkey::Signer { passkey, user_handle: &user_handle, discoverable: false };
        let proved = passkey::authenticate(&response, &expected, signer);
        let noted = self.note_use(attempt, user, passkey, proved).await?;
        Ok(noted.map(Proved::by).map_err(|violation| Mismatch::passkey(RejectReason::Passkey(violation))))
    }

    /// Notes that a passkey was used; what that proves. A counter that did not grow is told, here or in the table.
    pub(in crate::flow) async fn note_use(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        passkey: &PasskeyRecord,
        proved: Result<Authenticated, Violation>,
    ) -> Answer<Result<Method, Violation>> {
        let noted = match proved {
            Ok(Authenticated { method, sign_count, backup_state }) => {
                attempt.intend(Deed::Spending, Some(method));
                let used = PasskeyUse { sign_count, backup_state, at: attempt.now };
                let grown = self.ports.passkeys.record_use(user, &passkey.id, used).await?;
                attempt.clear_intent();
                if grown { Ok(method) } else { Err(Violation::Counter) }
            }
            Err(violation) => Err(violation),
        };
        if noted == Err(Violation::Counter) {
            attempt.record(What::PasskeyCounter);
        }
        Ok(noted)
    }
}
