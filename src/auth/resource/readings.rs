//! Every way in which an upstream may read a canonical path, as decoded text.
//!
//! The set is closed: whatever a typical server does to a path (decode it once or several times,
//! drop parameters, merge slashes, take backslashes for slashes, resolve it as a URL, fold Unicode,
//! drop trailing dots and spaces as Windows does, cut at a decoded `?` or `#`), in any order, leads
//! to a member; of an app that tolerates Latin-1, also what it becomes where each octet is a character.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_compatible;

use super::Tolerances;
use super::latin1::{Charset, is_overlong};
use super::malformed::Malformed;
use crate::auth::text::percent::triplet;

/// More readings than this are refused: each costs a pass over the rules.
const MAX_READINGS: usize = 32;

/// A path on its way through the habits of servers.
#[derive(Clone, PartialEq, Eq)]
struct Reading {
    /// Not decoded yet. Such a text is a step on the way only: every server decodes in the end.
    raw: bool,
    text: String,
}

/// The closed set of readings of a canonical path; the plainly decoded one comes first.
pub(super) fn of(canonical: &str, tolerate: Tolerances) -> Result<Vec<String>, Malformed> {
    let mut all = Vec::with_capacity(2);
    add(&mut all, true, canonical.to_owned(), tolerate)?;
    let mut at = 0;
    while let Some(Reading { raw, text }) = all.get(at).cloned() {
        at += 1;
        for slashes in [Slashes::Kept, Slashes::Decoded] {
            for charset in [Charset::Utf8, Charset::Windows1252, Charset::Latin1] {
                let decoded = decode(&text, slashes, charset)?;
                // What is decoded once more, and then is no UTF-8, was not meant so; those octets stay as they are.
                if raw && !decoded.whole && !tolerate.latin1 {
                    return Err(Malformed::NotUtf8);
                }
                if raw || decoded.text != text {
                    add(&mut all, false, decoded.text, tolerate)?;
                }
                if !tolerate.latin1 || !decoded.octets {
                    break; // whatever the charset, it is read alike
                }
            }
        }
        let next = [
            without_parameters(&text),
            merged(&text),
            text.contains('\\').then(|| text.replace('\\', "/")),
            after_authority(&text),
            after_any_slashes(&text),
            without_trailing_dots(&text),
            without_spaces_behind(&text),
            cut_at(&text, '?'),
            cut_at(&text, '#'),
            folded(&text)?,
        ];
        for text in next.into_iter().flatten() {
            add(&mut all, raw, text, tolerate)?;
        }
    }
    Ok(all.into_iter().filter(|r| !r.raw).map(|r| r.text).collect())
}

/// Adds a reading, unless it is known or something that no tolerance of this app covers.
fn add(all: &mut Vec<Reading>, raw: bool, text: String, tolerate: Tolerances) -> Result<(), Malformed> {
    // Characters that are equal by canonical equivalence are one; patterns are composed too.
    let text = if text.is_ascii() { text } else { text.nfc().collect() };
    let reading = Reading { raw, text };
    if all.contains(&reading) {
        return Ok(());
    }
    check(&reading.text, tolerate)?;
    if all.len() == MAX_READINGS {
        return Err(Malformed::TooManyReadings);
    }
    all.push(reading);
    Ok(())
}

/// Refuses what no tolerance of this app covers.
fn check(reading: &str, tolerate: Tolerances) -> Result<(), Malformed> {
    // Where octets are characters, those of Windows-1252 are control characters of Latin-1.
    let control = |c: char| c.is_control() && !(tolerate.latin1 && matches!(c, '\u{80}'..='\u{9f}'));
    if reading.chars().any(control) {
        return Err(Malformed::Control);
    }
    if !tolerate.encoded_slashes && (reading.contains('\\') || has_encoded_slash(reading)) {
        return Err(Malformed::EncodedSlash);
    }
    if reading.split('/').any(|s| !s.is_empty() && s.bytes().all(|b| matches!(b, b'.' | b' '))) {
        return Err(Malformed::DotSegment);
    }
    if !tolerate.path_parameters && reading.contains(';') {
        return Err(Malformed::PathParameter);
    }
    if !tolerate.double_slashes && reading.contains("//") {
        return Err(Malformed::DoubleSlash);
    }
    Ok(())
}

fn has_encoded_slash(text: &str) -> bool {
    text.as_bytes().windows(3).any(|w| matches!(w, [b'%', b'2', b'f' | b'F'] | [b'%', b'5', b'c' | b'C']))
}

/// What to do with `%2F` and `%5C`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slashes {
    /// They stay part of their segment.
    Kept,
    /// They become `/` and `\`.
    Decoded,
}

/// A text, decoded once.
struct Decoded {
    text: String,
    /// It had triplets of octets that are no ASCII.
    octets: bool,
    /// All of these were UTF-8, or were read as what needs not be.
    whole: bool,
}

/// Decodes once. What is no triplet stays (decoded text may hold a plain `%`), and so do octets that are no UTF-8.
fn decode(text: &str, slashes: Slashes, charset: Charset) -> Result<Decoded, Malformed> {
    let mut out = Decoded { text: String::with_capacity(text.len()), octets: false, whole: true };
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.text.push_str(before);
        let octets = octets_of(tail);
        match octets.first() {
            None => {
                out.text.push('%');
                rest = tail.get(1..).unwrap_or_default();
                continue;
            }
            Some(byte @ (b'/' | b'\\')) if slashes == Slashes::Kept => {
                out.text.push_str(if *byte == b'/' { "%2F" } else { "%5C" });
            }
            Some(byte) if byte.is_ascii() => out.text.push(char::from(*byte)),
            Some(_) if is_overlong(&octets) => return Err(Malformed::NotUtf8),
            Some(_) => {
                out.octets = true;
                out.whole &= charset.read(&octets, tail, &mut out.text);
            }
        }
        rest = tail.get(octets.len() * 3..).unwrap_or_default();
    }
    out.text.push_str(rest);
    Ok(out)
}

/// The octets of the triplets at the beginning of a text: one that is ASCII, or as many as are not.
fn octets_of(text: &str) -> Vec<u8> {
    let mut octets = text.as_bytes().chunks(3).map_while(triplet);
    match octets.next() {
        Some(first) if !first.is_ascii() => {
            std::iter::once(first).chain(octets.take_while(|octet| !octet.is_ascii())).collect()
        }
        first => first.into_iter().collect(),
    }
}

/// Each segment up to its first `;`, as Java servers route.
fn without_parameters(text: &str) -> Option<String> {
    text.contains(';').then(|| per_segment(text, |s| s.split(';').next().unwrap_or_default()))
}

/// Runs of slashes as one.
fn merged(text: &str) -> Option<String> {
    if !text.contains("//") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    Some(out)
}

/// What follows the first segment of `//host/path`, as the parsers of RFC 3986 read it.
fn after_authority(text: &str) -> Option<String> {
    let rest = text.strip_prefix("//")?;
    Some(rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/").to_owned())
}

/// The same as WHATWG parsers read it: any number of slashes and backslashes before a host.
fn after_any_slashes(text: &str) -> Option<String> {
    let rest = text.trim_start_matches(['/', '\\']);
    if text.len() - rest.len() < 2 {
        return None;
    }
    Some(rest.find(['/', '\\']).and_then(|at| rest.get(at..)).unwrap_or("/").to_owned())
}

/// Each segment without the dots and spaces at its end, as Windows file systems name it.
fn without_trailing_dots(text: &str) -> Option<String> {
    let out = per_segment(text, |s| s.trim_end_matches(['.', ' ']));
    (out != text).then_some(out)
}

/// Without the spaces behind it, as WHATWG parsers begin.
fn without_spaces_behind(text: &str) -> Option<String> {
    text.ends_with(' ').then(|| text.trim_end_matches(' ').to_owned())
}

/// Up to `mark`, as servers read that decode first and split after.
fn cut_at(text: &str, mark: char) -> Option<String> {
    text.split_once(mark).map(|(before, _)| before.to_owned())
}

/// Compatibility characters as their plain ones: full-width letters and dots, composed accents.
fn folded(text: &str) -> Result<Option<String>, Malformed> {
    if text.is_ascii() {
        return Ok(None);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Solidus and reverse solidus: fraction, division, set minus, full width, small, big.
            '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29f5}' | '\u{29f8}' | '\u{29f9}' | '\u{ff0f}' | '\u{ff3c}'
            | '\u{fe68}' => return Err(Malformed::LookAlike),
            '\u{3002}' | '\u{ff61}' => out.push('.'),
            // Next line: white space to whoever trims text.
            '\u{85}' => out.push(' '),
            _ => {
                let from = out.len();
                decompose_compatible(c, |part| out.push(part));
                // What would only become a delimiter by folding stays as it is.
                if !c.is_ascii() && out.get(from..).is_some_and(|new| new.contains([';', '?', '#', '%', '/', '\\'])) {
                    out.truncate(from);
                    out.push(c);
                }
            }
        }
    }
    let out: String = out.nfc().collect();
    Ok((out != text).then_some(out))
}

fn per_segment<'a>(text: &'a str, change: impl Fn(&'a str) -> &'a str) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, segment) in text.split('/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        out.push_str(change(segment));
    }
    out
}
