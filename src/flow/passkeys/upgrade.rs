//! A passkey beside the password, which the browser makes without a question (WebAuthn L3 §5.1.3, conditional mediation),
//! where the operator wants that.

use std::time::Duration;

use crate::auth::factor::passkey::{CreationOptions, Mediation};
use crate::auth::proof::Method;
use crate::flow::Flows;
use crate::flow::ports::Answer;
use crate::flow::reply::{CeremonyRef, Client, CreationAsked, Opened, PasskeyWish};

/// Nobody is met by it more often.
const AGAIN_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);

impl Flows {
    /// Asks for a passkey after a sign-in by password; `None`: the operator does not want that, the person has one here, must
    /// prove something first, or was met by it lately.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn ask_upgrade(&self, opened: &Opened, client: &Client) -> Answer<Option<CreationOptions>> {
        let session = &opened.session;
        let fresh = session.proofs.fresh(self.settings.enroll_max_age, self.now());
        let wanted = self.settings.passkeys.as_ref().is_some_and(|passkeys| passkeys.upgrade);
        if !wanted || !fresh.contains(Method::Password) {
            return Ok(None);
        }
        let (user, rp_id) = (&session.identity.id, self.settings.rp_id(&client.host));
        if self.passkeys_of(user).await?.iter().any(|passkey| passkey.rp_id == rp_id) {
            return Ok(None);
        }
        let at = CeremonyRef::Session(opened.token.clone(), session.clone());
        let wish = PasskeyWish { mediation: Mediation::Conditional, ..PasskeyWish::default() };
        let CreationAsked::Asked(options) = self.ask_wished_passkey(&at, wish, client).await? else { return Ok(None) };
        let first = self.ports.ledger.claim(&format!("passkey-upgrade:{user}"), AGAIN_AFTER).await?;
        Ok(first.then_some(*options))
    }
}
