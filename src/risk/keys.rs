//! Keyed hashes: a profile tells what is usual only to who holds the key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The name of a field of a profile: the first 8 bytes of an HMAC-SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldKey(pub [u8; 8]);

/// A key for the fields of profiles. It has no `Debug`: whoever knows it can try all addresses.
#[derive(Clone)]
pub struct HashKey(Hmac<Sha256>);

impl HashKey {
    /// The key of these 256 bits.
    pub fn new(key: [u8; 32]) -> Self {
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// The name of a field.
    pub fn field(&self, data: &[u8]) -> FieldKey {
        let digest: [u8; 32] = self.0.clone().chain_update(data).finalize().into_bytes().into();
        let mut name = [0; 8];
        for (to, from) in name.iter_mut().zip(digest) {
            *to = from;
        }
        FieldKey(name)
    }
}

/// The key in force, and those before it, the latest first, while their fields are still read.
#[derive(Clone)]
pub struct HashKeys {
    pub current: HashKey,
    pub previous: Vec<HashKey>,
}

impl HashKeys {
    /// One key, with none before it.
    pub const fn one(current: HashKey) -> Self {
        Self { current, previous: Vec::new() }
    }
}
