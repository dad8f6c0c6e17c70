//! The canonical form of a path: what is forwarded, byte for byte.
//!
//! RFC 3986 §6.2.2: triplets of unreserved characters are decoded, all others upper case. Bytes
//! that browsers send plain although the RFC has no place for them (`[ ] | ^ { }`) are encoded.
//! Nothing else changes, so an app sees the same path that it would have decoded itself.

use super::malformed::Malformed;
use crate::auth::text::percent::{Octet, is_unreserved, octets, push_triplet};

/// Whether a path is canonical already and has itself as its only reading.
pub(super) fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    for &byte in path {
        let fine = match byte {
            // A segment that ends in a dot has a second reading, or is a dot segment.
            b'/' => before != b'/' && before != b'.',
            b';' => false,
            _ => is_path_byte(byte),
        };
        if !fine {
            return false;
        }
        before = byte;
    }
    before != b'.'
}

/// Writes the canonical form of a path.
pub(super) fn canonicalise(path: &[u8]) -> Result<String, Malformed> {
    let mut out = String::with_capacity(path.len() + 16);
    for octet in octets(path) {
        let byte = match octet {
            Octet::Encoded(octet) if is_unreserved(octet) => {
                out.push(char::from(octet));
                continue;
            }
            Octet::Encoded(octet) => {
                push_triplet(&mut out, octet);
                continue;
            }
            Octet::StrayPercent => return Err(Malformed::BadPercent),
            Octet::Plain(byte) => byte,
        };
        match byte {
            b'/' => out.push('/'),
            _ if is_path_byte(byte) => out.push(char::from(byte)),
            b'[' | b']' | b'|' | b'^' | b'{' | b'}' => push_triplet(&mut out, byte),
            b'#' => return Err(Malformed::Fragment),
            b'\\' => return Err(Malformed::Backslash),
            0..=0x1f | 0x7f => return Err(Malformed::Control),
            _ => return Err(Malformed::OddByte),
        }
    }
    Ok(out)
}

/// Checks a query. It never chooses a rule, so it stays as it came, with the letters that old scripts send plain; only
/// what could end it is refused, and bytes that are no UTF-8, which servers replace.
pub(super) fn check_query(query: &[u8]) -> Result<(), Malformed> {
    let mut is_ascii = true;
    for byte in query {
        match byte {
            b'#' => return Err(Malformed::Fragment),
            0..=0x1f | 0x7f => return Err(Malformed::Control),
            b' ' | b'"' | b'<' | b'>' => return Err(Malformed::OddQuery),
            0x80.. => is_ascii = false,
            _ => {}
        }
    }
    if is_ascii || std::str::from_utf8(query).is_ok() { Ok(()) } else { Err(Malformed::OddQuery) }
}

/// `pchar` of RFC 3986 §3.3, without triplets.
const fn is_path_byte(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}
