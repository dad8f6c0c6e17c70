//! A WebAuthn challenge between the two halves of its ceremony: single use, of one person, host and purpose.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Answer;
use super::transient::{TransientKind, Typed, read, written};
use crate::auth::factor::passkey::{CHALLENGE_BYTES, Mediation, UserVerification};
use crate::auth::secret::SecretBytes;
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
}

impl Typed for IssuedChallenge {
    const KIND: TransientKind = TransientKind::Challenge;
    type Key = str;

    fn name(key: &str) -> Cow<'_, str> {
        key.into()
    }

    fn encode(&self) -> Answer<SecretBytes> {
        written(self)
    }

    fn decode(plain: &SecretBytes) -> Answer<Self> {
        read(plain)
    }
}
