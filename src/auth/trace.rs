//! What is kept of a request that was challenged or refused, so that somebody can say why. Like the access log, it holds no
//! query, no cookie and no body.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::event::{RiskRecord, RiskTerm, Weight};
use super::policy::rule::Rule;
use super::proof::{Changed, Proofs, Risk, RiskAction, RiskLevel};
use super::session::Session;
use super::time::Timestamp;

/// The longest path that is kept whole, in bytes.
const PATH_BYTES: usize = 2048;

/// A decision that was no permit, and what it was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionTrace {
    pub at: Timestamp,
    pub host: String,
    pub method: String,
    /// Canonical; the beginning of it, where it is very long.
    pub path: String,
    pub client_ip: Option<IpAddr>,
    /// What was answered.
    pub status: u16,
    /// `challenge` or `refuse`.
    pub decision: String,
    /// The stable word for why.
    pub reason: String,
    /// The rule that decided; `None`: none covers the request.
    pub rule: Option<TracedRule>,
    /// Who was signed in.
    pub subject: Option<TracedSubject>,
    /// What was known of the risk, where anything was.
    pub risk: Option<TracedRisk>,
    /// How the session was assessed at this request, where it was.
    #[serde(default)]
    pub assessed: Option<TracedAssessment>,
}

/// An assessment of a session: its terms add up to its score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedAssessment {
    pub level: RiskLevel,
    pub score: Weight,
    /// What the rule did at this level.
    pub action: String,
    /// Whether that was only counted.
    pub shadow: bool,
    pub terms: Vec<TracedTerm>,
}

/// One reason of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedTerm {
    pub signal: String,
    pub evidence: Weight,
    pub text: String,
}

/// A rule as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedRule {
    pub name: String,
    /// Where it stood: `file:line:column`.
    pub place: Option<String>,
    /// What it asked, in words.
    pub asks: String,
}

/// Who was signed in, and what they had proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedSubject {
    pub user: String,
    pub username: String,
    pub session: String,
    pub proofs: Proofs,
}

/// What was known of the risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedRisk {
    pub level: RiskLevel,
    #[serde(default)]
    pub network: bool,
    #[serde(default)]
    pub country: bool,
    #[serde(default)]
    pub browser: bool,
    /// From when on a proof would have spoken for it.
    pub since: Timestamp,
    /// What was done because the level could not be told.
    #[serde(default)]
    pub unjudged: RiskAction,
}

impl From<&Rule> for TracedRule {
    fn from(rule: &Rule) -> Self {
        let place = rule.place.as_deref().map(str::to_owned);
        Self { name: rule.id.0.to_string(), place, asks: rule.access.to_string() }
    }
}

impl From<&Session> for TracedSubject {
    fn from(session: &Session) -> Self {
        Self {
            user: session.identity.id.0.clone(),
            username: session.identity.username.as_str().to_owned(),
            session: session.id.clone(),
            proofs: session.proofs.clone(),
        }
    }
}

impl TracedAssessment {
    /// What is kept of one.
    pub fn of(level: RiskLevel, record: &RiskRecord) -> Self {
        let term = |term: &RiskTerm| TracedTerm {
            signal: term.signal.to_owned(),
            evidence: term.evidence,
            text: term.text.clone(),
        };
        let RiskRecord { score, action, shadow, terms, .. } = record;
        let terms = terms.iter().map(term).collect();
        Self { level, score: *score, action: (*action).to_owned(), shadow: *shadow, terms }
    }
}

impl From<Risk> for TracedRisk {
    fn from(risk: Risk) -> Self {
        let Changed { network, country, browser } = risk.changed;
        Self { level: risk.level, network, country, browser, since: risk.since, unjudged: risk.unjudged }
    }
}

impl From<TracedRisk> for Risk {
    fn from(traced: TracedRisk) -> Self {
        let TracedRisk { level, network, country, browser, since, unjudged } = traced;
        Self { level, changed: Changed { network, country, browser }, since, unjudged }
    }
}

impl DecisionTrace {
    /// As much of a path as is kept.
    pub fn path_of(path: &str) -> String {
        path.get(..path.floor_char_boundary(PATH_BYTES)).unwrap_or(path).to_owned()
    }

    /// Whether the path is all of it.
    pub fn is_whole(&self) -> bool {
        self.path.len() < PATH_BYTES - 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_cut_between_characters() {
        let long = format!("/{}", "\u{e9}".repeat(2000));
        let kept = DecisionTrace::path_of(&long);
        assert!(kept.len() <= PATH_BYTES && long.starts_with(&kept) && kept.len() > PATH_BYTES - 4);
        assert_eq!(DecisionTrace::path_of("/a"), "/a");
    }

    #[test]
    fn a_risk_is_read_as_it_was_kept_and_older_traces_too() {
        let changed = Changed { network: true, country: false, browser: true };
        let (since, unjudged) = (Timestamp::from_secs(7), RiskAction::StepUp);
        let risk = Risk { level: RiskLevel::High, changed, since, unjudged };
        let kept = serde_json::to_string(&TracedRisk::from(risk)).unwrap();
        assert_eq!(Risk::from(serde_json::from_str::<TracedRisk>(&kept).unwrap()), risk);
        let mut older: serde_json::Value = serde_json::from_str(&kept).unwrap();
        assert!(older.as_object_mut().unwrap().remove("unjudged").is_some());
        let older = Risk::from(serde_json::from_value::<TracedRisk>(older).unwrap());
        assert_eq!(older, Risk { unjudged: RiskAction::Permit, ..risk });
    }
}
