//! What a sign-in is for.

use crate::auth::event::RiskGuard;
use crate::auth::proof::{OnRisk, Requirement};

/// What the destination of a sign-in requires, and what it does by risk.
#[derive(Clone, Debug, Default)]
pub struct SignInGoal {
    /// `None`: the most that the factors of the account can prove.
    pub requirement: Option<Requirement>,
    /// `None`: as rules do by default.
    pub on_risk: Option<OnRisk>,
    /// The rules that say so.
    pub guards: Vec<RiskGuard>,
}

impl From<Option<Requirement>> for SignInGoal {
    fn from(requirement: Option<Requirement>) -> Self {
        Self { requirement, ..Self::default() }
    }
}
