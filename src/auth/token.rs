//! Opaque tokens (RFC 6750): a prefix that says of what kind, and 256 random bits.

use data_encoding::BASE64URL_NOPAD;

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
