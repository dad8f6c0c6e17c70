//! Addresses of people, in SQL beside their authenticators: where codes go. What a person has is read with these
//! ([`Authenticators::of`](super::Authenticators::of)).

use async_trait::async_trait;

use super::{Answer, Records, Removal};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::user::UserId;

/// Confirmed addresses, each of one account alone. The records are written in the same step as a change, if it is made.
#[async_trait]
pub trait Addresses: Send + Sync {
    /// Whose an address is, by its folded spelling.
    async fn owner(&self, kind: AddressKind, folded: &str) -> Answer<Option<UserId>>;
    /// Adds one; `false`, and nothing changes, if somebody has it, or the person has `most` of that kind already.
    async fn add(&self, user: &UserId, address: &AddressRecord, most: u32, records: &Records) -> Answer<bool>;
    /// Removes one of a person, as long as all that is to stay is there.
    async fn remove(&self, user: &UserId, id: &str, staying: &[&str], records: &Records) -> Answer<Removal>;
    /// Puts one in the place of all of that kind, or takes all away; where there was one, sessions and marks end.
    /// `false`, and nothing changes, if somebody else has it.
    async fn replace(
        &self,
        user: &UserId,
        kind: AddressKind,
        address: Option<&AddressRecord>,
        records: &Records,
    ) -> Answer<bool>;
}
