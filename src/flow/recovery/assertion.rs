//! A passkey as a second proof: what is asked of a browser.

use super::verify::Reach;
use crate::auth::factor::passkey::{Hint, RequestOptions, UserVerification};
use crate::auth::proof::MethodSet;
use crate::auth::secret::SecretText;
use crate::flow::Flows;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{Answer, ChallengePurpose};
use crate::flow::reply::{AssertionAsked, Client, PasskeyWish};

impl Flows {
    /// Asks for the signature of a passkey of whose mailbox a code has reached.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn ask_recovery_assertion(&self, code: &SecretText, client: &Client) -> Answer<AssertionAsked> {
        let attempt = self.begin_attempt("", None, client);
        let Reach::Reached(who) = self.reached(&attempt, code).await? else { return Ok(AssertionAsked::Gone) };
        let owned = self.owned_at(&who.account, &who.enrolled, &client.host);
        let helpful = who.settings.second_proof.and(owned).and(MethodSet::PASSKEYS);
        let Some(bond) = Slot::Recovery(who.token.name()).bond().filter(|_| !helpful.is_empty()) else {
            return Ok(AssertionAsked::NoPasskey);
        };
        let verification = UserVerification::Preferred;
        let wish = PasskeyWish::default();
        let asked_of = self.credentials(&who.account, &who.enrolled);
        let purpose = ChallengePurpose::Prove;
        let issued = self.issue_challenge((&bond, asked_of), purpose, verification, wish, None).await?;
        let rp_id = self.settings.rp_id(&client.host);
        let options = RequestOptions::new(rp_id, &issued.challenge, &who.enrolled.passkeys, verification);
        Ok(AssertionAsked::Asked(Box::new(options.with_hints(Hint::of(helpful)))))
    }
}
