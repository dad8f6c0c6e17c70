//! What the stores count, as the proxy publishes it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::auth::time::Timestamp;
use crate::flow::ports::Answer;
use crate::notify::sender::LetterCounts;
use crate::proxy::observe::store_metrics::{
    CallMetrics, DatabaseMetrics, LetterMetrics, PlaceMetrics, RedisMetrics, StoreMetrics,
};
use crate::store::Stores;
use crate::store::redis::{BOUNDS, VerbMetrics};

/// The stores and the letters, as a source of numbers.
pub(super) struct Numbers {
    pub(super) stores: Arc<Stores>,
    pub(super) letters: Arc<LetterCounts>,
}

#[async_trait]
impl StoreMetrics for Numbers {
    fn redis(&self) -> Option<RedisMetrics> {
        let stats = self.stores.redis.as_ref()?.metrics();
        Some(RedisMetrics {
            calls: stats.verbs.into_iter().map(calls).collect(),
            connected: stats.connected,
            push_connected: stats.push_connected,
            cache: [stats.cache_hits, stats.cache_misses, stats.cache_bypasses],
        })
    }

    fn letters(&self) -> LetterMetrics {
        let (waiting, overdue) = self.letters.waiting();
        LetterMetrics { outcomes: self.letters.all(), waiting, overdue }
    }

    fn places(&self) -> PlaceMetrics {
        let databases = self.stores.places.databases().into_iter().map(|one| DatabaseMetrics {
            role: one.role.name(),
            built: one.built.map(Timestamp::as_secs),
            used: one.used,
            refused: one.refused,
        });
        let lists = self.stores.places.lists().into_iter();
        let lists = lists.map(|list| (list.name.to_string(), list.entries.unwrap_or_default(), list.refused)).collect();
        PlaceMetrics { databases: databases.collect(), lists }
    }

    async fn sessions(&self) -> Answer<Vec<(&'static str, u64)>> {
        self.stores.sessions().await
    }

    async fn enrolled(&self) -> Answer<Vec<(&'static str, u64)>> {
        self.stores.enrolled().await
    }
}

fn calls(VerbMetrics { verb, calls, errors, total, within }: VerbMetrics) -> CallMetrics {
    CallMetrics { op: verb, buckets: BOUNDS.into_iter().zip(within).collect(), calls, errors, total }
}
