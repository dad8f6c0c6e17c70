//! Sessions in memory: used only while the push is known to work.
//!
//! Every key belongs to a stripe with a generation. An entry carries the generation that held before its value was
//! asked for, and counts only while that generation stands. The end of a session begins a new one, so a value read
//! before that end is void however late it is put in.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use moka::sync::Cache as Entries;
use tokio::time::Instant;

use super::metrics::Counters;
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;

/// How many sessions are held.
const CAPACITY: u64 = 100_000;
/// How long one is held at most: bounds how old a `seen_at` noted by another node can be here.
const HELD: Duration = Duration::from_secs(30);
/// How many stripes share out the keys.
const STRIPES: usize = 1024;
/// How long a proof that the push works counts, from the moment it was asked for. With it a session revoked elsewhere
/// outlives its end by no more, even if the push connection hangs.
pub(super) const LEASE: Duration = Duration::from_millis(600);

pub(super) struct LeasedCache {
    entries: Entries<SessionKey, LeasedSession>,
    stripes: Box<[AtomicU64]>,
    born: Instant,
    /// Until when the push is trusted, in milliseconds since `born`; 0: not at all.
    trusted_until: AtomicU64,
    counters: Arc<Counters>,
}

#[derive(Clone)]
struct LeasedSession {
    generation: u64,
    ends_at: Timestamp,
    session: Arc<Session>,
}

impl LeasedCache {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            entries: Entries::builder().max_capacity(CAPACITY).time_to_live(HELD).build(),
            stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            born: Instant::now(),
            trusted_until: AtomicU64::new(0),
            counters,
        }
    }

    /// Whether the push is known to work now.
    pub(super) fn trusted(&self) -> bool {
        self.since_birth(Instant::now()) < self.trusted_until.load(SeqCst)
    }

    /// The push worked at `asked`: everything published before has been heeded.
    pub(super) fn trust(&self, asked: Instant) {
        self.trusted_until.fetch_max(self.since_birth(asked + LEASE), SeqCst);
    }

    /// The push does not work: bypass.
    pub(super) fn distrust(&self) {
        self.trusted_until.store(0, SeqCst);
    }

    /// A session that surely still counts as it is: past `ends_at` another node may know of a later use, so Redis is
    /// asked.
    pub(super) fn get(&self, key: &SessionKey, now: Timestamp) -> Option<Arc<Session>> {
        if !self.trusted() {
            self.counters.bypasses.fetch_add(1, Relaxed);
            return None;
        }
        let entry = self.entries.get(key).filter(|e| Some(e.generation) == self.generation(key) && now < e.ends_at);
        let counter = if entry.is_some() { &self.counters.hits } else { &self.counters.misses };
        counter.fetch_add(1, Relaxed);
        entry.map(|e| e.session)
    }

    /// The generation of a key, to be taken before its value is asked for.
    pub(super) fn generation(&self, key: &SessionKey) -> Option<u64> {
        self.stripe(key).map(|stripe| stripe.load(SeqCst))
    }

    /// Keeps a value that was asked for after `generation` was taken.
    pub(super) fn put(&self, key: SessionKey, generation: Option<u64>, ends_at: Timestamp, session: &Arc<Session>) {
        if let Some(generation) = generation.filter(|_| self.trusted()) {
            self.entries.insert(key, LeasedSession { generation, ends_at, session: session.clone() });
        }
    }

    /// A session ended: no value read before counts any more.
    pub(super) fn end(&self, key: &SessionKey) {
        if let Some(stripe) = self.stripe(key) {
            stripe.fetch_add(1, SeqCst);
        }
        self.entries.invalidate(key);
    }

    /// A use was noted here: read it anew.
    pub(super) fn forget(&self, key: &SessionKey) {
        self.entries.invalidate(key);
    }

    /// Whatever may have ended meanwhile: no value read before counts any more.
    pub(super) fn end_all(&self) {
        for stripe in &self.stripes {
            stripe.fetch_add(1, SeqCst);
        }
        self.entries.invalidate_all();
    }

    fn stripe(&self, key: &SessionKey) -> Option<&AtomicU64> {
        // The key is a digest: any of its bits are evenly spread.
        let [a, b, ..] = key.as_bytes();
        self.stripes.get(usize::from(u16::from_be_bytes([*a, *b])) % STRIPES)
    }

    fn since_birth(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.born).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::samples::{session, session_key};

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const END: Timestamp = Timestamp::from_secs(1_000_600);

    fn filled() -> (LeasedCache, SessionKey, Arc<Session>) {
        let (cache, key, one) = (LeasedCache::new(Arc::default()), session_key(), Arc::new(session("ann", NOW)));
        cache.trust(Instant::now());
        cache.put(key, cache.generation(&key), END, &one);
        assert!(cache.get(&key, NOW).is_some());
        (cache, key, one)
    }

    #[tokio::test(start_paused = true)]
    async fn trust_ends_by_itself() {
        let (cache, key, _) = filled();
        tokio::time::advance(LEASE).await;
        assert!(cache.get(&key, NOW).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn distrust_bypasses_at_once() {
        let (cache, key, one) = filled();
        cache.distrust();
        assert!(cache.get(&key, NOW).is_none());
        let other = session_key();
        cache.put(other, cache.generation(&other), END, &one);
        cache.trust(Instant::now());
        assert!(cache.get(&other, NOW).is_none(), "nothing is kept without the push");
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_read_before_the_end_is_void_after_it() {
        let (cache, key, one) = filled();
        let read_before = cache.generation(&key);
        cache.end(&key);
        assert!(cache.get(&key, NOW).is_none());
        cache.put(key, read_before, END, &one);
        assert!(cache.get(&key, NOW).is_none(), "the late fill is void");
        let read_before = cache.generation(&key);
        cache.end_all();
        cache.put(key, read_before, END, &one);
        assert!(cache.get(&key, NOW).is_none(), "also after a new subscription");
        cache.put(key, cache.generation(&key), END, &one);
        assert!(cache.get(&key, NOW).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn redis_is_asked_before_a_session_looks_idle() {
        let (cache, key, _) = filled();
        assert!(cache.get(&key, END.minus(Duration::from_millis(1))).is_some());
        assert!(cache.get(&key, END).is_none());
    }
}
