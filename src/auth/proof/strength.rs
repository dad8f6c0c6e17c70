//! How strong a set of methods is.

use serde::{Deserialize, Serialize};

use super::method::{Factor, Method, MethodSet};

/// How strong the proofs must be together. Ordered: each includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Any one factor (AAL1).
    OneFactor,
    /// Something known, and an address that was reached. A sent code is no factor: it never makes two of one.
    TwoSteps,
    /// Something known and something held (AAL2).
    TwoFactor,
    /// Two factors, one of which a relay cannot pass on (towards AAL3).
    PhishingResistant,
}

impl Strength {
    /// Every strength, each including the one before.
    pub const ALL: [Self; 4] = [Self::OneFactor, Self::TwoSteps, Self::TwoFactor, Self::PhishingResistant];

    /// The strength that a set of methods reaches; `None` if it holds no authentication factor.
    pub fn of(methods: MethodSet) -> Option<Self> {
        let (mut knows, mut has, mut reached, mut resists) = (false, false, false, false);
        for method in methods.iter() {
            match method.factor() {
                Factor::Knowledge => knows = true,
                Factor::Possession => has = true,
                Factor::Both => (knows, has) = (true, true),
                Factor::Reached => reached = true,
                Factor::None => {}
            }
            resists |= method.resists_phishing();
        }
        match (knows, has, resists) {
            (false, false, _) => None,
            (true, true, true) => Some(Self::PhishingResistant),
            (true, true, false) => Some(Self::TwoFactor),
            (true, false, _) if reached => Some(Self::TwoSteps),
            _ => Some(Self::OneFactor),
        }
    }

    /// The value of `acr` that stands for this strength, in tokens and in challenges.
    pub const fn acr(self) -> &'static str {
        match self {
            Self::OneFactor => "urn:stepgate:acr:1",
            Self::TwoSteps => "urn:stepgate:acr:two_steps",
            Self::TwoFactor => "urn:stepgate:acr:2",
            Self::PhishingResistant => "urn:stepgate:acr:3",
        }
    }

    /// The name in YAML, JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneFactor => "one_factor",
            Self::TwoSteps => "two_steps",
            Self::TwoFactor => "two_factor",
            Self::PhishingResistant => "phishing_resistant",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// How much of what makes this strength a set of methods covers: what a further proof must raise.
    pub(super) fn covered_by(self, methods: MethodSet) -> usize {
        let any = |covers: fn(Method) -> bool| usize::from(methods.iter().any(covers));
        let knows = any(|m| matches!(m.factor(), Factor::Knowledge | Factor::Both));
        if self == Self::TwoSteps {
            return knows + any(|m| matches!(m.factor(), Factor::Possession | Factor::Both | Factor::Reached));
        }
        knows + any(|m| Self::TwoFactor.renewed_by(m)) + any(Method::resists_phishing)
    }

    /// Whether a fresh proof by `method` shows that the person is still there at this strength.
    ///
    /// One factor, or two steps: any factor does, and no sent code. Two factors: the thing held. Phishing-resistant: such
    /// a method. What renews a strength renews each weaker one.
    pub(super) const fn renewed_by(self, method: Method) -> bool {
        match self {
            Self::OneFactor | Self::TwoSteps => !matches!(method.factor(), Factor::Reached | Factor::None),
            Self::TwoFactor => matches!(method.factor(), Factor::Possession | Factor::Both),
            Self::PhishingResistant => method.resists_phishing(),
        }
    }
}
