//! Addresses that are given up, but never the last that a rule needs.

use super::{Owner, lasting};
use crate::auth::event::{Deed, What};
use crate::auth::factor::authenticator::{AddressRecord, Enrolled};
use crate::auth::notice_kind::NoticeKind;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::destination::Destinations;
use crate::flow::ports::{Answer, Removal};
use crate::flow::reply::OtherSessions;
use crate::flow::reply::{AddressRemoved, CeremonyRef, Client, Outcome, WithEvents};

impl Flows {
    /// Removes an address of a person, unless one of these destinations could not be reached without it.
    ///
    /// # Errors
    /// A store did not answer; it may be gone.
    pub async fn remove_address(
        &self,
        at: &CeremonyRef,
        id: &str,
        others: OtherSessions,
        destinations: &Destinations,
        client: &Client,
    ) -> Outcome<AddressRemoved> {
        let (mut attempt, owner) = self.owner(at, client).await.map_err(WithEvents::none)?;
        let reply = match owner {
            Some(owner) if owner.missing.is_empty() => {
                self.remove_of(&mut attempt, owner, (id, others), destinations).await
            }
            Some(owner) => Ok(AddressRemoved::ProveFirst(owner.missing)),
            None => Ok(AddressRemoved::Gone),
        };
        attempt.finish(reply)
    }

    async fn remove_of(
        &self,
        attempt: &mut Attempt<'_>,
        mut owner: Owner,
        (id, others): (&str, OtherSessions),
        destinations: &Destinations,
    ) -> Answer<AddressRemoved> {
        loop {
            let (gone, after) = match self.removable_address(&owner, id, destinations) {
                Ok(judged) => judged,
                Err(refused) => return Ok(refused),
            };
            let method = gone.kind.method();
            let removed = NoticeKind::AddressRemoved(gone.masked());
            let records = self.notices(attempt, &owner.user, removed, &owner.enrolled).await?;
            self.end_other_sessions(attempt, &owner.user, owner.slot.session(), others).await?;
            attempt.intend(Deed::Binding, Some(method));
            let removal = self.ports.addresses.remove(&owner.user, id, &after.ids(), &records).await?;
            if removal == Removal::Removed {
                attempt.record(What::AuthenticatorRemoved { method });
                self.end_other_sessions(attempt, &owner.user, owner.slot.session(), others).await?;
                return Ok(AddressRemoved::Removed);
            }
            attempt.clear_intent();
            if removal == Removal::NotFound {
                return Ok(AddressRemoved::NotFound);
            }
            // Each time something else is gone, so this ends.
            owner.enrolled = self.ports.authenticators.of(&owner.user).await?;
        }
    }

    /// The address and what is left without it, if its person may remove it.
    fn removable_address(
        &self,
        owner: &Owner,
        id: &str,
        destinations: &Destinations,
    ) -> Result<(AddressRecord, Enrolled), AddressRemoved> {
        let Some(address) = owner.enrolled.addresses.iter().find(|address| address.id == id) else {
            return Err(AddressRemoved::NotFound);
        };
        let mut rest = owner.enrolled.clone();
        rest.addresses.retain(|address| address.id != id);
        let (who, account) = (&owner.account.identity, &owner.account);
        let methods = |enrolled: &Enrolled, host: &str| self.owned_at(account, enrolled, host);
        let needed =
            destinations.needed(who, |host| methods(&owner.enrolled, host), |host| lasting(methods(&rest, host)));
        if let Some(rule) = needed {
            return Err(AddressRemoved::Needed(rule));
        }
        Ok((address.clone(), rest))
    }
}
