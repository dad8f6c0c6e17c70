//! Problems for a terminal of 80 columns (place, reason, line, caret, fix) and for GitHub.

use super::problem::{Problem, Severity};

/// Columns of a terminal.
pub(crate) const WIDTH: usize = 80;

/// One problem as text, with colour only if asked for.
pub(crate) fn problem(p: &Problem, colour: bool) -> String {
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
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
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
pub(crate) fn github(p: &Problem) -> String {
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
pub(crate) fn all<'a>(problems: impl Iterator<Item = &'a Problem>, colour: bool) -> String {
    problems.map(|p| problem(p, colour)).collect::<Vec<_>>().join("\n")
}
