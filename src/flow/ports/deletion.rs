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

/// An account that is gone, of which something may be left where moments are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remainder {
    pub user: UserId,
    /// The ids of the sessions that it had.
    pub sessions: Vec<String>,
    /// Whether everything was looked through already: what is left is in files alone.
    pub is_swept: bool,
}

/// Accounts that are gone, in SQL, until nothing of them is left where moments are kept.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Remembers which sessions somebody had who is gone: what belongs to a moment may name these alone.
    async fn remember_sessions(&self, user: &UserId, sessions: &[String]) -> Answer<()>;
    /// Those that went before `before` and of which something may be left, for one caller until `until`; then for another.
    async fn lease(&self, now: Timestamp, before: Timestamp, until: Timestamp) -> Answer<Vec<Remainder>>;
    /// Lengthens what was leased until `old`.
    async fn renew(&self, old: Timestamp, new: Timestamp) -> Answer<()>;
    /// Takes the name of somebody who is gone out of the audit trail, where it was written since; says in how many rows.
    async fn scrub(&self, user: &UserId) -> Answer<u64>;
    /// Everything was looked through for these.
    async fn remember_swept(&self, users: &[UserId], now: Timestamp) -> Answer<()>;
    /// Nothing is left of these.
    async fn finish(&self, users: &[UserId]) -> Answer<()>;
}
