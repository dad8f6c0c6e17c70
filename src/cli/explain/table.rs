//! An explanation for a terminal.

use super::{Explanation, Outcome, RiskFacts, RuleRow, TriedOtherwise};
use crate::auth::proof::explanation::Fit;
use crate::auth::text::wrap::{LongWord, wrap};
use crate::cli::output::table::WIDTH;

/// What stands above the rules; the last column takes what is left of the line.
const HEAD: &str = "   #  path   method  network  who   rule";
const REST: usize = HEAD.len() - "rule".len();

impl Explanation {
    /// The request, the table of rules, the decision in one sentence, and what would change it: in 80 columns.
    ///
    /// `*` marks the rule that decided, `+` others that some reading of the path led to.
    pub fn human(&self) -> String {
        let target =
            self.target.as_deref().unwrap_or(if self.outcome == Outcome::Own { " (our own)" } else { " (malformed)" });
        let mut out = format!("{} {}{target}\n", self.method, self.host);
        out.push_str(&wrap(&format!("from {}, {}", self.client_ip, self.subject), "", "  ", WIDTH, LongWord::Cut));
        if let Some(address) = &self.address {
            out.push_str(&wrap(&format!("which is in {}", address.line()), "", "  ", WIDTH, LongWord::Cut));
        }
        if self.readings.len() > 1 {
            out.push_str(&wrap(&format!("judged as {}", self.readings.join(" and ")), "", "  ", WIDTH, LongWord::Cut));
        }
        if !self.rules.is_empty() {
            out.push_str(&format!("\n{HEAD}\n"));
            self.rules.iter().for_each(|row| out.push_str(&row_text(row)));
        }
        out.push('\n');
        out.push_str(&wrap(&self.sentence, "", "  ", WIDTH, LongWord::Cut));
        for tried in &self.tried {
            out.push_str(&wrap(&tried.sentence(), "", "  ", WIDTH, LongWord::Cut));
        }
        if let Some(standards) = self.standards {
            out.push_str(&wrap(&format!("Note that {standards}."), "", "  ", WIDTH, LongWord::Cut));
        }
        if let Some(methods) = self.can_prove.as_ref() {
            let all = if methods.is_empty() { "nothing".to_owned() } else { methods.join(", ") };
            out.push_str(&wrap(&format!("By their account they can prove: {all}."), "", "  ", WIDTH, LongWord::Cut));
        }
        if let Some(note) = &self.note {
            out.push_str(&wrap(note, "", "  ", WIDTH, LongWord::Cut));
        }
        for line in self.risk.iter().flat_map(RiskFacts::lines) {
            let indent = if line.starts_with(' ') { "  " } else { "" };
            out.push_str(&wrap(line.trim_start(), indent, "    ", WIDTH, LongWord::Cut));
        }
        if let Some(portal) = &self.sign_in_at {
            let line = format!("Asked at {portal}, where people sign in for many hosts.");
            out.push_str(&wrap(&line, "", "  ", WIDTH, LongWord::Cut));
        }
        if let Some(remedy) = &self.remedy {
            out.push_str(&wrap(&format!("What would change it: {remedy}"), "", "  ", WIDTH, LongWord::Cut));
        }
        out
    }
}

impl TriedOtherwise {
    fn sentence(&self) -> String {
        let rule = self.rule.as_deref().unwrap_or("none");
        let what = match self.candidate {
            true => format!("The candidate would decide otherwise, by its rule {rule}"),
            false => format!("Rule {rule}, which is only tried, would decide otherwise"),
        };
        format!("{what}: {} ({}).", self.decision, self.reason)
    }
}

/// One rule: how it fits, its name and place, and below that its pattern and what it asks.
fn row_text(row: &RuleRow) -> String {
    let mark = match (row.chosen, row.judged) {
        (true, _) => "*",
        (false, true) => "+",
        (false, false) => " ",
    };
    let fits = format!(
        "{mark}{:>3}  {:<5}  {:<6}  {:<7}  {:<4}  ",
        row.number,
        word(row.path),
        word(row.method),
        word(row.network),
        word(row.audience)
    );
    let shadow = if row.shadow { ", only tried" } else { "" };
    let place = row.place.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
    let indent = " ".repeat(REST);
    let mut out = wrap(&format!("{}{shadow}{place}", row.name), &fits, &indent, WIDTH, LongWord::Cut);
    out.push_str(&wrap(&format!("{}: {}", row.pattern, row.asks), &indent, &indent, WIDTH, LongWord::Cut));
    out
}

const fn word(fit: Fit) -> &'static str {
    match fit {
        Fit::Hit => "hit",
        Fit::Miss => "miss",
        Fit::Loose => "loose",
        Fit::May => "may",
    }
}
