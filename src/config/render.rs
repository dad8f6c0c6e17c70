//! Problems for a terminal of 80 columns: place, reason, line, caret, fix. Secrets are struck out.

use super::node::At;
use super::problem::{Problem, Severity};

const WIDTH: usize = 80;
/// What stands in place of a secret.
const STRUCK: &str = "***";
const SECRET_WORDS: [&str; 8] =
    ["password", "passwd", "secret", "token", "credential", "api_key", "apikey", "passphrase"];
/// Keys whose value may be a URL with a password in it.
const URL_KEYS: [&str; 4] = ["database", "state", "url", "smtp"];

/// Whether the value of such a key is not for the eyes of whoever reads a terminal.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    !key.ends_with("_file")
        && (URL_KEYS.contains(&key.as_str())
            || SECRET_WORDS.iter().any(|w| key.contains(w) || strsim::damerau_levenshtein(w, &key) <= 2))
}

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

/// The line of a place without its secrets, and where the caret stands under it.
pub(super) fn snippet(text: &str, at: At, hidden: &[At], searched: bool) -> (String, (usize, usize)) {
    let start = floor(text, at.start);
    let from = text.get(..start).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
    let to = text.get(start..).and_then(|t| t.find('\n')).map_or(text.len(), |i| start + i);
    let to = if text.get(from..to).is_some_and(|l| l.ends_with('\r')) { to - 1 } else { to };
    let end = floor(text, at.end).clamp(start, to.max(start));
    let mut shown = String::new();
    let (mut caret, mut caret_end) = (None, 0);
    let mut struck_to = 0;
    let line = text.get(from..to).unwrap_or_default();
    let userinfo = userinfos(line, from);
    let spoken = if searched { Vec::new() } else { spoken_secret(line, from) };
    for (i, c) in line.char_indices() {
        let offset = from + i;
        if offset >= start && caret.is_none() {
            caret = Some(width(&shown));
        }
        let strike = hidden.iter().chain(&userinfo).chain(&spoken).find(|h| h.start <= offset && offset < h.end);
        match strike {
            Some(h) if h.end > struck_to => {
                struck_to = h.end;
                shown.push_str(STRUCK);
            }
            Some(_) => {}
            None if c.is_control() => shown.push(' '),
            None => shown.push(c),
        }
        if offset < end {
            caret_end = width(&shown);
        }
    }
    let caret = caret.unwrap_or_else(|| width(&shown));
    cut(&shown, caret, caret_end.saturating_sub(caret).max(1))
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// `user:password` of every URL in a line.
fn userinfos(line: &str, from: usize) -> Vec<At> {
    line.match_indices("://")
        .filter_map(|(i, sep)| {
            let start = i + sep.len();
            let rest = line.get(start..)?;
            let stop = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',')).unwrap_or(rest.len());
            let at = rest.get(..stop)?.rfind('@')?;
            Some(At { start: from + start, end: from + start + at })
        })
        .collect()
}

/// What follows a key that names a secret, where no tree could say how far the value goes.
fn spoken_secret(line: &str, from: usize) -> Vec<At> {
    let mut found = Vec::new();
    for (i, _) in line.match_indices(':') {
        let key = line.get(..i).unwrap_or_default();
        let key = key.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '"')).next().unwrap_or_default();
        let value = line.get(i + 1..).unwrap_or_default();
        let blank = value.len() - value.trim_start().len();
        let opens = value.trim_start().starts_with(['{', '[']);
        if names_a_secret(key.trim_matches('"')) && value.starts_with(' ') && !opens && blank < value.len() {
            found.push(At { start: from + i + 1 + blank, end: from + line.len() });
        }
    }
    found
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
    let mut out = format!("{}:{}:{}: {}\n", p.file, p.line, p.column, paint(code, word));
    fill(&mut out, "  ", "  ", &p.message);
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

/// Every problem as text, an empty line between two.
pub(super) fn all<'a>(problems: impl Iterator<Item = &'a Problem>, colour: bool) -> String {
    problems.map(|p| problem(p, colour)).collect::<Vec<_>>().join("\n")
}
