//! An explanation for a terminal.

use super::{Explanation, Fit, Outcome, RuleRow};

impl Explanation {
    /// The request, the table of rules, the decision in one sentence, and what would change it.
    ///
    /// `*` marks the rule that decided, `+` others that some reading of the path led to.
    pub fn human(&self) -> String {
        let target =
            self.target.as_deref().unwrap_or(if self.outcome == Outcome::Own { "(our own)" } else { "(malformed)" });
        let mut out = format!("{} {}{target}\nfrom {}, {}\n", self.method, self.host, self.client_ip, self.subject);
        if self.readings.len() > 1 {
            out.push_str(&format!("judged as {}\n", self.readings.join("  and  ")));
        }
        if !self.rules.is_empty() {
            out.push('\n');
            out.push_str(&columns(&self.rules));
        }
        out.push_str(&format!("\n{}\n", self.sentence));
        if let Some(remedy) = &self.remedy {
            out.push_str(&format!("What would change it: {remedy}\n"));
        }
        out
    }
}

fn columns(rules: &[RuleRow]) -> String {
    let head = ["", "#", "rule", "where", "path", "method", "network", "who", "pattern", "asks"].map(str::to_owned);
    let lines: Vec<[String; 10]> = std::iter::once(head).chain(rules.iter().map(cells)).collect();
    let mut widths = [0; 10];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    for line in &lines {
        let padded: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn cells(row: &RuleRow) -> [String; 10] {
    let mark = match (row.chosen, row.judged) {
        (true, _) => "*",
        (false, true) => "+",
        (false, false) => " ",
    };
    [
        mark.to_owned(),
        row.number.to_string(),
        row.name.clone(),
        row.place.clone().unwrap_or_default(),
        word(row.path).to_owned(),
        word(row.method).to_owned(),
        word(row.network).to_owned(),
        word(row.audience).to_owned(),
        row.pattern.clone(),
        row.asks.clone(),
    ]
}

const fn word(fit: Fit) -> &'static str {
    match fit {
        Fit::Hit => "hit",
        Fit::Miss => "miss",
        Fit::Loose => "loose",
        Fit::May => "may",
    }
}
