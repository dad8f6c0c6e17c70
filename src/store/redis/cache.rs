//! Sessions remembered on this node, so that a warm one costs no I/O. Used only while revocations are pushed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache as Remembered;

use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;

/// How many sessions are remembered.
const CAPACITY: u64 = 100_000;
/// How long one is remembered: the most by which another node's note of its use may be missed.
const REMEMBERED: Duration = Duration::from_secs(30);
/// How long before its end a session is asked for again: another node may have prolonged it.
const NEAR_END: Duration = Duration::from_secs(45);

/// The sessions that this node remembers.
pub struct Cache {
    entries: Remembered<SessionKey, (Arc<Session>, Timestamp)>,
    /// Whether revocations reach this node.
    pushed: AtomicBool,
    /// Grows with every invalidation; a load that saw an older one must not fill.
    epoch: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    bypassed: AtomicU64,
}

/// What the cache did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStats {
    /// Loads answered from memory.
    pub hits: u64,
    /// Loads that asked Redis.
    pub misses: u64,
    /// Those of them that had to, because revocations did not reach this node.
    pub bypassed: u64,
    /// Whether revocations reach this node now.
    pub pushed: bool,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self {
            entries: Remembered::builder().max_capacity(CAPACITY).time_to_live(REMEMBERED).build(),
            pushed: AtomicBool::new(false),
            epoch: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            bypassed: AtomicU64::new(0),
        }
    }

    /// The session of a key, if it is remembered and may be trusted.
    pub(super) fn get(&self, key: &SessionKey, now: Timestamp) -> Option<Arc<Session>> {
        if !self.pushed.load(Ordering::Acquire) {
            self.bypassed.fetch_add(1, Ordering::Relaxed);
            self.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let found = self.entries.get(key).filter(|(_, ends_at)| now.plus(NEAR_END) < *ends_at);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found.map(|(session, _)| session)
    }

    /// To be read before a load, and given to [`Self::put`] after it.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Remembers what a load found, unless anything was invalidated since it began.
    pub(super) fn put(&self, key: SessionKey, epoch: u64, session: Arc<Session>, ends_at: Timestamp) {
        if !self.pushed.load(Ordering::Acquire) || self.epoch() != epoch {
            return;
        }
        self.entries.insert(key, (session, ends_at));
        // An invalidation that came in between looked for the entry before it was there.
        if self.epoch() != epoch || !self.pushed.load(Ordering::Acquire) {
            self.entries.invalidate(&key);
        }
    }

    /// Forgets one session.
    pub(super) fn forget(&self, key: &SessionKey) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.entries.invalidate(key);
    }

    /// Revocations reach this node from now on: what was remembered before is void.
    pub(super) fn subscribed(&self) {
        self.void();
        self.pushed.store(true, Ordering::Release);
    }

    /// Revocations do not reach this node any more: nothing remembered counts.
    pub(super) fn unsubscribed(&self) {
        self.pushed.store(false, Ordering::Release);
        self.void();
    }

    fn void(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.entries.invalidate_all();
    }

    /// What it did so far.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            bypassed: self.bypassed.load(Ordering::Relaxed),
            pushed: self.pushed.load(Ordering::Relaxed),
        }
    }
}
