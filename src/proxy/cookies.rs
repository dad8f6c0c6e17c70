//! Our cookies and our bearer tokens, as far as the proxy must know them. How they are written and read is the
//! portal's affair; here they are kept from the apps.

use http::HeaderValue;

use crate::auth::session::SESSION_PREFIX;
use crate::portal::cookies;

/// Whether an `Authorization` holds a token of ours, or what somebody meant to be one, whatever the scheme, the
/// spaces and the rest of it: no app may see it. A token begins a word, so that the same letters inside another
/// app's token are no sign of ours.
pub(crate) fn is_our_bearer(value: &HeaderValue) -> bool {
    let prefix = SESSION_PREFIX.as_bytes();
    let value = value.as_bytes();
    value.windows(prefix.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|at| value.get(at));
        window.eq_ignore_ascii_case(prefix) && before.is_none_or(|b| !is_token_byte(*b))
    })
}

/// What tokens are made of (RFC 6750 §2.1), but for the `=` at their end.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// Whether a `Set-Cookie` of an app sets a cookie of ours, or what could be taken for one.
pub(crate) fn sets_ours(value: &HeaderValue) -> bool {
    // A cookie without a name, `=text`, comes back as its text alone: as whatever name stands in there.
    let bytes = value.as_bytes();
    let start = bytes.iter().position(|b| !matches!(b, b'=' | b' ' | b'\t')).unwrap_or(bytes.len());
    let named = bytes.get(start..).unwrap_or_default();
    let name = named.split(|b| matches!(b, b';' | b'=')).next().unwrap_or_default();
    cookies::is_ours(String::from_utf8_lossy(name).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(text: &str) -> bool {
        is_our_bearer(&HeaderValue::from_str(text).unwrap())
    }

    #[test]
    fn no_spelling_of_a_set_cookie_plants_one_of_ours() {
        for name in ["__Host-stepgate", "__host-stepgate-flow", "__HOST-Stepgate-Device"] {
            for before in ["", " ", "=", " =", "= ", "==", "\t=\t="] {
                for after in ["=x", "", "=x; Path=/", " =x", ";"] {
                    let value = HeaderValue::from_str(&format!("{before}{name}{after}")).unwrap();
                    assert!(sets_ours(&value), "{value:?}");
                }
            }
        }
        for value in ["sid=__Host-stepgate=x", "=sid", "a=b; __Host-stepgate=x", "=", "", "__Host-stepgate-theirs=x"] {
            assert!(!sets_ours(&HeaderValue::from_str(value).unwrap()), "{value}");
        }
    }

    #[test]
    fn a_token_of_ours_is_known_in_any_dress() {
        for text in [
            "Bearer sgs_a.b",
            "bearer  sgs_a",
            "BEARER\tsgs_a",
            "Token sgs_a",
            "Bearer \"sgs_a\"",
            "sgs_a",
            "x, SGS_a",
            "Bearer token=sgs_a",
        ] {
            assert!(ours(text), "{text}");
        }
        for text in ["Bearer other", "Bearer abcsgs_def", "Bearer eyJ.a-sgs_b.c", "Basic c2dzXzEyMw==", ""] {
            assert!(!ours(text), "{text}");
        }
    }
}
