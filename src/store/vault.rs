//! Secrets at rest: XChaCha20-Poly1305 under keys derived from the master keys.
//!
//! A sealed value is `version (1) ‖ key id (8) ‖ nonce (24) ‖ ciphertext and tag`. The version, the key id and
//! the context are authenticated, so that a value moved to another row does not open.

mod keys;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use keys::{KEY_BYTES, MasterKeys, format_key, parse_ring};
pub(crate) use keys::{key_file, key_file_exists, read_key_file};

use crate::auth::factor::authenticator::Sealed;
use crate::auth::secret::SecretBytes;
use crate::flow::ports::{Answer, Entropy, StoreError, Vault};

const VERSION: u8 = 1;
const ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = 1 + ID_BYTES;

/// The vault over a ring of master keys, newest first.
///
/// The newest key in use seals; every key in the ring opens, also one that is only `next`. Digests are keyed by
/// the oldest key, so that they stay the same while a new key is added; they change when the oldest is dropped.
pub struct KeyRing {
    seals: Vec<SealKey>,
    oldest: SecretBytes,
    entropy: Arc<dyn Entropy>,
}

struct SealKey {
    id: [u8; ID_BYTES],
    key: Zeroizing<[u8; 32]>,
    master: SecretBytes,
    role: Role,
}

/// What a master key of the ring is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The newest in use: it seals, and opens.
    Seals,
    /// An older one: it opens what is not sealed anew yet.
    Opens,
    /// One to come: it opens what other nodes may have sealed with it already.
    Next,
}

/// Names the master key that sealed a value; `None` if it is no sealed value. The name tells nothing of the key.
pub fn key_id(sealed: &Sealed) -> Option<String> {
    (sealed.0.first() == Some(&VERSION)).then(|| sealed.0.get(1..HEAD_BYTES).map(|id| HEXLOWER.encode(id)))?
}

impl KeyRing {
    /// A vault of these master keys of [`KEY_BYTES`] bytes, newest first.
    ///
    /// # Errors
    /// No key, or one of another length.
    pub fn new(keys: &MasterKeys, entropy: Arc<dyn Entropy>) -> Answer<Self> {
        let oldest = keys.used.last().ok_or_else(|| fault("the ring has no key"))?.clone();
        if keys.used.iter().chain(&keys.next).any(|key| key.expose().len() != KEY_BYTES) {
            return Err(fault(format!("a master key must have {KEY_BYTES} bytes")));
        }
        let roles = std::iter::once(Role::Seals).chain(std::iter::repeat(Role::Opens));
        let used = keys.used.iter().zip(roles);
        let all = used.chain(keys.next.iter().map(|key| (key, Role::Next)));
        let seals = all.map(|(key, role)| SealKey::of(key, role)).collect::<Answer<_>>()?;
        Ok(Self { seals, oldest, entropy })
    }

    /// The keys of the ring by their names.
    pub fn keys(&self) -> impl Iterator<Item = (String, Role)> {
        self.seals.iter().map(|key| (HEXLOWER.encode(&key.id), key.role))
    }

    /// As [`Vault::digest`], under each master key: first the one that seals.
    pub(crate) fn digests(&self, purpose: &str, data: &[u8]) -> impl Iterator<Item = [u8; 32]> {
        self.seals.iter().map(move |key| digest_under(&key.master, purpose, data))
    }

    fn newest(&self) -> Answer<&SealKey> {
        self.seals.first().ok_or_else(|| fault("the ring has no key"))
    }
}

impl SealKey {
    fn of(key: &SecretBytes, role: Role) -> Answer<Self> {
        let (master, mut id) = (key.expose(), [0; ID_BYTES]);
        id.copy_from_slice(derive(master, &[b"stepgate key id v1"])?.get(..ID_BYTES).unwrap_or(&[0; ID_BYTES]));
        Ok(Self { id, key: derive(master, &[b"stepgate seal v1"])?, master: key.clone(), role })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.key))
    }
}

impl Vault for KeyRing {
    fn seal(&self, context: &str, plain: &SecretBytes) -> Answer<Sealed> {
        let key = self.newest()?;
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce)?;
        let mut blob = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + plain.expose().len() + 16);
        blob.push(VERSION);
        blob.extend_from_slice(&key.id);
        let aad = authenticated(&blob, context);
        let payload = Payload { msg: plain.expose(), aad: &aad };
        let ciphertext =
            key.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| fault("the value is too long"))?;
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(&ciphertext);
        Ok(Sealed(blob))
    }

    fn open(&self, context: &str, sealed: &Sealed) -> Answer<SecretBytes> {
        let damaged = || fault(format!("a value sealed for `{context}` does not open"));
        let (head, rest) = sealed.0.split_at_checked(HEAD_BYTES).ok_or_else(damaged)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let (version, id) = head.split_first().ok_or_else(damaged)?;
        if *version != VERSION {
            return Err(fault(format!("a value sealed for `{context}` is of the unknown version {version}")));
        }
        let key = self.seals.iter().find(|key| key.id == *id).ok_or_else(|| {
            fault(format!(
                "a value sealed for `{context}` needs a master key that is not in the key file; put its line back"
            ))
        })?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| damaged())?;
        let aad = authenticated(head, context);
        let payload = Payload { msg: ciphertext, aad: &aad };
        key.cipher().decrypt(&XNonce::from(nonce), payload).map(SecretBytes::new).map_err(|_| damaged())
    }

    fn reseal(&self, context: &str, sealed: &Sealed) -> Answer<Option<Sealed>> {
        // What a key to come has sealed stays so: the node that did it has gone a step ahead of this one.
        let id = sealed.0.get(1..HEAD_BYTES);
        let current = self.seals.iter().any(|key| key.role != Role::Opens && id == Some(key.id.as_slice()));
        if current && sealed.0.first() == Some(&VERSION) {
            return Ok(None);
        }
        let plain = self.open(context, sealed)?;
        self.seal(context, &plain).map(Some)
    }

    fn digest(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        digest_under(&self.oldest, purpose, data)
    }
}

fn digest_under(master: &SecretBytes, purpose: &str, data: &[u8]) -> [u8; 32] {
    // The purpose is bound by its place in the derivation, the data by the MAC. Both steps take keys of any
    // length, so neither can fail; should one ever, the answer depends on the key alone and matches nothing.
    let key = derive(master.expose(), &[b"stepgate digest v1 ", purpose.as_bytes()]).unwrap_or_default();
    Hmac::<Sha256>::new_from_slice(key.as_slice())
        .map(|mac| mac.chain_update(data).finalize().into_bytes().into())
        .unwrap_or(*key)
}

/// A key for one purpose (HKDF-SHA-256, RFC 5869).
fn derive(master: &[u8], info: &[&[u8]]) -> Answer<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, master).expand_multi_info(info, key.as_mut_slice()).map_err(fault)?;
    Ok(key)
}

fn authenticated(head: &[u8], context: &str) -> Vec<u8> {
    [head, context.as_bytes()].concat()
}

fn fault(cause: impl std::fmt::Display) -> StoreError {
    StoreError::new("vault", cause)
}
