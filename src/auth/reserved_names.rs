//! The names that are ours on every host, whatever app it belongs to: the prefix of our pages, our cookies, the look of
//! our tokens, the headers that mark our answers. No app sees what a client says under them, none may say anything
//! under them, and none gets what is asked for there.
//!
//! All cookies carry the `__Host-` prefix (RFC 6265bis §4.1.3.2), so no sibling host can set them. A server that trims or
//! folds names would undo that; so what merely resembles one of ours counts as ours here.

use super::resource::Resource;
use super::session::SESSION_PREFIX;
use super::text::percent::{Octet, octets};

/// The prefix of every URL of ours.
pub const PREFIX: &str = "/.stepgate/";
/// What the names of the headers begin with that mark answers of ours.
pub const ANSWER_HEADERS: &str = "x-stepgate-";

/// Holds the session token of a browser.
pub const SESSION: &str = "__Host-stepgate";
/// Holds the ceremony token of a sign-in under way.
pub const FLOW: &str = "__Host-stepgate-flow";
/// Marks a browser that signed in before.
pub const DEVICE: &str = "__Host-stepgate-device";

/// Counts, for seconds, how often a browser was sent to its last places.
pub const TURNS: &str = "__Host-stepgate-turns";

/// Where programs look for passkeys (RFC 8615). Ours on a host whose passkeys are its own, exactly so written; everything
/// else beside them is the app's.
const OF_PASSKEYS: [&str; 2] = ["/.well-known/passkey-endpoints", "/.well-known/webauthn"];

/// Where they look for the page that changes a password. Ours where people sign in for many apps: an app may have its own.
const CHANGE_PASSWORD: &str = "/.well-known/change-password";

/// Binds a browser to what it was led away with to sign in on another host.
pub const BINDING: &str = "__Host-stepgate-binding";

/// Held by a browser while forms of its wait to be sent.
pub const HELD: &str = "__Host-stepgate-held";

/// Holds a proof for one request.
pub const SLIP: &str = "__Host-stepgate-slip";

const COOKIES: [&str; 7] = [SESSION, FLOW, DEVICE, TURNS, BINDING, HELD, SLIP];

/// Whose a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedTarget {
    /// The app's.
    No,
    /// Ours: the portal answers it.
    Plainly,
    /// Some reading of the target lies under the prefix, but not the plain one.
    Oddly,
}

/// Whether a target lies under [`PREFIX`], by the plain reading or by any other. `raw` is the target as received.
pub fn reserved(resource: &Resource, raw: &[u8]) -> ReservedTarget {
    if !raw.iter().any(|b| matches!(b, b'.' | b'%')) {
        return ReservedTarget::No; // no reading of it has the prefix's dot
    }
    let under = |path: &str| {
        let path = path.to_ascii_lowercase();
        path.starts_with(PREFIX) || path == PREFIX.trim_end_matches('/')
    };
    if raw.starts_with(PREFIX.as_bytes()) && resource.path().starts_with(PREFIX) {
        return ReservedTarget::Plainly;
    }
    let decoded = decoded(raw);
    let odd = resource.readings().any(under) || under(resource.path()) || under(&decoded);
    if odd { ReservedTarget::Oddly } else { ReservedTarget::No }
}

/// Whether a target is one of the fixed addresses of the relying party. `raw` is the target as received.
pub fn is_of_passkeys(resource: &Resource, raw: &[u8]) -> bool {
    OF_PASSKEYS.iter().any(|known| is_exactly(known, resource, raw))
}

/// Whether a target is one of the fixed addresses of a host where people sign in for many apps.
pub fn is_of_portal(resource: &Resource, raw: &[u8]) -> bool {
    is_of_passkeys(resource, raw) || is_exactly(CHANGE_PASSWORD, resource, raw)
}

fn is_exactly(known: &str, resource: &Resource, raw: &[u8]) -> bool {
    let path = raw.split(|b| *b == b'?').next().unwrap_or_default();
    known.as_bytes() == path && known == resource.path()
}

/// The path with every escape decoded and every run of slashes as one: the laxest reading there is.
fn decoded(raw: &[u8]) -> String {
    let path = raw.split(|b| *b == b'?').next().unwrap_or_default();
    let mut out = Vec::with_capacity(path.len());
    for octet in octets(path) {
        let byte = match octet {
            Octet::Plain(b'\\') | Octet::Encoded(b'\\') => b'/',
            Octet::Plain(byte) | Octet::Encoded(byte) => byte,
            Octet::StrayPercent => b'%',
        };
        if byte != b'/' || out.last() != Some(&b'/') {
            out.push(byte);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether an `Authorization` holds a token of ours, or what somebody meant to be one, whatever the scheme, the
/// spaces and the rest of it: no app may see it. A token begins a word, so that the same letters inside another
/// app's token are no sign of ours.
pub fn is_our_bearer(value: &[u8]) -> bool {
    let prefix = SESSION_PREFIX.as_bytes();
    value.windows(prefix.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|at| value.get(at));
        window.eq_ignore_ascii_case(prefix) && before.is_none_or(|b| !is_token_byte(*b))
    })
}

/// What tokens are made of (RFC 6750 §2.1), but for the `=` at their end.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// The cookies for the app: every `Cookie` line joined, without our cookies and whatever resembles them. Other bytes are
/// passed on as they came.
pub fn without_our_cookies<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::new();
    for line in lines {
        for pair in line.split(|b| *b == b';') {
            let pair = trimmed(pair);
            if pair.trim_ascii().is_empty() || is_our_cookie(name_of(pair)) {
                continue;
            }
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    kept
}

/// Whether a browser sent any cookie of ours, so that it keeps them.
pub fn has_our_cookie<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let pairs = lines.into_iter().flat_map(|line| line.split(|b| *b == b';'));
    pairs.map(|pair| name_of(trimmed(pair))).any(|name| COOKIES.iter().any(|ours| name == ours.as_bytes()))
}

/// Whether a cookie name is one of ours, or could be taken for one: no app may set it, none may see it.
pub fn is_our_cookie(name: &[u8]) -> bool {
    COOKIES.iter().any(|ours| resembles(name, ours))
}

/// Whether a `Set-Cookie` of an app sets a cookie of ours, or what could be taken for one.
pub fn sets_our_cookie(value: &[u8]) -> bool {
    // A cookie without a name, `=text`, comes back as its text alone: as whatever name stands in there.
    let start = value.iter().position(|b| !matches!(b, b'=' | b' ' | b'\t')).unwrap_or(value.len());
    let named = value.get(start..).unwrap_or_default();
    let name = named.split(|b| matches!(b, b';' | b'=')).next().unwrap_or_default();
    is_our_cookie(String::from_utf8_lossy(name).trim().as_bytes())
}

/// Without the blank that separates pairs (RFC 6265 §4.2.1: one space); more is part of the name.
pub fn trimmed(pair: &[u8]) -> &[u8] {
    pair.strip_prefix(b" ").unwrap_or(pair)
}

/// The name; of a pair without one, `=text`, what a browser or a parser may take for it.
pub fn name_of(pair: &[u8]) -> &[u8] {
    let start = pair.iter().position(|b| *b != b'=').unwrap_or(pair.len());
    pair.get(start..).unwrap_or_default().split(|b| *b == b'=').next().unwrap_or_default()
}

/// Whether lenient parsers might take one name for the other.
pub fn resembles(name: &[u8], ours: &str) -> bool {
    // Folding only ever shortens, and leaves ours as long as it is.
    name.len() >= ours.len() && (name == ours.as_bytes() || fold(name).eq(fold(ours.as_bytes())))
}

/// What lenient parsers might make of a name: letter case, blanks, quotes and exotic characters do not count.
fn fold(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter()
        .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .map(|b| if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() } else { b'-' })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::resource::Tolerances;

    #[test]
    fn the_prefix_is_known_in_every_disguise() {
        let all =
            Tolerances { path_parameters: true, encoded_slashes: true, double_slashes: true, ..Tolerances::default() };
        let whose =
            |raw: &str| reserved(&Resource::parse("a.test", "GET", raw.as_bytes(), all).unwrap(), raw.as_bytes());
        for plain in ["/.stepgate/", "/.stepgate/login?to=%2F"] {
            assert_eq!(whose(plain), ReservedTarget::Plainly, "{plain}");
        }
        for odd in ["/.stepgate", "/.STEPGATE/login", "/%2estepgate/login", "//.stepgate/login", "/.stepgate;x/login"] {
            assert_eq!(whose(odd), ReservedTarget::Oddly, "{odd}");
        }
        for other in ["/", "/stepgate/login", "/.stepgatex", "/a/.stepgate/login", "/x?y=/.stepgate/"] {
            assert_eq!(whose(other), ReservedTarget::No, "{other}");
        }
    }

    #[test]
    fn no_spelling_of_a_set_cookie_plants_one_of_ours() {
        for name in ["__Host-stepgate", "__host-stepgate-flow", "__HOST-Stepgate-Device"] {
            for before in ["", " ", "=", " =", "= ", "==", "\t=\t="] {
                for after in ["=x", "", "=x; Path=/", " =x", ";"] {
                    let value = format!("{before}{name}{after}");
                    assert!(sets_our_cookie(value.as_bytes()), "{value:?}");
                }
            }
        }
        for value in ["sid=__Host-stepgate=x", "=sid", "a=b; __Host-stepgate=x", "=", "", "__Host-stepgate-theirs=x"] {
            assert!(!sets_our_cookie(value.as_bytes()), "{value}");
        }
    }
}
