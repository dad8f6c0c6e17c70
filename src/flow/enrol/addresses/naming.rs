//! What people call their addresses.

use crate::flow::Flows;
use crate::flow::ports::Answer;
use crate::flow::reply::{CeremonyRef, Client, Renamed};

impl Flows {
    /// Gives an address a name, which takes what adding one takes.
    pub(in crate::flow::enrol) async fn rename_address(
        &self,
        at: &CeremonyRef,
        id: &str,
        name: &str,
        client: &Client,
    ) -> Answer<Renamed> {
        let (_, owner) = self.owner(at, client).await?;
        let Some(owner) = owner else { return Ok(Renamed::Gone) };
        if !owner.missing.is_empty() {
            return Ok(Renamed::ProveFirst(owner.missing));
        }
        let is_theirs = owner.enrolled.addresses.iter().any(|address| address.id == id) && !name.is_empty();
        let renamed = is_theirs && self.ports.authenticators.name(&owner.user, id, name).await?;
        Ok(if renamed { Renamed::Renamed } else { Renamed::NotFound })
    }
}
