//! Mail addresses (RFC 5321 §4.1.2, RFC 6531): the plain ones that people have. Quoted local parts, comments and addresses
//! of machines are none: nobody signs in by them, and parsers read them differently.

use unicode_normalization::UnicodeNormalization;

use crate::auth::host;
use crate::auth::text::invisible::is_invisible;

/// The longest address, and the longest part before the `@`, in bytes (RFC 5321 §4.5.3.1).
const MAX_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;

/// The address in what a person typed, with its domain in ASCII and lower case; `None` if it is none.
pub fn parse(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.len() > MAX_BYTES {
        return None;
    }
    let (local, domain) = typed.split_once('@')?;
    let local: String = local.nfc().collect();
    let atoms = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    if !atoms || local.len() > MAX_LOCAL_BYTES || domain.ends_with('.') {
        return None;
    }
    let domain = host::from_operator(domain).filter(|name| !is_number(name))?;
    let address = format!("{local}@{domain}");
    (address.len() <= MAX_BYTES).then_some(address)
}

/// What two spellings of one address share: case matters to no provider that people have accounts with.
pub fn folded(address: &str) -> String {
    address.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

fn is_atom(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    }
    c.is_alphanumeric() && !is_invisible(c)
}

/// An address of a machine: no mail of a person goes there.
fn is_number(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_have_is_read() {
        for (typed, read) in [
            (" Ann.O'Hara+x@Example.COM ", "Ann.O'Hara+x@example.com"),
            ("jürgen@bücher.example", "jürgen@xn--bcher-kva.example"),
            ("ann@localhost", "ann@localhost"),
        ] {
            assert_eq!(parse(typed).as_deref(), Some(read));
        }
        assert_eq!(folded("Ann@Example.com"), folded("ann@example.com"));
    }

    #[test]
    fn nothing_else_is() {
        for typed in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@@example.com",
            "a@b@example.com",
            "ann example@example.com",
            "ann@example.com\r\nBcc: x@y",
            "\"ann\"@example.com",
            "ann@[192.0.2.7]",
            "ann@192.0.2.7",
            "ann@example.com:25",
            ".ann@example.com",
            "an..n@example.com",
            "ann@example..com",
            "ann@-x.example",
            "<ann@example.com>",
            "ann,b@example.com",
            "a\u{202e}nn@example.com",
            "ann@example.com.",
            "ann;b@example.com",
            "an\u{200b}n@example.com",
        ] {
            assert_eq!(parse(typed), None, "{typed:?}");
        }
        assert!(parse(&format!("{}@example.com", "a".repeat(65))).is_none());
    }

    proptest! {
        #[test]
        fn what_was_read_reads_again_and_holds_no_line_and_no_list(typed in "[ -~\u{e9}\u{200b}\r\n]{0,20}@[a-zA-Z0-9.\u{fc}-]{1,20}") {
            if let Some(address) = parse(&typed) {
                prop_assert_eq!(parse(&address), Some(address.clone()));
                prop_assert!(!address.contains(['\r', '\n', ' ', ',', ';', '<', '>', '"']));
            }
        }
    }
}
