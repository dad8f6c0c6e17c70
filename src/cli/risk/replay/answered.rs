//! What is done because of risk.

use crate::auth::event::PastRisk;
use crate::auth::history::AssessedSignIn;
use crate::auth::proof::{RiskAction, Strength};

/// What is done with a sign-in because of risk, over what its rule asks of everybody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Nothing,
    Prompted,
    Denied,
}

impl Answered {
    /// Who proves two factors anyway is not prompted once more.
    pub(super) fn to(action: RiskAction, sign_in: &AssessedSignIn) -> Self {
        let risk = &sign_in.risk;
        let required = risk.required.as_deref().and_then(Strength::from_name);
        // What an earlier version wrote does not say what was asked: the rule asks for one factor then.
        let asks_less = risk.sign_ins.is_none() || required.is_some_and(|strength| strength < Strength::TwoFactor);
        match action {
            RiskAction::Deny => Self::Denied,
            RiskAction::StepUp if asks_less => Self::Prompted,
            RiskAction::StepUp | RiskAction::Permit => Self::Nothing,
        }
    }
}

/// What was done, where it was not only counted.
pub(super) fn done(risk: &PastRisk) -> RiskAction {
    let named = RiskAction::ALL.into_iter().find(|action| action.name() == risk.action);
    named.filter(|_| !risk.shadow).unwrap_or_default()
}
