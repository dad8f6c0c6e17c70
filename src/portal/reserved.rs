//! Which targets are ours: the reserved prefix, and its disguises.

use super::PREFIX;
use crate::auth::resource::Resource;
use crate::auth::text::percent::{Octet, octets};

/// Whose a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The app's.
    No,
    /// Ours: the portal answers it.
    Plainly,
    /// Some reading of the target lies under the prefix, but not the plain one.
    Oddly,
}

/// Whether a target lies under [`PREFIX`], by the plain reading or by any other. `raw` is the target as received.
pub fn reserved(resource: &Resource, raw: &[u8]) -> Reserved {
    if !raw.iter().any(|b| matches!(b, b'.' | b'%')) {
        return Reserved::No; // no reading of it has the prefix's dot
    }
    let under = |path: &str| {
        let path = path.to_ascii_lowercase();
        path.starts_with(PREFIX) || path == PREFIX.trim_end_matches('/')
    };
    if raw.starts_with(PREFIX.as_bytes()) && resource.path().starts_with(PREFIX) {
        return Reserved::Plainly;
    }
    let decoded = decoded(raw);
    let odd = resource.readings().any(under) || under(resource.path()) || under(&decoded);
    if odd { Reserved::Oddly } else { Reserved::No }
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
            assert_eq!(whose(plain), Reserved::Plainly, "{plain}");
        }
        for odd in ["/.stepgate", "/.STEPGATE/login", "/%2estepgate/login", "//.stepgate/login", "/.stepgate;x/login"] {
            assert_eq!(whose(odd), Reserved::Oddly, "{odd}");
        }
        for other in ["/", "/stepgate/login", "/.stepgatex", "/a/.stepgate/login", "/x?y=/.stepgate/"] {
            assert_eq!(whose(other), Reserved::No, "{other}");
        }
    }
}
