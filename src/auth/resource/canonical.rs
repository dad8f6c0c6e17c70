//! The canonical form of a path: what is forwarded, byte for byte.
//!
//! RFC 3986 §6.2.2: triplets of unreserved characters are decoded, all others upper case. Bytes
//! that browsers send plain although the RFC has no place for them (`[ ] | ^ { }`) are encoded.
//! Nothing else changes, so an app sees the same path that it would have decoded itself.

use std::fmt::Write as _;

use super::malformed::Malformed;

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
    let mut rest = path.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let value = triplet(rest.next(), rest.next()).ok_or(Malformed::BadPercent)?;
                if is_unreserved(value) { out.push(char::from(value)) } else { encode(&mut out, value) }
            }
            b'/' => out.push('/'),
            _ if is_path_byte(byte) => out.push(char::from(byte)),
            b'[' | b']' | b'|' | b'^' | b'{' | b'}' => encode(&mut out, byte),
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

/// The byte that two hexadecimal digits stand for.
pub(super) fn triplet(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |b: Option<u8>| char::from(b?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Adds a triplet.
pub(super) fn encode(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "%{byte:02X}");
}

const fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

/// `pchar` of RFC 3986 §3.3, without triplets.
const fn is_path_byte(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}
