//! What people call their authenticator app and their addresses.

use super::tidy;
use crate::flow::Flows;
use crate::flow::ports::Answer;
use crate::flow::reply::{CeremonyRef, Client, Named, Renamed};

impl Flows {
    /// Gives an authenticator app or an address a name, as [`Self::passkey_name`] writes it: a privilege as adding one is, so that
    /// nobody else disguises what its owner would remove.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn rename_authenticator(
        &self,
        at: &CeremonyRef,
        what: Named<'_>,
        name: &str,
        client: &Client,
    ) -> Answer<Renamed> {
        let name = tidy(name);
        match what {
            Named::App => self.rename_app(at, &name, client).await,
            Named::Address(id) => self.rename_address(at, id, &name, client).await,
        }
    }

    async fn rename_app(&self, at: &CeremonyRef, name: &str, client: &Client) -> Answer<Renamed> {
        let (attempt, enrollee) = self.enrollee(at, client).await?;
        let Some(who) = enrollee else { return Ok(Renamed::Gone) };
        if let Some(methods) = self.missing_for_change(&who, attempt.now) {
            return Ok(Renamed::ProveFirst(methods));
        }
        let Some(app) = who.enrolled.totp.as_ref().filter(|_| !name.is_empty()) else { return Ok(Renamed::NotFound) };
        let renamed = self.ports.authenticators.name(&who.account.identity.id, &app.id, name).await?;
        Ok(if renamed { Renamed::Renamed } else { Renamed::NotFound })
    }
}
