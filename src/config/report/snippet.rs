//! The line of a place as it is shown: whatever may be a secret is struck out, long ends are cut.

use super::redaction::Redaction;
use crate::config::yaml::Span;

/// Characters of a line that fit a terminal, behind its number.
const ROOM: usize = 70;
/// Bytes looked at on either side of a place.
const WINDOW: usize = 400;
/// What stands in place of a secret.
const STRUCK: &str = "***";

/// The line and the column of a byte offset, both from 1; the column counts characters.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..floor(text, offset)).unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().trim_start_matches('\u{feff}').chars().count();
    (line, column + 1)
}

fn floor(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// The line of a place with what may be shown of it, and where the caret stands under it.
pub(crate) fn snippet(text: &str, at: Span, redaction: &Redaction) -> (String, (usize, usize)) {
    let start = floor(text, at.start);
    let from = text.get(..start).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
    let to = text.get(start..).and_then(|t| t.find('\n')).map_or(text.len(), |i| start + i);
    let to = if text.get(from..to).is_some_and(|l| l.ends_with('\r')) { to - 1 } else { to };
    let end = floor(text, at.end).clamp(start, to.max(start));
    // a line may be as long as the file
    let from = from.max(floor(text, start.saturating_sub(WINDOW)));
    let to = to.min(floor(text, start.saturating_add(WINDOW))).max(from);
    let segments = segments(text, Span { start: from, end: to }, redaction);
    let before = |offset: usize, whole: bool| -> usize {
        let counts = |p: &&Segment| if whole { p.at.end <= offset } else { p.at.start < offset };
        segments.iter().filter(counts).map(|p| width(&p.shown)).sum()
    };
    let (caret, caret_end) = (before(start, true), before(end, false));
    let shown: String = segments.iter().map(|p| p.shown.as_str()).collect();
    cut(&shown, caret, caret_end.saturating_sub(caret).max(1))
}

/// A part of a line, and what is shown of it.
struct Segment {
    at: Span,
    shown: String,
}

/// A line in parts: each character that may be shown, each part that is struck out. The comment is left away.
fn segments(text: &str, line: Span, redaction: &Redaction) -> Vec<Segment> {
    let near = |spans: &[Span]| -> Vec<Span> {
        spans.iter().filter(|s| s.start < line.end && line.start < s.end).copied().collect()
    };
    let (hidden, shown) = (near(&redaction.hidden), near(&redaction.shown));
    let within = |spans: &[Span], offset: usize| {
        spans.iter().filter(|s| s.start <= offset && offset < s.end).map(|s| s.end).max()
    };
    let chars = |at: Span| text.get(at.start..at.end).unwrap_or_default().char_indices();
    let mut segments = Vec::new();
    let mut next = line.start;
    let mut blank = true;
    for (i, c) in chars(line) {
        let start = line.start + i;
        if start < next {
            continue;
        }
        let one = Span { start, end: start + c.len_utf8() };
        next = one.end;
        if let Some(end) = within(&hidden, start) {
            next = end.min(line.end);
            segments.push(Segment { at: Span { start, end: next }, shown: STRUCK.to_owned() });
        } else if within(&shown, start).is_some() || c.is_whitespace() || ",{}[]".contains(c) {
            segments.push(Segment { at: one, shown: if c.is_control() { " ".to_owned() } else { c.to_string() } });
        } else if c == '#' && blank {
            break;
        } else {
            // nobody knows what this is: a mark of YAML or the name of a key may stay
            let known = |o: usize| within(&hidden, o).or_else(|| within(&shown, o)).is_some();
            let ends = |(j, c): (usize, char)| {
                (c.is_whitespace() || ",{}[]".contains(c) || known(start + j)).then_some(start + j)
            };
            next = chars(Span { start, end: line.end }).find_map(ends).unwrap_or(line.end);
            let word = text.get(start..next).unwrap_or_default();
            let stays = word.chars().all(|c| "-:?&*!|>'\"+%@".contains(c))
                || redaction.words.contains(word.strip_suffix(':').unwrap_or(word).trim_matches('"'));
            if stays {
                segments.extend(chars(Span { start, end: next }).map(|(j, c)| Segment {
                    at: Span { start: start + j, end: start + j + c.len_utf8() },
                    shown: c.to_string(),
                }));
            } else {
                segments.push(Segment { at: Span { start, end: next }, shown: STRUCK.to_owned() });
            }
        }
        blank = c.is_whitespace();
    }
    while segments.last().is_some_and(|p: &Segment| p.shown.trim().is_empty()) {
        segments.pop();
    }
    segments
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Cuts a line to what fits around the caret.
fn cut(line: &str, caret: usize, length: usize) -> (String, (usize, usize)) {
    let chars: Vec<char> = line.chars().collect();
    if chars.len() <= ROOM {
        return (line.to_owned(), (caret, length));
    }
    let skip = if caret + length.min(30) < ROOM { 0 } else { caret.saturating_sub(ROOM / 3) };
    let mut shown: String = chars.iter().skip(skip).take(ROOM - 2).collect();
    if skip + ROOM - 2 < chars.len() {
        shown.push('…');
    }
    if skip > 0 {
        shown.insert(0, '…');
    }
    let caret = caret - skip + usize::from(skip > 0);
    let length = length.min(width(&shown).saturating_sub(caret)).max(1);
    (shown, (caret, length))
}
