//! Sessions in memory. An entry counts only while no session has ended, here or in another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache as Entries;
use tokio::time::Instant;

use crate::auth::session::{Session, SessionKey};

/// How old the knowledge of other processes' work may be.
const TRUSTED: Duration = Duration::from_millis(200);
/// How many sessions are held.
const CAPACITY: u64 = 10_000;
/// How long one is held at most.
const HELD: Duration = Duration::from_secs(60);

/// The cache. Every entry carries the epoch in which its row was read; the end of any session begins a new epoch,
/// and entries of earlier ones are void. A row read before that end can so never be served after it.
pub(super) struct EpochCache {
    entries: Entries<SessionKey, EpochSession>,
    epoch: AtomicU64,
    generation: AtomicI64,
    started: Instant,
    checked: AtomicU64,
}

#[derive(Clone)]
struct EpochSession {
    epoch: u64,
    ends_at: i64,
    session: Arc<Session>,
}

impl EpochCache {
    pub(super) fn new() -> Self {
        Self {
            entries: Entries::builder().max_capacity(CAPACITY).time_to_live(HELD).build(),
            epoch: AtomicU64::new(0),
            generation: AtomicI64::new(-1),
            started: Instant::now(),
            checked: AtomicU64::new(0),
        }
    }

    /// The epoch to be read before the row is.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Milliseconds since this cache was made, never 0.
    pub(super) fn tick(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Whether the generation was compared a short while ago.
    pub(super) fn trusted(&self) -> bool {
        let checked = self.checked.load(Ordering::SeqCst);
        checked != 0 && u128::from(self.tick().saturating_sub(checked)) < TRUSTED.as_millis()
    }

    /// Takes note of the generation as it stood in the store at or after the tick `asked`.
    pub(super) fn compare(&self, generation: i64, asked: u64) {
        if self.generation.swap(generation, Ordering::SeqCst) != generation {
            self.void();
        }
        self.checked.fetch_max(asked, Ordering::SeqCst);
    }

    /// Makes every entry void: a session has ended.
    pub(super) fn void(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Forgets one entry.
    pub(super) fn forget(&self, key: &SessionKey) {
        self.entries.invalidate(key);
    }

    pub(super) fn get(&self, key: &SessionKey, now: i64) -> Option<Arc<Session>> {
        let entry = self.entries.get(key)?;
        (entry.epoch == self.epoch() && entry.ends_at > now).then_some(entry.session)
    }

    pub(super) fn put(&self, key: SessionKey, epoch: u64, ends_at: i64, session: Arc<Session>) {
        self.entries.insert(key, EpochSession { epoch, ends_at, session });
    }
}
