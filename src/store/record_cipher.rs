//! Sessions in a state store, sealed: who can write to the store can make none, change none, and read nobody's name.
//!
//! A record opens only as what it was sealed for: its kind, the version of its shape and its name in the store are the
//! context of the seal (ADR 0008). What names a person or a network in a key is a keyed digest.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::unreadable::{ReadError, Reports, Unreadable};
use super::vault::KeyRing;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::secret::SecretBytes;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, RECORD_VERSION, StoreError, Vault as _};

/// Bytes of a digest that stands in a key: 128 bits, so that no two are the same.
const NAME_BYTES: usize = 16;

/// Seals and opens the sessions of one state store, and names what has no name of its own.
pub(crate) struct RecordCipher {
    ring: Arc<KeyRing>,
    reports: Reports,
}

/// A sealed value as it lies in a store. A version after the one of today would stand before it, with a dot.
pub(super) fn to_text(sealed: &Sealed) -> String {
    BASE64URL_NOPAD.encode(&sealed.0)
}

/// Reads what [`to_text`] wrote.
pub(super) fn from_text(text: &[u8]) -> Result<Sealed, ReadError> {
    let version = text.split(|b| *b == b'.').next().filter(|before| before.len() < text.len());
    let version = version.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    if let Some(newer) = version.filter(|version| *version > u32::from(RECORD_VERSION)) {
        return Err(ReadError::Newer(newer));
    }
    let unsealed = |_| match text.first() {
        Some(b'{') => "it is not sealed, as none of an earlier version is",
        _ => "it is not sealed",
    };
    BASE64URL_NOPAD.decode(text).map(Sealed).map_err(|e| ReadError::Broken(StoreError::new("state", unsealed(e))))
}

impl RecordCipher {
    pub(crate) fn new(ring: Arc<KeyRing>) -> Self {
        Self { ring, reports: Reports::default() }
    }

    /// Seals a session for its name, as text.
    ///
    /// # Errors
    /// No randomness.
    pub(crate) fn seal<T: Serialize>(&self, name: &str, session: &T) -> Answer<String> {
        let plain = serde_json::to_vec(session).map(SecretBytes::new).map_err(broken)?;
        Ok(to_text(&self.ring.seal(&context(name), &plain)?))
    }

    /// Opens the session that lies under this name. The fault says why it does not, never what it held.
    ///
    /// # Errors
    /// A later version wrote it; or it was not sealed for this name, or with a key that is not in the ring any more.
    pub(crate) fn open<T: DeserializeOwned>(&self, name: &str, text: &[u8]) -> Result<T, ReadError> {
        let sealed = from_text(text).map_err(|why| why.with(broken))?;
        let plain = self.ring.open(&context(name), &sealed).map_err(|fault| ReadError::Broken(broken(fault.cause)))?;
        let shape = |e: serde_json::Error| format!("{:?} error at column {}", e.classify(), e.column());
        serde_json::from_slice(plain.expose()).map_err(|e| ReadError::Broken(broken(shape(e))))
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

    /// The key of a sent code, whose name is up to who sent it.
    pub(crate) fn code(&self, name: &str) -> String {
        short(&self.ring.digest("state code", name.as_bytes()))
    }

    /// Reports a value that was dealt with. `name`: the digest or name under which it was kept.
    pub(crate) fn report(&self, what: Unreadable, name: &str, why: &StoreError) {
        self.reports.report(what, name, why);
    }

    /// What a store answers for a value of a kind: a record of a later version is left alone and is not there.
    pub(super) fn left_alone(&self, name: &str, version: u32) {
        self.report(Unreadable::Newer, name, &ReadError::Newer(version).into());
    }
}

fn context(name: &str) -> String {
    format!("state:session:{RECORD_VERSION}:{name}")
}

fn short(digest: &[u8; 32]) -> String {
    BASE64URL_NOPAD.encode(digest.get(..NAME_BYTES).unwrap_or_default())
}

fn broken(why: impl std::fmt::Display) -> StoreError {
    StoreError::new("state", format!("a record of kind `session` cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::samples::{cipher, cipher_of};

    #[test]
    fn a_record_opens_only_as_what_it_was_sealed_for() {
        let text = cipher().seal("name", &7).unwrap();
        let read = |by: RecordCipher, name: &str| by.open::<u8>(name, text.as_bytes()).ok();
        assert_eq!(read(cipher(), "name"), Some(7));
        assert_eq!((read(cipher(), "nam"), read(cipher_of(&[2], &[]), "name")), (None, None));
        let why: StoreError = cipher_of(&[2], &[]).open::<u8>("name", text.as_bytes()).unwrap_err().into();
        assert!(why.to_string().contains("cannot be read") && why.to_string().contains("put its line back"), "{why}");
    }

    #[test]
    fn only_a_later_version_is_left_alone() {
        for (text, version) in [("3.AAAA", 3), ("17.?", 17), ("3.", 3)] {
            assert!(matches!(from_text(text.as_bytes()), Err(ReadError::Newer(v)) if v == version), "{text}");
        }
        for text in ["2.AAAA", "1.AAAA", ".AAAA", "3", "v3.AAAA", "-3.AAAA", "99999999999.AAAA", "{\"a\":3.1}"] {
            assert!(matches!(from_text(text.as_bytes()), Err(ReadError::Broken(_))), "{text}");
        }
        assert!(from_text(b"AAAA").is_ok());
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
