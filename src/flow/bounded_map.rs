//! A small bounded memory of this node, in shards: no lock is shared by all requests.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

const SHARDS: usize = 32;

/// Remembers values by key; forgets a whole shard when it is full. What it forgets is only ever done again.
pub(super) struct BoundedMap<K, V> {
    shards: Vec<Mutex<HashMap<K, V>>>,
    hasher: RandomState,
    most: usize,
}

impl<K: Hash + Eq, V: Clone> BoundedMap<K, V> {
    /// A memory of about `most` entries.
    pub(super) fn new(most: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect();
        Self { shards, hasher: RandomState::new(), most: (most / SHARDS).max(1) }
    }

    /// What is remembered under `key`.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.look(key, V::clone)
    }

    /// What `read` makes of what is remembered under `key`, which stays where it is.
    pub(super) fn look<T>(&self, key: &K, read: impl FnOnce(&V) -> T) -> Option<T> {
        self.shard(key)?.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(read)
    }

    /// Remembers `value`.
    pub(super) fn put(&self, key: K, value: V) {
        let Some(shard) = self.shard(&key) else { return };
        let mut entries = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.most && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, value);
    }

    /// Forgets one.
    pub(super) fn forget(&self, key: &K) {
        if let Some(shard) = self.shard(key) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
    }

    fn shard(&self, key: &K) -> Option<&Mutex<HashMap<K, V>>> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).ok()?;
        self.shards.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_and_stays_bounded() {
        let recent = BoundedMap::new(320);
        for n in 0..100_000_u32 {
            recent.put(n, n * 2);
            assert_eq!(recent.get(&n), Some(n * 2));
        }
        let kept = (0..100_000).filter(|n| recent.get(n).is_some()).count();
        assert!(kept <= 320, "{kept}");
        recent.forget(&99_999);
        assert_eq!(recent.get(&99_999), None);
    }
}
