//! How unusual a sign-in is, as policy sees it.

use serde::{Deserialize, Serialize};

/// How unusual a sign-in is for its person, least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskLevel {
    /// There are too few earlier sign-ins to compare with.
    #[default]
    Unscored,
    Low,
    Medium,
    High,
}

impl RiskLevel {
    /// The word in configuration, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unscored => "unscored",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
