//! What a proof is good for: a session, one request, or one transaction (ADR 0028).

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// For what a rule accepts a proof, widest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// For what its session asks for.
    #[default]
    Session,
    /// For one request that the rule covers.
    Request,
    /// For one request that was told beforehand: its method, its target and its body.
    Transaction,
}

impl Binding {
    /// Whether a session's own proofs are enough. Records of the version before say nothing of it, and mean this.
    pub(super) fn is_session(&self) -> bool {
        *self == Self::Session
    }
}

/// Stands for one request: its method, host, canonical target and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TransactionDigest([u8; 32]);

/// Keeps it apart from digests of anything else.
const DOMAIN: &str = "stepgate transaction 1";

impl TransactionDigest {
    /// Of a request with a body of this SHA-256. Each part is preceded by its length, so no two requests have one text.
    pub fn of(method: &str, host: &str, target: &str, body: &[u8; 32]) -> Self {
        let mut whole = Sha256::new();
        for part in [DOMAIN.as_bytes(), method.as_bytes(), host.as_bytes(), target.as_bytes(), body] {
            whole.update((part.len() as u64).to_be_bytes());
            whole.update(part);
        }
        Self(whole.finalize().into())
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As text, in lower case.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    proptest! {
        /// Whatever differs, and however the parts are cut, the digest is another one.
        #[test]
        fn every_difference_tells(
            parts in prop::collection::vec("[A-Za-z/?&=0-9]{0,6}", 3), others in prop::collection::vec("[A-Za-z/?&=0-9]{0,6}", 3),
            bytes in prop::collection::vec(any::<u8>(), 1..64), bit: prop::sample::Index,
        ) {
            let of = |parts: &[String], bytes: &[u8]| TransactionDigest::of(&parts[0], &parts[1], &parts[2], &body(bytes));
            let mut flipped = bytes.clone();
            let at = bit.index(bytes.len() * 8);
            flipped[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(of(&parts, &bytes), of(&parts, &bytes));
            prop_assert_ne!(of(&parts, &bytes), of(&parts, &flipped));
            prop_assert_eq!(of(&parts, &bytes) == of(&others, &bytes), parts == others);
        }
    }

    #[test]
    fn a_wider_binding_comes_first() {
        assert!(Binding::Session < Binding::Request && Binding::Request < Binding::Transaction);
        assert_eq!(serde_json::to_string(&Binding::Transaction).unwrap(), "\"transaction\"");
    }
}
