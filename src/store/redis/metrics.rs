//! What a node counts about its Redis. Plain numbers; who publishes them decides how.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The verbs whose time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Load,
    Replace,
    Touch,
    Revoke,
    RevokeAll,
    OfUser,
    Put,
    Peek,
    Take,
    Keep,
    Claim,
    Charge,
    Forgive,
    Probe,
    Scan,
    Attempt,
}

/// Upper bounds of the time of a call, in seconds.
pub const BOUNDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// Every verb with its name, in the order of their numbers.
const VERBS: [(Verb, &str); 16] = [
    (Verb::Load, "load"),
    (Verb::Replace, "replace"),
    (Verb::Touch, "touch"),
    (Verb::Revoke, "revoke"),
    (Verb::RevokeAll, "revoke_all"),
    (Verb::OfUser, "of_user"),
    (Verb::Put, "put"),
    (Verb::Peek, "peek"),
    (Verb::Take, "take"),
    (Verb::Keep, "keep"),
    (Verb::Claim, "claim"),
    (Verb::Charge, "charge"),
    (Verb::Forgive, "forgive"),
    (Verb::Probe, "probe"),
    (Verb::Scan, "scan"),
    (Verb::Attempt, "attempt"),
];

#[derive(Default)]
struct VerbCounters {
    calls: AtomicU64,
    errors: AtomicU64,
    micros: AtomicU64,
    /// Calls by the first of [`BOUNDS`] that they did not exceed.
    within: [AtomicU64; BOUNDS.len()],
}

/// The counters of one node.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) bypasses: AtomicU64,
    pub(super) connects: AtomicU64,
    pub(super) subscriptions: AtomicU64,
    verbs: [VerbCounters; VERBS.len()],
}

/// The numbers of one node at one moment. Counters only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisMetrics {
    /// Sessions answered from the local cache.
    pub cache_hits: u64,
    /// Sessions not in the local cache.
    pub cache_misses: u64,
    /// Sessions read from Redis because the push was not connected.
    pub cache_bypasses: u64,
    /// Times the command connection was established.
    pub connects: u64,
    /// Times the push connection was established.
    pub subscriptions: u64,
    /// Whether the push is connected, so that the cache is used.
    pub push_connected: bool,
    /// Whether commands have a connection.
    pub connected: bool,
    /// By verb.
    pub verbs: Vec<VerbMetrics>,
}

/// The numbers of one verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerbMetrics {
    /// Its name, of a closed set.
    pub verb: &'static str,
    /// Calls answered or failed.
    pub calls: u64,
    /// Calls that failed.
    pub errors: u64,
    /// The time of all calls together.
    pub total: Duration,
    /// Calls by the first of [`BOUNDS`] that they did not exceed; the slowest are in none.
    pub within: [u64; BOUNDS.len()],
}

impl Counters {
    /// Notes one call.
    pub(super) fn note(&self, verb: Verb, took: Duration, failed: bool) {
        if let Some(counters) = self.verbs.get(verb as usize) {
            counters.calls.fetch_add(1, Relaxed);
            counters.errors.fetch_add(u64::from(failed), Relaxed);
            counters.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
            let seconds = took.as_secs_f64();
            if let Some((_, bucket)) = BOUNDS.iter().zip(&counters.within).find(|(bound, _)| seconds <= **bound) {
                bucket.fetch_add(1, Relaxed);
            }
        }
    }

    /// All numbers now.
    pub(super) fn snapshot(&self, push_connected: bool, connected: bool) -> RedisMetrics {
        let verbs = VERBS.iter().zip(&self.verbs).map(|((_, verb), c)| VerbMetrics {
            verb,
            calls: c.calls.load(Relaxed),
            errors: c.errors.load(Relaxed),
            total: Duration::from_micros(c.micros.load(Relaxed)),
            within: c.within.each_ref().map(|bucket| bucket.load(Relaxed)),
        });
        RedisMetrics {
            cache_hits: self.hits.load(Relaxed),
            cache_misses: self.misses.load(Relaxed),
            cache_bypasses: self.bypasses.load(Relaxed),
            connects: self.connects.load(Relaxed),
            subscriptions: self.subscriptions.load(Relaxed),
            push_connected,
            connected,
            verbs: verbs.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_in_the_bucket_it_fits() {
        let counters = Counters::default();
        for micros in [50, 100, 101, 300_000, 2_000_000] {
            counters.note(Verb::Load, Duration::from_micros(micros), micros > 1_000_000);
        }
        let load = counters.snapshot(true, true).verbs.swap_remove(0);
        assert_eq!((load.calls, load.errors, load.total), (5, 1, Duration::from_micros(2_300_251)));
        assert_eq!(load.within, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn every_verb_is_counted_under_its_own_name() {
        for (n, (verb, name)) in VERBS.iter().enumerate() {
            assert_eq!(*verb as usize, n, "{name}");
        }
    }
}
