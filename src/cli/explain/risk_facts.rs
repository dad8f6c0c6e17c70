//! The last assessment of a person, as the audit trail has it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::event::Weight;
use crate::auth::proof::RiskLevel;
use crate::auth::time::Timestamp;
use crate::auth::trace::{DecisionTrace, TracedAssessment, TracedTerm};
use crate::risk::settings::Thresholds;

/// How unusual a sign-in was, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RiskFacts {
    /// What was assessed.
    pub of: Assessed,
    /// When it was assessed, RFC 3339.
    pub at: String,
    pub level: RiskLevel,
    pub score: Weight,
    /// What its destination did at this level.
    pub action: String,
    /// Whether that was only counted.
    pub shadow: bool,
    /// They add up to the score.
    pub terms: Vec<TermFact>,
    /// The fewest terms without which the level would be low; none where it is, or where no terms explain it.
    pub without: Vec<String>,
}

/// What an assessment is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Assessed {
    SignIn,
    /// The session, at the request that is explained.
    Request,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TermFact {
    pub signal: String,
    pub evidence: Weight,
    pub text: String,
}

#[derive(Deserialize)]
struct AssessedEvent {
    level: RiskLevel,
    risk: AssessedRisk,
}

#[derive(Deserialize)]
struct AssessedRisk {
    score: f64,
    action: String,
    #[serde(default)]
    shadow: bool,
    terms: Vec<AssessedTerm>,
}

#[derive(Deserialize)]
struct AssessedTerm {
    signal: String,
    evidence: f64,
    text: String,
}

impl RiskFacts {
    /// From an event of the trail; `None` if it holds no assessment that can be read.
    pub(super) fn read(at: Timestamp, event: Value, thresholds: Thresholds) -> Option<Self> {
        let AssessedEvent { level, risk } = serde_json::from_value(event).ok()?;
        Some(Self::of(Assessed::SignIn, at, level, risk, thresholds))
    }

    /// Of a request that was written down, where its session was assessed.
    pub(super) fn traced(trace: &DecisionTrace, thresholds: Thresholds) -> Option<Self> {
        let TracedAssessment { level, score, action, shadow, terms } = trace.assessed.clone()?;
        let term = |TracedTerm { signal, evidence, text }| AssessedTerm { signal, evidence: evidence.into(), text };
        let terms = terms.into_iter().map(term).collect();
        let risk = AssessedRisk { score: score.into(), action, shadow, terms };
        Some(Self::of(Assessed::Request, trace.at, level, risk, thresholds))
    }

    fn of(of: Assessed, at: Timestamp, level: RiskLevel, risk: AssessedRisk, thresholds: Thresholds) -> Self {
        let without = if level >= RiskLevel::Medium { fewest(&risk, thresholds.medium) } else { Vec::new() };
        let term =
            |AssessedTerm { signal, evidence, text }| TermFact { signal, evidence: Weight::from(evidence), text };
        Self {
            of,
            at: at.rfc3339(),
            level,
            score: risk.score.into(),
            action: risk.action,
            shadow: risk.shadow,
            terms: risk.terms.into_iter().map(term).collect(),
            without,
        }
    }

    /// The assessment in lines: what it was, each term, and what would have been enough.
    pub(super) fn lines(&self) -> Vec<String> {
        let (level, score) = (self.level.name(), f64::from(self.score));
        let counted = if self.shadow { ", only counted" } else { "" };
        let of = match self.of {
            Assessed::SignIn => "the sign-in",
            Assessed::Request => "the session at the request",
        };
        let head = format!("Risk of {of} of {}: {level}, score {score:.1} ({}{counted}).", self.at, self.action);
        let terms = self.terms.iter().map(|term| format!("  {}", term.text));
        let without = (!self.without.is_empty())
            .then(|| format!("  Without {} it would have been low.", self.without.join(" and ")));
        std::iter::once(head).chain(terms).chain(without).collect()
    }
}

/// The names of the fewest terms without which the score is below `threshold`.
fn fewest(risk: &AssessedRisk, threshold: f64) -> Vec<String> {
    let mut raising: Vec<&AssessedTerm> = risk.terms.iter().filter(|term| term.evidence > 0.0).collect();
    raising.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
    let (mut left, mut names) = (risk.score, Vec::new());
    for term in raising {
        if left < threshold {
            return names;
        }
        left -= term.evidence;
        names.push(term.signal.clone());
    }
    if left < threshold { names } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::event::{RiskRecord, RiskTerm};

    /// As an earlier version wrote it, and with how its session was assessed.
    #[test]
    fn what_was_assessed_at_the_request_is_told_as_such() {
        let older = json!({"at": 1_800_000_000_000_u64, "host": "app.test", "method": "POST", "path": "/", "client_ip": null,
            "status": 401, "decision": "challenge", "reason": "risk", "rule": null, "subject": null, "risk": null});
        let trace: DecisionTrace = serde_json::from_value(older).unwrap();
        assert_eq!(RiskFacts::traced(&trace, Thresholds::default()), None);
        let terms = vec![RiskTerm { signal: "country", evidence: 3.0.into(), text: "A country.".to_owned() }];
        let record = RiskRecord { score: 3.0.into(), action: "step_up", terms, ..RiskRecord::default() };
        let assessed = Some(TracedAssessment::of(RiskLevel::Medium, &record));
        let kept = serde_json::to_value(DecisionTrace { assessed, ..trace }).unwrap();
        let trace = serde_json::from_value(kept).unwrap();
        let facts = RiskFacts::traced(&trace, Thresholds::default()).unwrap();
        let lines = facts.lines();
        assert!(lines[0].starts_with("Risk of the session at the request of 2027-"), "{lines:?}");
        assert_eq!(lines[1..], ["  A country.", "  Without country it would have been low."]);
    }

    #[test]
    fn the_fewest_terms_are_named_without_which_it_would_be_low() {
        let term =
            |signal: &str, evidence: f64| json!({"signal": signal, "evidence": evidence, "text": format!("{signal}.")});
        let read = |level: &str, terms: Vec<Value>| {
            let score: f64 = terms.iter().map(|term| term["evidence"].as_f64().unwrap()).sum();
            let event = json!({"action": "sign_in_assessed", "level": level,
                "risk": {"score": score, "action": "step_up", "shadow": false, "terms": terms}});
            RiskFacts::read(Timestamp::from_secs(1_800_000_000), event, Thresholds { medium: 2.0, high: 4.0 }).unwrap()
        };
        let without = |level, terms| read(level, terms).without;
        assert_eq!(
            without("medium", vec![term("browser", 0.4), term("country", 3.0), term("address", -0.5)]),
            ["country"]
        );
        assert_eq!(without("high", vec![term("browser", 2.5), term("country", 3.0)]), ["country", "browser"]);
        assert_eq!(without("low", vec![term("country", 1.0)]), Vec::<String>::new());
        assert_eq!(without("high", vec![]), Vec::<String>::new(), "pinned by hand: no term explains it");
        let lines = read("medium", vec![term("country", 3.0)]).lines();
        assert!(
            lines[0].starts_with("Risk of the sign-in of 2027-") && lines[0].contains("medium, score 3.0 (step_up)")
        );
        assert_eq!(lines[1..], ["  country.", "  Without country it would have been low."]);
        assert_eq!(RiskFacts::read(Timestamp::from_secs(0), json!({"level": "medium"}), Thresholds::default()), None);
    }
}
