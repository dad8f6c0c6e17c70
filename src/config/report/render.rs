//! Problems for a terminal of 80 columns: place, reason, line, caret, fix. What might be a secret is struck out.

use super::harmless::Harmless;
use super::node::At;
use super::problem::{Problem, Severity};

const WIDTH: usize = 80;
/// Bytes looked at on either side of a place.
const WINDOW: usize = 400;
/// What stands in place of a secret.
const STRUCK: &str = "***";
/// The line and the column of a byte offset, both from 1; the column counts characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
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
pub(super) fn snippet(text: &str, at: At, harmless: &Harmless) -> (String, (usize, usize)) {
    let start = floor(text, at.start);
    let from = text.get(..start).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
    let to = text.get(start..).and_then(|t| t.find('\n')).map_or(text.len(), |i| start + i);
    let to = if text.get(from..to).is_some_and(|l| l.ends_with('\r')) { to - 1 } else { to };
    let end = floor(text, at.end).clamp(start, to.max(start));
    // a line may be as long as the file
    let from = from.max(floor(text, start.saturating_sub(WINDOW)));
    let to = to.min(floor(text, start.saturating_add(WINDOW))).max(from);
    let pieces = pieces(text, At { start: from, end: to }, harmless);
    let before = |offset: usize, whole: bool| -> usize {
        let counts = |p: &&Piece| if whole { p.at.end <= offset } else { p.at.start < offset };
        pieces.iter().filter(counts).map(|p| width(&p.shown)).sum()
    };
    let (caret, caret_end) = (before(start, true), before(end, false));
    let shown: String = pieces.iter().map(|p| p.shown.as_str()).collect();
    cut(&shown, caret, caret_end.saturating_sub(caret).max(1))
}

/// A part of a line, and what is shown of it.
struct Piece {
    at: At,
    shown: String,
}

/// A line in parts: each character that may be shown, each part that is struck out. The comment is left away.
fn pieces(text: &str, line: At, harmless: &Harmless) -> Vec<Piece> {
    let near = |spans: &[At]| -> Vec<At> {
        spans.iter().filter(|s| s.start < line.end && line.start < s.end).copied().collect()
    };
    let (hidden, shown) = (near(&harmless.hidden), near(&harmless.shown));
    let within =
        |spans: &[At], offset: usize| spans.iter().filter(|s| s.start <= offset && offset < s.end).map(|s| s.end).max();
    let chars = |at: At| text.get(at.start..at.end).unwrap_or_default().char_indices();
    let mut pieces = Vec::new();
    let mut next = line.start;
    let mut blank = true;
    for (i, c) in chars(line) {
        let start = line.start + i;
        if start < next {
            continue;
        }
        let one = At { start, end: start + c.len_utf8() };
        next = one.end;
        if let Some(end) = within(&hidden, start) {
            next = end.min(line.end);
            pieces.push(Piece { at: At { start, end: next }, shown: STRUCK.to_owned() });
        } else if within(&shown, start).is_some() || c.is_whitespace() || ",{}[]".contains(c) {
            pieces.push(Piece { at: one, shown: if c.is_control() { " ".to_owned() } else { c.to_string() } });
        } else if c == '#' && blank {
            break;
        } else {
            // nobody knows what this is: a mark of YAML or the name of a key may stay
            let known = |o: usize| within(&hidden, o).or_else(|| within(&shown, o)).is_some();
            let ends = |(j, c): (usize, char)| {
                (c.is_whitespace() || ",{}[]".contains(c) || known(start + j)).then_some(start + j)
            };
            next = chars(At { start, end: line.end }).find_map(ends).unwrap_or(line.end);
            let word = text.get(start..next).unwrap_or_default();
            let stays = word.chars().all(|c| "-:?&*!|>'\"+%@".contains(c))
                || harmless.words.contains(word.strip_suffix(':').unwrap_or(word).trim_matches('"'));
            if stays {
                pieces.extend(chars(At { start, end: next }).map(|(j, c)| Piece {
                    at: At { start: start + j, end: start + j + c.len_utf8() },
                    shown: c.to_string(),
                }));
            } else {
                pieces.push(Piece { at: At { start, end: next }, shown: STRUCK.to_owned() });
            }
        }
        blank = c.is_whitespace();
    }
    while pieces.last().is_some_and(|p: &Piece| p.shown.trim().is_empty()) {
        pieces.pop();
    }
    pieces
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Cuts a line to what fits around the caret.
fn cut(line: &str, caret: usize, length: usize) -> (String, (usize, usize)) {
    let room = WIDTH - 10;
    let chars: Vec<char> = line.chars().collect();
    if chars.len() <= room {
        return (line.to_owned(), (caret, length));
    }
    let skip = if caret + length.min(30) < room { 0 } else { caret.saturating_sub(room / 3) };
    let mut shown: String = chars.iter().skip(skip).take(room - 2).collect();
    if skip + room - 2 < chars.len() {
        shown.push('…');
    }
    if skip > 0 {
        shown.insert(0, '…');
    }
    let caret = caret - skip + usize::from(skip > 0);
    let length = length.min(width(&shown).saturating_sub(caret)).max(1);
    (shown, (caret, length))
}

/// One problem as text, with colour only if asked for.
pub(super) fn problem(p: &Problem, colour: bool) -> String {
    let paint =
        |code: &str, text: &str| if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() };
    let (word, code) = match p.severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
    };
    // In one line, however long: editors and scripts read it.
    let mut out = format!("{}:{}:{}: {}: {}\n", p.file, p.line, p.column, paint(code, word), p.message);
    if !p.snippet.trim().is_empty() {
        let number = p.line.to_string();
        let pad = " ".repeat(number.len());
        out.push_str(&format!("  {number} | {}\n", p.snippet));
        let (column, length) = p.caret;
        out.push_str(&format!("  {pad} | {}{}\n", " ".repeat(column), paint(code, &"^".repeat(length))));
    }
    if !p.fix.is_empty() {
        fill(&mut out, "  = ", "    ", &p.fix);
    }
    out
}

/// Words in lines of at most [`WIDTH`] columns.
fn fill(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && width(&line) + 1 + width(word) > WIDTH {
            out.push_str(&line);
            out.push('\n');
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push_str(&line);
    out.push('\n');
}

/// One problem as a workflow command, by which GitHub shows it beside the line.
pub(super) fn github(p: &Problem) -> String {
    let plain = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| plain(text).replace(':', "%3A").replace(',', "%2C");
    let word = match p.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let fix = if p.fix.is_empty() { String::new() } else { format!("\n{}", p.fix) };
    let message = plain(&format!("{}{fix}", p.message));
    format!("::{word} file={},line={},col={}::{message}\n", property(&p.file), p.line, p.column)
}

/// Every problem as text, an empty line between two.
pub(super) fn all<'a>(problems: impl Iterator<Item = &'a Problem>, colour: bool) -> String {
    problems.map(|p| problem(p, colour)).collect::<Vec<_>>().join("\n")
}
