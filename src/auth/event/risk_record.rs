//! The reasons of an assessment, as the trail keeps them.

use serde::{Deserialize, Serialize};

/// A number that is equal to itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weight(f64);

impl From<f64> for Weight {
    fn from(number: f64) -> Self {
        Self(if number.is_finite() { number } else { 0.0 })
    }
}

impl From<Weight> for f64 {
    fn from(Weight(number): Weight) -> Self {
        number
    }
}

impl Eq for Weight {}

/// A score, and the terms that add up to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RiskRecord {
    pub score: Weight,
    /// What the destination does at this level.
    pub action: &'static str,
    /// Whether that was only counted.
    pub shadow: bool,
    pub terms: Vec<RiskTerm>,
    /// How many sign-ins of the person were learnt before.
    pub sign_ins: u32,
    /// The person was held at the highest level.
    pub pinned: bool,
    /// Nobody had signed in for longer than profiles are kept.
    pub dormant: bool,
    /// What kinds of sign-in it was; none tells who, or from where.
    pub cohorts: Vec<&'static str>,
    /// What the destination asks of everybody.
    pub required: Option<&'static str>,
    /// The rules that guard the destination.
    pub guards: Vec<RiskGuard>,
    /// Of a request: what is not as it was when the session was opened, or last rose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<&'static str>,
    /// Of a request: two factors were proved since, so that a step-up asks for no more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recognised: bool,
}

/// A rule, by where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskGuard {
    pub host: String,
    pub rule: String,
}

/// One reason, and what it adds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RiskTerm {
    pub signal: &'static str,
    pub evidence: Weight,
    pub text: String,
}

impl RiskRecord {
    /// The terms that raise the score, strongest first.
    pub fn reasons(&self) -> Vec<&RiskTerm> {
        let mut raising: Vec<&RiskTerm> = self.terms.iter().filter(|term| term.evidence.0 > 0.0).collect();
        raising.sort_by(|a, b| b.evidence.0.total_cmp(&a.evidence.0));
        raising
    }
}

/// A record as the trail gives it back; of rows that an earlier version wrote, with what it kept.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct PastRisk {
    pub score: f64,
    pub action: String,
    pub shadow: bool,
    pub terms: Vec<PastTerm>,
    /// `None`: an earlier version kept no more than the score and the terms.
    #[serde(default)]
    pub sign_ins: Option<u32>,
    #[serde(default)]
    pub pinned: bool,
    #[serde(default)]
    pub dormant: bool,
    #[serde(default)]
    pub cohorts: Vec<String>,
    #[serde(default)]
    pub required: Option<String>,
    #[serde(default)]
    pub guards: Vec<RiskGuard>,
    #[serde(default)]
    pub changed: Vec<String>,
    #[serde(default)]
    pub recognised: bool,
}

/// One reason of the past.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct PastTerm {
    pub signal: String,
    pub evidence: f64,
}
