//! As much of CBOR (RFC 8949) as authenticator data is made of: definite lengths, no key twice in a map, nothing after the
//! end. The library that verifies would take the last of two equal keys, and leave what follows.

use std::collections::BTreeSet;

/// How deep items may lie in one another; CTAP2 allows four.
const DEPTH: u8 = 8;

/// The members of a map, each key and value as the bytes that encode it.
pub(super) type Entries<'a> = Vec<(&'a [u8], &'a [u8])>;

/// The head of an item: its major type, its argument, and what follows.
fn head(bytes: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let size = match first & 0x1f {
        value @ 0..=23 => return Some((first >> 5, u64::from(value), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (argument, rest) = rest.split_at_checked(size)?;
    let value = argument.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
    Some((first >> 5, value, rest))
}

/// What follows the first item.
fn after(bytes: &[u8], depth: u8) -> Option<&[u8]> {
    let (major, argument, rest) = head(bytes)?;
    match major {
        0 | 1 => Some(rest),
        2 | 3 => rest.get(usize::try_from(argument).ok()?..),
        4 => (0..argument).try_fold(rest, |rest, _| after(rest, depth.checked_sub(1)?)),
        5 => members(argument, rest, depth).map(|(_, rest)| rest),
        6 => after(rest, depth.checked_sub(1)?),
        _ => Some(rest),
    }
}

fn members(count: u64, bytes: &[u8], depth: u8) -> Option<(Entries<'_>, &[u8])> {
    let depth = depth.checked_sub(1)?;
    let mut entries: Entries<'_> = Vec::new();
    let mut known = BTreeSet::new();
    let mut rest = bytes;
    for _ in 0..count {
        let (key, value) = split(rest, depth)?;
        if !known.insert(key) {
            return None;
        }
        let (value, tail) = split(value, depth)?;
        entries.push((key, value));
        rest = tail;
    }
    Some((entries, rest))
}

fn split(bytes: &[u8], depth: u8) -> Option<(&[u8], &[u8])> {
    let rest = after(bytes, depth)?;
    bytes.split_at_checked(bytes.len() - rest.len())
}

/// The first item, and what follows it.
pub(super) fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    split(bytes, DEPTH)
}

/// The members of a map that is all there is.
pub(super) fn map(bytes: &[u8]) -> Option<Entries<'_>> {
    let (5, count, rest) = head(bytes)? else { return None };
    let (entries, rest) = members(count, rest, DEPTH)?;
    rest.is_empty().then_some(entries)
}

/// A byte string.
pub(super) fn bytes(item: &[u8]) -> Option<&[u8]> {
    let (2, length, rest) = head(item)? else { return None };
    (usize::try_from(length).ok()? == rest.len()).then_some(rest)
}

/// A text.
pub(super) fn text(item: &[u8]) -> Option<&str> {
    let (3, length, rest) = head(item)? else { return None };
    if usize::try_from(length).ok()? != rest.len() {
        return None;
    }
    std::str::from_utf8(rest).ok()
}

/// An integer.
pub(super) fn integer(item: &[u8]) -> Option<i64> {
    let (major, value, rest) = head(item)?;
    let value = i64::try_from(value).ok().filter(|_| rest.is_empty())?;
    match major {
        0 => Some(value),
        1 => Some(-1 - value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_end_where_they_say() {
        assert_eq!(map(b"\xa2\x01\x02\x03\x26").unwrap(), [(&b"\x01"[..], &b"\x02"[..]), (b"\x03", b"\x26")]);
        assert_eq!(integer(b"\x26"), Some(-7));
        assert_eq!(integer(b"\x39\x01\x00"), Some(-257));
        assert_eq!(bytes(b"\x43abc"), Some(&b"abc"[..]));
        assert_eq!(text(b"\x63abc"), Some("abc"));
        assert_eq!(first(b"\x82\x01\x61ax").unwrap(), (&b"\x82\x01\x61a"[..], &b"x"[..]));
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_none() {
        for (bytes, what) in [
            (&b"\xa2\x01\x02\x01\x03"[..], "a key twice"),
            (b"\xa1\x01\x02\x00", "something after the end"),
            (b"\xbf\x01\x02\xff", "no length"),
            (b"\xa2\x01\x02", "a member is missing"),
            (b"\xa1\x01", "a value is missing"),
            (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "a count that nobody could hold"),
            (b"\xa1\x01\xa2\x01\x02\x01\x03", "a key twice, further in"),
            (b"\x01", "no map"),
            (b"", "nothing"),
        ] {
            assert!(map(bytes).is_none(), "{what}");
        }
        assert!(map(&[&[0xa1, 0x01][..], &[0x81; 100], &[0x01]].concat()).is_none(), "too deep");
        assert!(
            bytes(b"\x44abc").is_none()
                && bytes(b"\x42abc").is_none()
                && integer(b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff").is_none()
        );
    }
}
