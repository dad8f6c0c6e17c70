//! Canonical host names: one spelling for policy, sessions, cookies and logs.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::Host;

/// The longest name, in bytes (RFC 1035 §2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// The canonical form of a `Host` header, an `:authority` or an SNI name: lower case, without port
/// and without one dot at the end. `None` for whatever is not plainly a host: user information,
/// spaces, empty or overlong labels, odd ports, percent signs, non-ASCII, numbers that only some
/// parsers take for an address, punycode that no name encodes to. Borrowed where nothing changes.
pub fn canonical(text: &str) -> Option<Cow<'_, str>> {
    authority(text).map(|(host, _)| host)
}

/// The same, with the port where one is named: 1 to 65535, in its one spelling. Any port will do: in front of us
/// may stand what gives ours another number.
pub fn authority(text: &str) -> Option<(Cow<'_, str>, Option<u16>)> {
    let (name, port) = split_port(text)?;
    let port = match port {
        Some(digits) => Some(port_of(digits)?),
        None => None,
    };
    Some((host_of(name)?, port))
}

fn host_of(name: &str) -> Option<Cow<'_, str>> {
    if let Some(v6) = name.strip_prefix('[') {
        let address: Ipv6Addr = v6.strip_suffix(']')?.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let sane = !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.split('.').all(is_label);
    if !sane {
        return None;
    }
    let name = if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    (is_honest_number(&name) && is_honest_punycode(&name)).then_some(name)
}

/// The canonical form of a host that an operator wrote: as [`canonical`], and names of other
/// scripts are turned into their ASCII form (IDNA, as browsers do). No port is allowed here.
pub fn from_operator(text: &str) -> Option<String> {
    if text.is_ascii() {
        let (_, port) = split_port(text)?;
        return port.is_none().then(|| canonical(text)).flatten().map(Cow::into_owned);
    }
    if text.contains(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_')) {
        return None;
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) => canonical(&name).map(Cow::into_owned),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// Splits off the port; `None` if brackets and colons do not fit.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with('[') {
        let end = text.find(']')? + 1;
        let (name, rest) = text.split_at_checked(end)?;
        return match rest {
            "" => Some((name, None)),
            _ => Some((name, Some(rest.strip_prefix(':')?))),
        };
    }
    match text.split_once(':') {
        None => Some((text, None)),
        Some((name, port)) => Some((name, Some(port))),
    }
}

fn port_of(text: &str) -> Option<u16> {
    let plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Letters, digits, `-` inside, and `_`, which real intranets use.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A name that ends in a number is an IPv4 address in its one usual spelling, or nothing (WHATWG URL §3.5).
fn is_honest_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").is_some_and(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
    if !hex && !last.bytes().all(|b| b.is_ascii_digit()) {
        return true;
    }
    name.parse::<Ipv4Addr>().is_ok()
}

/// Every `xn--` label decodes to a name that encodes to it again (RFC 5891 §4.4).
fn is_honest_punycode(name: &str) -> bool {
    !name.split('.').any(|label| label.starts_with("xn--"))
        || matches!(Host::parse(name), Ok(Host::Domain(again)) if again == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_spelling_for_each_host() {
        for (text, host) in [
            ("erp.example.com", "erp.example.com"),
            ("ERP.Example.COM:8443", "erp.example.com"),
            ("erp.example.com.", "erp.example.com"),
            ("erp.example.com.:443", "erp.example.com"),
            ("localhost:9000", "localhost"),
            ("my_app.local", "my_app.local"),
            ("10.0.0.1:80", "10.0.0.1"),
            ("[2001:DB8:0::1]:443", "[2001:db8::1]"),
            ("[::1]", "[::1]"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("3com.example", "3com.example"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(host), "{text}");
        }
        assert!(matches!(canonical("erp.example.com:443"), Some(Cow::Borrowed(_))));
    }

    #[test]
    fn odd_hosts_are_none() {
        for text in [
            "",
            ".",
            "..",
            ":443",
            "a..b",
            ".a",
            "a..",
            "user@host",
            "user:pw@host",
            "a b",
            " a",
            "a ",
            "a\tb",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a,b",
            "a%62",
            "host:",
            "host:0",
            "host:080",
            "host:65536",
            "host:+80",
            "host:8 0",
            "host:80:80",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]:",
            "[1.2.3.4]",
            "[::1%25eth0]",
            "a_b:x",
            "*.example.com",
            "-a.example",
            "a-.example",
            "1.2.3",
            "0x7f.1",
            "127.1",
            "256.0.0.1",
            "1.2.3.04",
            "2130706433",
            "xn--.example",
            "xn--example-.org",
            "xn--a.example",
            "bücher.example",
            "ｅxample.com",
            "a\u{0}b",
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
        assert_eq!(canonical(&format!("{}.example", "a".repeat(64))), None);
        assert_eq!(canonical(&"a.".repeat(130)), None);
    }

    #[test]
    fn ports_have_one_spelling() {
        for (text, port) in [
            ("a.test", None),
            ("a.test:1", Some(1)),
            ("a.test:65535", Some(65535)),
            ("[::1]:8443", Some(8443)),
            ("[::1]", None),
            ("a.test.:443", Some(443)),
        ] {
            assert_eq!(authority(text).unwrap().1, port, "{text}");
        }
    }

    #[test]
    fn operators_may_write_names_in_their_script() {
        assert_eq!(from_operator("Bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(from_operator("ERP.example.com").as_deref(), Some("erp.example.com"));
        assert_eq!(from_operator("erp.example.com:443"), None);
        assert_eq!(from_operator("bü cher.example"), None);
        assert_eq!(from_operator("bücher.example/x"), None);
    }

    proptest! {
        #[test]
        fn canonical_is_a_fixed_point(text in "[a-zA-Z0-9._:\\[\\]xn-]{0,40}|\\PC{0,20}") {
            if let Some(host) = canonical(&text) {
                prop_assert!(!host.bytes().any(|b| b.is_ascii_uppercase() || b == b'@' || b == b'/'));
                let again = canonical(&host).map(Cow::into_owned);
                prop_assert_eq!(again.as_deref(), Some(host.as_ref()));
            }
        }
    }
}
