//! One case: what was expected of the rules, and what they decide.

use serde::Serialize;

use crate::auth::policy::cors::Forbidden;
use crate::auth::proof::decision::RefusalReason;
use crate::auth::proof::{Lack, Method};
use crate::auth::resource::Malformed;
use crate::auth::time::Timestamp;
use crate::cli::explain::{AskedRisk, AskedSlip, CrossOrigin, Explanation, Question, explain, lack};
use crate::config::{Expectation, GivenRequest, GivenSlip, PolicyCase};
use crate::flow::destination::Destinations;

/// What came of a case.
#[derive(Serialize)]
pub(super) struct CaseOutcome {
    pub(super) name: String,
    /// Where it stands in the file, from 1.
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) passed: bool,
    pub(super) misses: Vec<Miss>,
    pub(super) host: String,
    pub(super) decision: &'static str,
    /// The rule that decided, and where it stands.
    pub(super) rule: Option<String>,
    pub(super) rule_at: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) methods: Vec<&'static str>,
    pub(super) sentence: String,
}

/// What was decided otherwise.
#[derive(Serialize)]
pub(super) struct Miss {
    pub(super) of: &'static str,
    pub(super) expected: String,
    pub(super) got: String,
}

/// # Errors
/// In words: the case cannot be asked.
pub(super) fn judge(destinations: &Destinations, case: &PolicyCase, now: Timestamp) -> Result<CaseOutcome, String> {
    let answer = explain(destinations, &question(&case.given), now)?;
    let misses = misses(&case.expect, &answer)?;
    let rule_at = answer.rules.iter().find(|row| row.chosen).and_then(|row| row.place.clone());
    Ok(CaseOutcome {
        name: case.name.clone(),
        line: case.line,
        column: case.column,
        passed: misses.is_empty(),
        misses,
        decision: answer.outcome.word(),
        rule_at,
        reason: answer.reason.map(str::to_owned),
        host: answer.host,
        rule: answer.rule,
        methods: answer.methods,
        sentence: answer.sentence,
    })
}

fn question(given: &GivenRequest) -> Question {
    Question {
        url: given.url.clone(),
        method: given.method.clone(),
        ip: given.ip,
        user: given.user.clone(),
        groups: given.groups.clone(),
        amr: given.amr.clone(),
        age: given.age,
        known: None,
        cross_origin: CrossOrigin::default(),
        proofs: None,
        risk: given.risk.map(|given| AskedRisk { level: given.level, changed: given.changed, since: None }),
        slip: given.slip.map(|GivenSlip { method, age, transaction }| AskedSlip { method, age, transaction }),
    }
}

/// Every reason that a case may expect.
pub(super) fn reasons() -> Vec<&'static str> {
    let lacks = Lack::ALL.map(lack);
    let refusals = RefusalReason::ALL.map(RefusalReason::code).into_iter().chain(Forbidden::ALL.map(Forbidden::code));
    let before_rules = ["method", "portal", "reserved_prefix_disguised"].into_iter();
    let malformed = Malformed::ALL.map(Malformed::code);
    let answered = lacks.map(as_answered);
    let all = lacks.into_iter().chain(answered).chain(refusals).chain(before_rules).chain(malformed);
    all.chain(["passed", "granted"]).collect()
}

/// The word for what is lacking in the body of a 401.
fn as_answered(reason: &'static str) -> &'static str {
    match reason {
        "stronger_required" => "mfa_required",
        "fresher_required" => "mfa_expired",
        other => other,
    }
}

fn misses(expect: &Expectation, answer: &Explanation) -> Result<Vec<Miss>, String> {
    let nothing = || "none".to_owned();
    let mut misses = Vec::new();
    let mut compare = |of, expected: Option<&str>, got: Option<&str>, same: bool| {
        if let Some(expected) = expected.filter(|_| !same) {
            misses.push(Miss { of, expected: expected.to_owned(), got: got.map_or_else(nothing, str::to_owned) });
        }
    };
    let decision = answer.outcome.word();
    compare("decision", expect.decision.as_deref(), Some(decision), expect.decision.as_deref() == Some(decision));
    compare("rule", expect.rule.as_deref(), answer.rule.as_deref(), expect.rule == answer.rule);
    let answered = answer.reason.map(as_answered);
    let reasons = [answer.reason, answered];
    compare("reason", expect.reason.as_deref(), answered, reasons.contains(&expect.reason.as_deref()));
    if let Some(expected) = &expect.methods {
        let known = |word: &String| match Method::from_name(word) {
            Some(method) => Ok(method.name()),
            None => Err(format!("`{word}` is no method of proof")),
        };
        let mut wanted = expected.iter().map(known).collect::<Result<Vec<&str>, String>>()?;
        let mut got = answer.methods.clone();
        wanted.sort_unstable();
        got.sort_unstable();
        let (shown, given) = (wanted.join(", "), got.join(", "));
        compare("methods", Some(&shown), Some(&given), wanted == got);
    }
    Ok(misses)
}
