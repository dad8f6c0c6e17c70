//! The bearer secret of a slip: 256 bits, opaque. Never stored.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::secret::SecretText;
use super::token::{self, TOKEN_BYTES};

const SLIP_PREFIX: &str = "sgo_";

/// What the holder of a slip presents, once.
#[derive(Clone)]
pub struct SlipToken(SecretText);

impl SlipToken {
    /// Makes a token of fresh random bytes.
    pub fn mint(random: &[u8; TOKEN_BYTES]) -> Self {
        Self(token::mint(SLIP_PREFIX, random))
    }

    /// Reads what a client sent; `None` unless it has exactly the shape of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        token::parse(SLIP_PREFIX, text).map(Self)
    }

    /// The text for the cookie, or for the script that asked.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The digest under which the slip is kept.
    pub fn name(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(self.0.expose().as_bytes()))
    }
}
