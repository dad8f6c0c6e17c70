//! How strong a set of methods is.

use serde::{Deserialize, Serialize};

use super::method::{Factor, Method, MethodSet};

/// How strong the proofs must be together. Ordered: each includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Any one factor (AAL1).
    OneFactor,
    /// Something known and something held (AAL2).
    TwoFactor,
    /// Two factors, one of which a relay cannot pass on (towards AAL3).
    PhishingResistant,
}

impl Strength {
    /// The strength that a set of methods reaches; `None` if it holds no authentication factor.
    pub fn of(methods: MethodSet) -> Option<Self> {
        let (mut knows, mut has, mut resists) = (false, false, false);
        for method in methods.iter() {
            match method.factor() {
                Factor::Knowledge => knows = true,
                Factor::Possession => has = true,
                Factor::Both => (knows, has) = (true, true),
                Factor::None => {}
            }
            resists |= method.resists_phishing();
        }
        match (knows, has, resists) {
            (false, false, _) => None,
            (true, true, true) => Some(Self::PhishingResistant),
            (true, true, false) => Some(Self::TwoFactor),
            _ => Some(Self::OneFactor),
        }
    }

    /// The value of `acr` that stands for this strength, in tokens and in challenges.
    pub const fn acr(self) -> &'static str {
        match self {
            Self::OneFactor => "urn:stepgate:acr:1",
            Self::TwoFactor => "urn:stepgate:acr:2",
            Self::PhishingResistant => "urn:stepgate:acr:3",
        }
    }

    /// The name in YAML, JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneFactor => "one_factor",
            Self::TwoFactor => "two_factor",
            Self::PhishingResistant => "phishing_resistant",
        }
    }

    /// The strength of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::OneFactor, Self::TwoFactor, Self::PhishingResistant].into_iter().find(|s| s.name() == name)
    }

    /// Whether a fresh proof by `method` shows that the person is still there at this strength.
    ///
    /// One factor: any factor does. Two factors: the thing held. Phishing-resistant: such a method.
    pub(super) const fn renewed_by(self, method: Method) -> bool {
        match self {
            Self::OneFactor => !matches!(method.factor(), Factor::None),
            Self::TwoFactor => matches!(method.factor(), Factor::Possession | Factor::Both),
            Self::PhishingResistant => method.resists_phishing(),
        }
    }
}
