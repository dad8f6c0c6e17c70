//! The reasons of an assessment, as the trail keeps them.

use serde::Serialize;

/// A number that is equal to itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RiskRecord {
    pub score: Weight,
    /// What the destination does at this level.
    pub action: &'static str,
    /// Whether that was only counted.
    pub shadow: bool,
    pub terms: Vec<RiskTerm>,
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
