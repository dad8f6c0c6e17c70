//! What the stores count, as the proxy publishes it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::flow::ports::Answer;
use crate::proxy::observe::store_metrics::{CallMetrics, RedisMetrics, StoreMetrics};
use crate::store::Stores;
use crate::store::redis::{BOUNDS, VerbMetrics};

/// The stores, as a source of numbers.
pub(super) struct Numbers(pub(super) Arc<Stores>);

#[async_trait]
impl StoreMetrics for Numbers {
    fn redis(&self) -> Option<RedisMetrics> {
        let stats = self.0.redis.as_ref()?.metrics();
        Some(RedisMetrics {
            calls: stats.verbs.into_iter().map(calls).collect(),
            connected: stats.connected,
            push_connected: stats.push_connected,
            cache: [stats.cache_hits, stats.cache_misses, stats.cache_bypasses],
        })
    }

    async fn sessions(&self) -> Answer<Vec<(&'static str, u64)>> {
        self.0.sessions().await
    }

    async fn enrolled(&self) -> Answer<Vec<(&'static str, u64)>> {
        self.0.enrolled().await
    }
}

fn calls(VerbMetrics { verb, calls, errors, total, within }: VerbMetrics) -> CallMetrics {
    CallMetrics { op: verb, buckets: BOUNDS.into_iter().zip(within).collect(), calls, errors, total }
}
