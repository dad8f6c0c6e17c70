//! From which scores on levels of risk hold.

use prometheus::{GaugeVec, Registry};

use super::{fault, named};
use crate::proxy::parts::BuildError;

pub(crate) struct RiskThreshold(GaugeVec);

impl RiskThreshold {
    pub(super) fn new(registry: &Registry) -> Result<Self, BuildError> {
        let help = "From which score on a sign-in has this level of risk.";
        let vec = GaugeVec::new(named("risk_threshold", help), &["level"]).map_err(fault)?;
        registry.register(Box::new(vec.clone())).map_err(fault)?;
        Ok(Self(vec))
    }

    /// Publishes the scores by level; nothing where risk is off.
    pub(crate) fn set(&self, thresholds: Option<[(&str, f64); 2]>) {
        self.0.reset();
        for (level, score) in thresholds.into_iter().flatten() {
            self.0.with_label_values(&[level]).set(score);
        }
    }
}
