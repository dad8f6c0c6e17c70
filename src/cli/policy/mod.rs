//! `stepgate policy test`: cases of a file, each asked of the same evaluator as in `run`.

mod junit;
mod outcome;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use self::outcome::{CaseOutcome, judge};
use super::accounts;
use super::args::PolicyTest;
use super::exit::{CONFIG, CommandResult, FAILED, Failure};
use super::output::terminal::{self, supports_colour, write_stderr, write_stdout};
use super::output::text::escape;
use crate::auth::time::Timestamp;
use crate::config::{self, KnownWords, PolicyCase};
use crate::flow::destination::Destinations;
use crate::flow::ports::Clock as _;
use crate::store::system::SystemClock;

/// What all cases came to.
#[derive(Serialize)]
struct TestRun {
    passed: usize,
    failed: usize,
    cases: Vec<CaseOutcome>,
    coverage: Coverage,
}

/// Which rules decided some case.
#[derive(Serialize)]
struct Coverage {
    rules: usize,
    covered: usize,
    /// Those that decided none, as `host rule`.
    uncovered: Vec<String>,
}

pub(crate) fn run(args: &PolicyTest) -> CommandResult {
    let settings = accounts::settings(&args.file)?;
    let destinations = Destinations::new(Arc::new(settings.policy));
    let known = known_words(&destinations, settings.flow.risk.is_some());
    let cases = config::read_policy_cases(&args.cases, &known).map_err(|problems| {
        write_stderr(&config::problems_text(&problems, supports_colour(&io::stderr())));
        Failure::new(CONFIG, "")
    })?;
    let run = test(&destinations, &cases, &args.cases, SystemClock.now())?;
    if let Some(path) = &args.junit {
        let written = fs::write(path, junit::report(&run, &args.cases));
        written.map_err(|cause| Failure::failed(format!("cannot write {}: {cause}", path.display())))?;
    }
    if args.json {
        terminal::write_json(&run)?
    } else {
        write_stdout(&run.human(&args.cases))?
    }
    if run.failed == 0 { Ok(()) } else { Err(Failure::new(FAILED, "")) }
}

/// The words that cases of these rules may expect. `risk`: whether they look at any.
fn known_words(destinations: &Destinations, risk: bool) -> KnownWords<'_> {
    let rules = destinations.rule_names().into_iter().map(|(_, rule)| rule).collect();
    KnownWords { rules, tried: destinations.tried_names(), reasons: outcome::reasons(), risk }
}

/// # Errors
/// A case that cannot be asked, with its place: exit code 78.
fn test(destinations: &Destinations, cases: &[PolicyCase], path: &Path, now: Timestamp) -> CommandResult<TestRun> {
    let judged = |case: &PolicyCase| {
        judge(destinations, case, now).map_err(|why| {
            let place = format!("{}:{}:{}", path.display(), case.line, case.column);
            Failure::new(CONFIG, format!("{place}: {}: {}", escape(&case.name), escape(&why)))
        })
    };
    let cases = cases.iter().map(judged).collect::<CommandResult<Vec<CaseOutcome>>>()?;
    let failed = cases.iter().filter(|case| !case.passed).count();
    let coverage = Coverage::of(destinations, &cases);
    Ok(TestRun { passed: cases.len() - failed, failed, cases, coverage })
}

impl Coverage {
    fn of(destinations: &Destinations, cases: &[CaseOutcome]) -> Self {
        let named = |host: &str, rule: &str| format!("{host} {rule}");
        let decided: BTreeSet<String> =
            cases.iter().filter_map(|case| Some(named(&case.host, case.rule.as_deref()?))).collect();
        let all: Vec<String> = destinations.rule_names().into_iter().map(|(host, rule)| named(host, rule)).collect();
        let uncovered: Vec<String> = all.iter().filter(|rule| !decided.contains(*rule)).cloned().collect();
        Self { rules: all.len(), covered: all.len() - uncovered.len(), uncovered }
    }
}

impl TestRun {
    fn human(&self, path: &Path) -> String {
        let mut out = String::new();
        for case in &self.cases {
            let word = if case.passed { "ok  " } else { "FAIL" };
            let _ = writeln!(out, "{word}  {}", escape(&case.name));
            for miss in &case.misses {
                let _ =
                    writeln!(out, "      {}: expected {}, got {}", miss.of, escape(&miss.expected), escape(&miss.got));
            }
            if !case.passed {
                let _ = writeln!(out, "      {}", escape(&case.sentence));
                let rule = case.rule_at.as_deref().map_or(String::new(), |at| format!(", rule at {at}"));
                let _ = writeln!(out, "      case at {}:{}:{}{rule}", path.display(), case.line, case.column);
            }
        }
        let _ = writeln!(out, "{} passed, {} failed", self.passed, self.failed);
        let _ = writeln!(out, "{} of {} rules decided a case", self.coverage.covered, self.coverage.rules);
        for rule in &self.coverage.uncovered {
            let _ = writeln!(out, "  not asked: {}", escape(rule));
        }
        out
    }
}
