//! What an assessment says: a level, a score, and the terms that add up to it.

use crate::auth::proof::RiskLevel;

/// What a term is about; a label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    Country,
    Network,
    Prefix,
    Address,
    DeviceClass,
    Browser,
    DeviceCookie,
    Travel,
    List,
    Velocity,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Country,
        Self::Network,
        Self::Prefix,
        Self::Address,
        Self::DeviceClass,
        Self::Browser,
        Self::DeviceCookie,
        Self::Travel,
        Self::List,
        Self::Velocity,
    ];

    /// The word in the audit trail and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Network => "network",
            Self::Prefix => "prefix",
            Self::Address => "address",
            Self::DeviceClass => "device_class",
            Self::Browser => "browser",
            Self::DeviceCookie => "device_cookie",
            Self::Travel => "travel",
            Self::List => "list",
            Self::Velocity => "velocity",
        }
    }

    /// The signal of this word.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.name() == name)
    }
}

/// One reason, and what it adds to the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub signal: Signal,
    /// What it adds: a natural logarithm of how many times likelier somebody else is than the person.
    pub evidence: f64,
    /// Whether it is of something that was never seen for the person.
    pub is_new: bool,
    /// What was seen, in words that finish the sentence.
    pub(super) fact: String,
}

impl Term {
    /// The reason as a sentence for operators: `Country RO was never seen for this person (+3.3).`
    pub fn sentence(&self) -> String {
        format!("{} ({:+.1}).", self.fact, self.evidence)
    }
}

/// How unusual a sign-in is, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    pub level: RiskLevel,
    /// The sum of the terms, in their order.
    pub score: f64,
    pub terms: Vec<Term>,
}
