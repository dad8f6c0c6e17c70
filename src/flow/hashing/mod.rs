//! Password hashing on threads of lower priority, so many at once and no more: memory and waiting are bounded, and
//! shared fairly.

mod queue;
mod thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Flows;
use super::ports::{Account, Answer, StoreError};
use super::settings::PasswordSettings;
use crate::auth::factor::password::{self, HashFault, HashParams};
use crate::auth::secret::SecretText;
use queue::HashQueue;
pub(super) use queue::Lane;

/// The bulkhead of hashing.
pub(super) struct Hashing {
    /// Hashes running, and those that wait.
    queue: Arc<HashQueue>,
    params: HashParams,
    max_bytes: usize,
    dummy: SecretText,
    done: AtomicU64,
    worked: Arc<AtomicU64>,
}

impl Hashing {
    pub(super) fn new(settings: PasswordSettings) -> Self {
        let concurrent = settings.concurrent.clamp(1, 1024);
        Self {
            queue: Arc::new(HashQueue::new(concurrent, settings.queue.min(1 << 20))),
            params: settings.params(),
            max_bytes: settings.max_bytes,
            dummy: password::dummy(settings.params()),
            done: AtomicU64::new(0),
            worked: Arc::default(),
        }
    }

    pub(super) const fn params(&self) -> HashParams {
        self.params
    }

    /// How many pieces of hashing work were begun.
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Runs hashing work on a thread of its own; `None` if too much of it waits already.
    ///
    /// The place goes with the work: a caller who goes away frees nothing before it is done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: &Lane,
        work: impl FnOnce() -> Result<T, HashFault> + Send + 'static,
    ) -> Answer<Option<T>> {
        let Some(place) = self.queue.place(lane).await else { return Ok(None) };
        self.done.fetch_add(1, Ordering::Relaxed);
        let done = thread::run(move || {
            let _held = place;
            work()
        });
        done.await?.map(Some).map_err(|fault| StoreError::new("hashing", fault))
    }

    /// Verifies a password against the hash of an account, or against nobody's where there is none: the work is
    /// the same always. A hash that is dearer than is decent is a fault that names its account.
    pub(super) async fn verify(
        &self,
        lane: &Lane,
        password: SecretText,
        account: Option<&Account>,
    ) -> Answer<Option<bool>> {
        let phc = account.and_then(|account| account.password_hash.clone());
        let (known, phc) = (phc.is_some(), phc.unwrap_or_else(|| self.dummy.clone()));
        let (max_bytes, level, worked) = (self.max_bytes, self.params, self.worked.clone());
        let work = move |params: HashParams| {
            worked.fetch_add(params.work(), Ordering::Relaxed);
        };
        let verified = self.run(lane, move || password::verify_level(&password, &phc, max_bytes, level, work)).await;
        let right = verified.map_err(|fault| match account.filter(|_| known) {
            Some(account) => StoreError::new(fault.store, format!("account {}: {}", account.identity.id, fault.cause)),
            None => fault,
        })?;
        Ok(right.map(|right| right && known))
    }
}

impl Flows {
    /// How many pieces of hashing work were begun since the start.
    pub fn hashes_begun(&self) -> u64 {
        self.hashing.done()
    }

    /// How much work was done to verify passwords, in KiB times passes.
    pub fn verifying_work(&self) -> u64 {
        self.hashing.worked.load(Ordering::Relaxed)
    }

    /// Hashes a new password into a PHC string; `None` if hashing is full.
    ///
    /// # Errors
    /// No randomness, or parameters out of range.
    pub(super) async fn hash_password(&self, lane: &Lane, password: SecretText) -> Answer<Option<SecretText>> {
        let salt = self.random()?;
        let params = self.hashing.params();
        self.hashing.run(lane, move || password::hash(&password, &salt, params)).await
    }
}
