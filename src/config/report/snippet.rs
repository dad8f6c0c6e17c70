//! The line of a place as it is shown: whatever may be a secret is struck out, long ends are cut.

use super::redaction::Redaction;
use crate::config::yaml::Span;

/// Characters of a line that fit a terminal, behind its number.
const ROOM: usize = 70;
/// Bytes looked at on either side of a place.
const WINDOW: usize = 400;
/// What stands in place of a secret.
const STRUCK: &str = "***";

/// The line of a place with what may be shown of it, and where the caret stands under it. `line`: where the line begins.
pub(super) fn snippet(text: &str, line: usize, at: Span, redaction: &Redaction) -> (String, (usize, usize)) {
    let start = text.floor_char_boundary(at.start);
    // A line may be as long as the file.
    let from = line.max(text.floor_char_boundary(start.saturating_sub(WINDOW)));
    let to = text.floor_char_boundary(start.saturating_add(WINDOW));
    let to = text.get(start..to).and_then(|t| t.find('\n')).map_or(to, |i| start + i).max(from);
    let to = if text.get(from..to).is_some_and(|l| l.ends_with('\r')) { to - 1 } else { to };
    let end = text.floor_char_boundary(at.end).clamp(start, to.max(start));
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
        if let Some(end) = redaction.hidden.end_at(start) {
            next = end.min(line.end);
            segments.push(Segment { at: Span { start, end: next }, shown: STRUCK.to_owned() });
        } else if redaction.shown.end_at(start).is_some() || c.is_whitespace() || ",{}[]".contains(c) {
            segments.push(Segment { at: one, shown: if c.is_control() { " ".to_owned() } else { c.to_string() } });
        } else if c == '#' && blank {
            break;
        } else {
            // nobody knows what this is: a mark of YAML or the name of a key may stay
            let known = |o: usize| redaction.hidden.end_at(o).or_else(|| redaction.shown.end_at(o)).is_some();
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
