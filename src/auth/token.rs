//! Opaque tokens (RFC 6750): a prefix that says of what kind, and 256 random bits.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::secret::SecretText;

/// Random bytes in a token.
pub const TOKEN_BYTES: usize = 32;

/// A token of fresh random bytes.
pub(super) fn mint(prefix: &str, random: &[u8; TOKEN_BYTES]) -> SecretText {
    SecretText::new(format!("{prefix}{}", BASE64URL_NOPAD.encode(random)))
}

/// What a client sent; `None` unless it has exactly the shape of one of ours, of this kind.
pub(super) fn parse(prefix: &str, text: &str) -> Option<SecretText> {
    well_formed(text, prefix).then(|| SecretText::new(text.to_owned()))
}

/// The letters of the base64url alphabet whose two lowest bits are zero.
const LAST_LETTERS: &str = "AEIMQUYcgkosw048";

/// Whether `text` is `prefix` and the canonical encoding of [`TOKEN_BYTES`] bytes.
fn well_formed(text: &str, prefix: &str) -> bool {
    let Some(body) = text.strip_prefix(prefix) else { return false };
    // Not decoded: every request comes through here, and the bytes themselves are of no use.
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let whole = BASE64URL_NOPAD.encode_len(TOKEN_BYTES) == body.len() && body.bytes().all(alphabet);
    // The last letter holds four bits; the two below must be zero, or one token had four spellings (RFC 4648 §3.5).
    whole && body.ends_with(|last| LAST_LETTERS.contains(last))
}

/// A type of token that is kept under its digest.
macro_rules! bearer_secret {
    ($(#[$meaning:meta])* $name:ident, $prefix:literal) => {
        $(#[$meaning])*
        #[derive(Clone)]
        pub struct $name($crate::auth::secret::SecretText);

        impl $name {
            /// Makes a token of fresh random bytes.
            pub fn mint(random: &[u8; $crate::auth::token::TOKEN_BYTES]) -> Self {
                Self($crate::auth::token::mint($prefix, random))
            }

            /// Reads what a client sent; `None` unless it has exactly the shape of one of ours.
            pub fn parse(text: &str) -> Option<Self> {
                $crate::auth::token::parse($prefix, text).map(Self)
            }

            /// The text for whoever is to present it.
            pub fn expose(&self) -> &str {
                self.0.expose()
            }

            /// The digest under which is kept what it stands for.
            pub fn name(&self) -> String {
                $crate::auth::token::digest(self.0.expose())
            }
        }
    };
}
pub(super) use bearer_secret;

/// SHA-256, base64url.
pub(super) fn digest(text: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(text.as_bytes()))
}
