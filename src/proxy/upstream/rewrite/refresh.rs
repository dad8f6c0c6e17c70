//! `Refresh`: a time, and perhaps a URL (HTML §4.2.5.3, "shared declarative refresh steps").

use std::ops::Range;

use super::names::{Names, Public};
use super::outward;

/// A `Refresh` with its URL rewritten; `None`: as it is.
pub(super) fn rewritten(text: &[u8], names: &Names, public: Public<'_>) -> Option<Vec<u8>> {
    let at = url(text)?;
    let told = outward(text.get(at.clone())?, names, public)?;
    Some([text.get(..at.start)?, &told, text.get(at.end..)?].concat())
}

/// Where the URL stands.
fn url(text: &[u8]) -> Option<Range<usize>> {
    let skip = |from: usize, fits: fn(&u8) -> bool| {
        from + text.get(from..).unwrap_or_default().iter().take_while(|b| fits(b)).count()
    };
    let blank = |from| skip(from, u8::is_ascii_whitespace);
    let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
    let time = skip(blank(0), |b| b.is_ascii_digit() || *b == b'.');
    let mut at = blank(time);
    if is(at, b';') || is(at, b',') {
        at = blank(at + 1);
    } else if at == time {
        return None; // nothing between the time and what follows
    }
    if text.get(at..at + 3).is_some_and(|word| word.eq_ignore_ascii_case(b"url")) {
        let sign = blank(at + 3);
        if is(sign, b'=') {
            at = blank(sign + 1);
        }
    }
    let quote = text.get(at).copied().filter(|b| matches!(b, b'"' | b'\''));
    let from = at + usize::from(quote.is_some());
    let end = text.get(from..)?.iter().position(|b| Some(*b) == quote).map_or(text.len(), |length| from + length);
    Some(from..end)
}
