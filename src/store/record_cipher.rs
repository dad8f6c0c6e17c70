//! RecordCipher of a state store, sealed: who can write to the store can make none, change none, and read nobody's name.
//!
//! A record opens only as what it was sealed for: its kind, the version of its shape and its name in the store are the
//! context of the seal (ADR 0008). What names a person or a network in a key is a keyed digest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::unreadable::Unreadable;
use super::vault::KeyRing;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::secret::SecretBytes;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, StoreError, Vault as _};

/// Of the shapes that are sealed. Earlier ones were plain JSON.
const VERSION: u8 = 2;
/// Bytes of a digest that stands in a key: 128 bits, so that no two are the same.
const NAME_BYTES: usize = 16;
/// How many unreadable values of a kind are told one by one; of more, every doubling.
const ONE_BY_ONE: u64 = 16;

/// What is kept as a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Session,
    Ceremony,
    /// A value that waits for a person.
    Pending,
}

impl RecordKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Ceremony => "ceremony",
            Self::Pending => "pending",
        }
    }
}

/// Seals and opens the records of one state store, and names what has no name of its own.
pub(crate) struct RecordCipher {
    ring: Arc<KeyRing>,
    told: [AtomicU64; Unreadable::COUNT],
}

impl RecordCipher {
    pub(crate) fn new(ring: Arc<KeyRing>) -> Self {
        Self { ring, told: Default::default() }
    }

    /// Seals a value for its kind and its name, as text.
    ///
    /// # Errors
    /// No randomness.
    pub(crate) fn seal<T: Serialize>(&self, kind: RecordKind, name: &str, value: &T) -> Answer<String> {
        let plain = serde_json::to_vec(value).map(SecretBytes::new).map_err(|e| broken(kind, e))?;
        let sealed = self.ring.seal(&context(kind, name), &plain)?;
        Ok(BASE64URL_NOPAD.encode(&sealed.0))
    }

    /// Opens what lies under this name. The fault says why it does not, never what it held.
    ///
    /// # Errors
    /// It was not sealed for this kind, version and name, or with a key that is not in the ring any more.
    pub(crate) fn open<T: DeserializeOwned>(&self, kind: RecordKind, name: &str, text: &[u8]) -> Answer<T> {
        let sealed = BASE64URL_NOPAD.decode(text).map(Sealed).map_err(|_| match text.first() {
            Some(b'{') => broken(kind, "it is not sealed, as none of an earlier version is"),
            _ => broken(kind, "it is not sealed"),
        })?;
        let plain = self.ring.open(&context(kind, name), &sealed).map_err(|fault| broken(kind, fault.cause))?;
        serde_json::from_slice(plain.expose())
            .map_err(|e| broken(kind, format_args!("{:?} error at column {}", e.classify(), e.column())))
    }

    /// The key of an attempt counter, whose name may hold a network.
    pub(crate) fn counter(&self, name: &str) -> String {
        short(&self.ring.digest("state counter", name.as_bytes()))
    }

    /// The keys under which the sessions of a person may be found: one for each master key. The first is to be written
    /// with: its master key seals as well, so that what is sealed with a key is found as long as it opens.
    pub(crate) fn owners(&self, user: &UserId) -> Vec<String> {
        self.ring.digests("state owner", user.0.as_bytes()).map(|digest| short(&digest)).collect()
    }

    /// As [`Self::owners`], the one to be written with.
    ///
    /// # Errors
    /// The ring has no key.
    pub(crate) fn owner(&self, user: &UserId) -> Answer<String> {
        self.owners(user).into_iter().next().ok_or_else(|| StoreError::new("vault", "the ring has no key"))
    }

    /// Tells the operator of a value that was dealt with: thousands, after a key was dropped or a new version was
    /// installed, in a few lines. `name`: the digest or name under which it was kept.
    pub(crate) fn report(&self, what: Unreadable, name: &str, why: &StoreError) {
        let count = self.told.get(what as usize).map_or(1, |told| told.fetch_add(1, Ordering::Relaxed) + 1);
        if is_reported(count) {
            what.report(name, why, count);
        }
    }
}

fn is_reported(count: u64) -> bool {
    count <= ONE_BY_ONE || count.is_power_of_two()
}

fn context(kind: RecordKind, name: &str) -> String {
    format!("state:{}:{VERSION}:{name}", kind.name())
}

fn short(digest: &[u8; 32]) -> String {
    BASE64URL_NOPAD.encode(digest.get(..NAME_BYTES).unwrap_or_default())
}

fn broken(kind: RecordKind, why: impl std::fmt::Display) -> StoreError {
    StoreError::new("state", format!("a record of kind `{}` cannot be read: {why}", kind.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::samples::{cipher, cipher_of};

    #[test]
    fn thousands_of_unreadable_records_are_told_in_a_few_lines() {
        assert!((1..=16).all(is_reported));
        assert!((1..=100_000).filter(|count| is_reported(*count)).count() < 32);
    }

    #[test]
    fn a_record_opens_only_as_what_it_was_sealed_for() {
        let kinds = [RecordKind::Session, RecordKind::Ceremony, RecordKind::Pending];
        for (sealed, opened) in kinds.into_iter().flat_map(|one| kinds.map(|other| (one, other))) {
            let text = cipher().seal(sealed, "name", &7).unwrap();
            let read = |by: RecordCipher, name: &str| by.open::<u8>(opened, name, text.as_bytes()).ok();
            assert_eq!(read(cipher(), "name"), (sealed == opened).then_some(7));
            assert_eq!((read(cipher(), "nam"), read(cipher_of(&[2], &[]), "name")), (None, None));
            let told = cipher_of(&[2], &[]).open::<u8>(sealed, "name", text.as_bytes()).unwrap_err().to_string();
            assert!(told.contains("cannot be read") && told.contains("put its line back"), "{told}");
        }
    }

    #[test]
    fn people_and_networks_are_named_by_the_keys_that_are_there() {
        let ann = UserId("id-ann".to_owned());
        let names = |used: &[u8], next: &[u8]| cipher_of(used, next).owners(&ann);
        let (one, two) = (names(&[1], &[]), names(&[2], &[]));
        assert_ne!(one, two);
        assert_eq!(names(&[2, 1], &[]), [two.clone(), one.clone()].concat(), "first the one whose key seals");
        assert_eq!(names(&[1], &[2]), [one, two].concat());
        let counter = |used: &[u8]| cipher_of(used, &[]).counter("password:network:203.0.113.0/24");
        assert_eq!(counter(&[1]), counter(&[2, 1]), "a new key forgets no attempt");
        assert_ne!(counter(&[1]), counter(&[2]));
    }
}
