//! What risk asks of a sign-in.

use serde::{Deserialize, Serialize};

use super::Ceremony;
use crate::auth::proof::{Requirement, RiskAction, RiskLevel};
use crate::auth::time::Timestamp;

/// How unusual a sign-in is for its person, and what its destination does then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessed {
    pub level: RiskLevel,
    pub action: RiskAction,
}

impl Ceremony {
    /// The sign-in was assessed. Where that asks for a step-up, it must reach two factors by what the account owns already:
    /// nothing that is set up now shows that it is its owner who sets it up.
    #[must_use]
    pub fn assessed(self, assessed: Assessed, now: Timestamp) -> Self {
        let requirement = self.requirement.map(|own| match assessed.action {
            RiskAction::StepUp => {
                let raised = own.raised(now, now);
                let owned = self.enrolled.or(self.locked).closed();
                Requirement { methods: raised.methods.and(owned), max_age: own.max_age, ..raised }
            }
            RiskAction::Permit | RiskAction::Deny => own,
        });
        Self { requirement, assessed, ..self }
    }

    /// Whether nothing may be set up in it: its person is not recognised, and has not proved two factors.
    pub fn forbids_enrolment(&self, now: Timestamp) -> bool {
        let is_met = |required: Requirement| required.shortfall(&self.proofs, now).is_none();
        self.assessed.action != RiskAction::Permit && !self.requirement.is_some_and(is_met)
    }
}
