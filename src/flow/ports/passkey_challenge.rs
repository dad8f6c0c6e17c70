//! A WebAuthn challenge between the two halves of its ceremony: single use, of one person, host and purpose.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::transient::{JsonRecord, TransientKind};
use crate::auth::factor::passkey::{CHALLENGE_BYTES, Mediation, UserVerification};
use crate::auth::proof::TransactionDigest;
use crate::auth::time::Timestamp;

/// What the answer to a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengePurpose {
    /// A new passkey.
    Register,
    /// One more proof, in a sign-in or a session.
    Prove,
}

impl ChallengePurpose {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Prove => "prove",
        }
    }
}

/// What was asked of an authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedChallenge {
    pub challenge: [u8; CHALLENGE_BYTES],
    pub user_verification: UserVerification,
    pub issued_at: Timestamp,
    /// What its person calls the passkey that is to be made.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub mediation: Mediation,
    /// What its person proves themselves with: void once that is another. Absent where the version before asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// The transaction that is approved of by the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approves: Option<ApprovalChallenge>,
}

/// What a challenge was made of that stands for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalChallenge {
    pub nonce: [u8; CHALLENGE_BYTES],
    pub transaction: TransactionDigest,
}

impl ApprovalChallenge {
    /// SHA-256 of both: who signs it signs what was shown.
    pub fn challenge(&self) -> [u8; CHALLENGE_BYTES] {
        Sha256::new().chain_update(self.nonce).chain_update(self.transaction.as_bytes()).finalize().into()
    }
}

impl IssuedChallenge {
    /// Whether its answer approves of this transaction; or of none, where none is told.
    pub fn is_for(&self, told: Option<TransactionDigest>) -> bool {
        match (&self.approves, told) {
            (None, None) => true,
            (Some(approves), Some(told)) => approves.transaction == told && approves.challenge() == self.challenge,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl JsonRecord for IssuedChallenge {
    const KIND: TransientKind = TransientKind::Challenge;
    type Key = str;

    fn name(key: &str) -> Cow<'_, str> {
        key.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::proof::{BodyReading, BoundBody};

    #[test]
    fn an_answer_approves_of_what_its_challenge_stands_for_and_of_nothing_else() {
        let digest = |n: u8| {
            TransactionDigest::of(
                "POST",
                "app.example",
                "/pay",
                &BoundBody { sha256: [n; 32], reading: BodyReading::Plain },
            )
        };
        let approves = ApprovalChallenge { nonce: [7; CHALLENGE_BYTES], transaction: digest(1) };
        let issued = |challenge, approves| IssuedChallenge {
            challenge,
            user_verification: UserVerification::Required,
            issued_at: Timestamp::from_secs(1),
            name: None,
            mediation: Mediation::default(),
            credentials: None,
            approves,
        };
        let bound = issued(approves.challenge(), Some(approves));
        assert_ne!(bound.challenge, approves.nonce);
        assert!(bound.is_for(Some(digest(1))) && !bound.is_for(Some(digest(2))) && !bound.is_for(None));
        let plain = issued(approves.nonce, None);
        assert!(plain.is_for(None) && !plain.is_for(Some(digest(1))));
        assert!(!issued(approves.nonce, Some(approves)).is_for(Some(digest(1))), "another challenge was signed");
        let other = ApprovalChallenge { nonce: [8; CHALLENGE_BYTES], ..approves };
        assert_ne!(other.challenge(), approves.challenge(), "each is new");
        let other = ApprovalChallenge { transaction: digest(2), ..approves };
        assert_ne!(other.challenge(), approves.challenge(), "who signs it signs the transaction");
    }
}
