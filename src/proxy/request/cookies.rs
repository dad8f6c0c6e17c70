//! Our cookies and our bearer tokens, as far as the proxy must know them. How they are written and read is the
//! portal's affair; here they are kept from the apps.

use http::HeaderValue;

use crate::portal::cookies;

pub(crate) use crate::portal::cookies::is_our_bearer;

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
}
