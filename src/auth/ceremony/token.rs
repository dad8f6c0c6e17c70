//! The token of a ceremony outside, its digest inside.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::auth::secret::SecretText;
use crate::auth::token::{self, TOKEN_BYTES};

/// The bearer secret of a ceremony. Of another shape than a session token; never stored.
#[derive(Clone)]
pub struct CeremonyToken(SecretText);

/// The digest under which a ceremony is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CeremonyKey([u8; 32]);

const CEREMONY_PREFIX: &str = "sgc_";

impl CeremonyToken {
    /// Makes a token of fresh random bytes.
    pub fn mint(random: &[u8; TOKEN_BYTES]) -> Self {
        Self(token::mint(CEREMONY_PREFIX, random))
    }

    /// Reads a token that a client sent; `None` unless it has exactly the shape of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        token::parse(CEREMONY_PREFIX, text).map(Self)
    }

    /// The text for the cookie or the JSON answer.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub fn key(&self) -> CeremonyKey {
        CeremonyKey::of(self.0.expose())
    }
}

impl CeremonyKey {
    /// The digest of a name. Only tokens are secrets; a ceremony without a token is named by what it happens in.
    pub(super) fn of(name: &str) -> Self {
        Self(Sha256::digest(name.as_bytes()).into())
    }

    /// The digest as text, for store keys.
    pub fn encoded(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_one_shape_and_no_other_is_read() {
        let token = CeremonyToken::mint(&[7; TOKEN_BYTES]);
        let text = token.expose().to_owned();
        assert!(CeremonyToken::parse(&text).is_some_and(|t| t.key() == token.key()));
        for bad in [
            "",
            "sgc_",
            &text[..text.len() - 1],
            &format!("{text}A"),
            &text.replace("sgc_", "sgs_"),
            &format!(" {text}"),
        ] {
            assert!(CeremonyToken::parse(bad).is_none(), "{bad}");
        }
    }
}
