//! A ceremony as its page needs it.

use crate::auth::ceremony::CeremonyToken;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::ports::Answer;
use crate::flow::reply::{CeremonyView, Client};

impl Flows {
    /// The sign-in of a token on this host; `None` if it is over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn view(&self, token: &CeremonyToken, client: &Client) -> Answer<Option<CeremonyView>> {
        let now = self.now();
        let Some(mut ceremony) = self.stored_ceremony(&token.key(), client, now).await? else { return Ok(None) };
        let Some(username) = ceremony.who.username().cloned() else { return Ok(None) };
        let mut digits = self.settings.totp.digits;
        if let Some(user) = ceremony.who.user() {
            // A factor may have been switched off, or on, since the ceremony began.
            let enrolled = self.ports.authenticators.of(user).await?;
            digits = enrolled.totp.as_ref().map_or(digits, |record| record.digits);
            ceremony.set_locked(enrolled.locked());
        }
        let (methods, locked) = (ceremony.available(now), ceremony.locked_that_would_help(now));
        Ok(Some(CeremonyView { username, ceremony, methods, locked, digits }))
    }

    /// How many digits the codes of a person have: those of their authenticator, whatever new ones get.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn digits_of(&self, user: &UserId) -> Answer<u8> {
        let totp = self.ports.authenticators.of(user).await?.totp;
        Ok(totp.map_or(self.settings.totp.digits, |record| record.digits))
    }

    /// How many backup codes a person has left; `None` if none were made.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn backup_codes_of(&self, user: &UserId) -> Answer<Option<u32>> {
        Ok(self.ports.authenticators.of(user).await?.backup.map(|set| set.left))
    }
}
