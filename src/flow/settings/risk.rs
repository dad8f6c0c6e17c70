//! What an operator may set about risk.

use crate::auth::proof::{OnChange, OnRisk};
use crate::risk::settings::{Mode, Settings};

/// Sign-ins and requests are compared with what is usual for their person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskSettings {
    /// The model, and whether it decides.
    pub model: Settings,
    /// What a rule does that does not say so itself. Default: what it requires is enough.
    pub on_risk: OnRisk,
    /// The same, for a session that is used from elsewhere.
    pub on_change: OnChange,
}

impl RiskSettings {
    /// Whether risk decides, and is not only counted.
    pub fn enforces(&self) -> bool {
        self.model.mode == Mode::Enforce
    }
}
