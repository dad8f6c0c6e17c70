//! Problems for a terminal of 80 columns (place, reason, line, caret, fix) and for GitHub.

use super::problem::{Problem, Severity};
use crate::auth::text::wrap::{LongWord, wrap};

/// Columns of a terminal.
const WIDTH: usize = 80;

impl Problem {
    /// As `check` prints it: place, message, the line of the file, what to do.
    pub fn text(&self) -> String {
        problem(self, false)
    }
}

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
        out.push_str(&wrap(&p.fix, "  = ", "    ", WIDTH, LongWord::Overflow));
    }
    out
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
