//! Deletions of accounts: one that waits for its link to be followed, and accounts that are gone of which something may be left.

use std::borrow::Cow;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Answer;
use super::transient::{JsonRecord, TransientKind};
use crate::auth::ceremony::Ceremony;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// What the link of a deletion leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionLink {
    /// Everything is proved but that the address is reached.
    Waits {
        ceremony: Box<Ceremony>,
        /// How often all sessions of the person had been ended.
        endings: u64,
    },
    /// It was followed. Nothing tells whose account it was.
    Done,
}

impl JsonRecord for DeletionLink {
    const KIND: TransientKind = TransientKind::Deletion;
    /// The digest of its token, or a name made of it.
    type Key = str;

    fn name(key: &str) -> Cow<'_, str> {
        key.into()
    }
}

/// Accounts that are gone, in SQL, until nothing of them is left where moments are kept.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Those of which something may be left, and when they went.
    async fn unfinished(&self) -> Answer<Vec<(UserId, Timestamp)>>;
    /// Takes the name of somebody who is gone out of the audit trail, where it was written since; says in how many rows.
    async fn scrub(&self, user: &UserId) -> Answer<u64>;
    /// Nothing is left of it.
    async fn finish(&self, user: &UserId) -> Answer<()>;
}
