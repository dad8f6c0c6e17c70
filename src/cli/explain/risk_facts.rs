//! The last assessment of a person, as the audit trail has it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::event::Weight;
use crate::auth::proof::RiskLevel;
use crate::auth::time::Timestamp;
use crate::risk::settings::Thresholds;

/// How unusual a sign-in was, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RiskFacts {
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
        let without = if level >= RiskLevel::Medium { fewest(&risk, thresholds.medium) } else { Vec::new() };
        let term =
            |AssessedTerm { signal, evidence, text }| TermFact { signal, evidence: Weight::from(evidence), text };
        Some(Self {
            at: at.rfc3339(),
            level,
            score: risk.score.into(),
            action: risk.action,
            shadow: risk.shadow,
            terms: risk.terms.into_iter().map(term).collect(),
            without,
        })
    }

    /// The assessment in lines: what it was, each term, and what would have been enough.
    pub(super) fn lines(&self) -> Vec<String> {
        let (level, score) = (self.level.name(), f64::from(self.score));
        let counted = if self.shadow { ", only counted" } else { "" };
        let head = format!("Risk of the sign-in of {}: {level}, score {score:.1} ({}{counted}).", self.at, self.action);
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
