//! Every way in which an upstream may read a canonical path, as decoded text.
//!
//! The set is closed: whatever a typical server does to a path (decode it once or several times,
//! drop parameters, merge slashes, take backslashes for slashes, fold Unicode, drop trailing dots
//! and spaces as Windows does, cut at a decoded `?` or `#`), in any order, leads to a member.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_compatible;

use super::Tolerances;
use super::canonical::triplet;
use super::malformed::Malformed;

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
            match decode(&text, slashes)? {
                Some(decoded) => add(&mut all, false, decoded, tolerate)?,
                None if raw => add(&mut all, false, text.clone(), tolerate)?,
                None => {}
            }
        }
        let next = [
            without_parameters(&text),
            merged(&text),
            text.contains('\\').then(|| text.replace('\\', "/")),
            after_authority(&text),
            without_trailing_dots(&text),
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
    if reading.chars().any(char::is_control) {
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

/// Decodes once; `None` if that changes nothing. What is no triplet stays (decoded text may hold a plain `%`).
fn decode(text: &str, slashes: Slashes) -> Result<Option<String>, Malformed> {
    if !text.contains('%') {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let (true, [high, low, tail @ ..]) = (*byte == b'%', after) else {
            out.push(*byte);
            continue;
        };
        match triplet(Some(*high), Some(*low)) {
            Some(b'/' | b'\\') if slashes == Slashes::Kept => {
                out.extend([b'%', *high, low.to_ascii_uppercase()]);
                rest = tail;
            }
            Some(value) => {
                out.push(value);
                rest = tail;
            }
            None => out.push(b'%'),
        }
    }
    let out = String::from_utf8(out).map_err(|_| Malformed::NotUtf8)?;
    Ok((out != text).then_some(out))
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

/// What follows the first segment of `//host/path`, as URL parsers read it.
fn after_authority(text: &str) -> Option<String> {
    let rest = text.strip_prefix("//")?;
    Some(rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/").to_owned())
}

/// Each segment without the dots and spaces at its end, as Windows file systems name it.
fn without_trailing_dots(text: &str) -> Option<String> {
    let out = per_segment(text, |s| s.trim_end_matches(['.', ' ']));
    (out != text).then_some(out)
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
