//! One-time marks, attempt counters, and quotas of what waits.

use std::time::Duration;

use async_trait::async_trait;

use super::Answer;
use crate::auth::throttle::{Charge, Charged};
use crate::auth::time::Timestamp;

/// One-time marks.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Claims a mark; `true` for exactly one caller until `ttl` has passed.
    async fn claim(&self, mark: &str, ttl: Duration) -> Answer<bool>;
}

/// Attempt counters, shared by all nodes.
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Charges all the counters, or none where one is full; atomically.
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Answer<Charged>;
    /// Gives one attempt back on each counter, as far as it has not drained since it brought the counter to the state
    /// beside it: for an attempt that was right, or was not evaluated.
    async fn give_back(&self, charged: &[(Charge, Timestamp)], now: Timestamp) -> Answer<()>;
    /// Forgets counters: only ever after a full success.
    async fn forgive(&self, keys: &[String]) -> Answer<()>;
}

/// How many may wait at once under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Names it; no secret. Networks and people may stand in it: stores keep a keyed digest.
    pub key: String,
    pub most: u32,
}

/// What waits, counted exactly and by all nodes together: an entry counts until it is removed or its time is over.
#[async_trait]
pub trait Quotas: Send + Sync {
    /// Enters `name` into every quota until `ttl` has passed, or into none where one is full; whether it was entered.
    async fn enter(&self, quotas: &[Quota], name: &str, ttl: Duration, now: Timestamp) -> Answer<bool>;
    /// Removes `name` from the quotas of these keys.
    async fn leave(&self, keys: &[String], name: &str) -> Answer<()>;
}
