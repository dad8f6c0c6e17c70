//! `given.risk`: how unusual somebody is, and what is not as it was.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::proof::{Changed, RiskLevel};
use crate::config::sections::one_or::{Detailed, OneOr};

/// How unusual somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenRisk {
    pub level: RiskLevel,
    pub changed: Changed,
}

/// A level, or a mapping.
pub(super) type GivenRiskKey = OneOr<RiskLevelOption, GivenRiskOptions>;

/// A level, and what is not as it was when the session was opened.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenRiskOptions {
    /// Default: low.
    level: Option<RiskLevelOption>,
    changed: Option<Vec<ChangedOption>>,
}

impl Detailed for GivenRiskOptions {
    const EXPECTED: &'static str =
        "a level, as `risk: medium`, or a mapping, as `risk: { level: low, changed: [network] }`";
    const SCHEMA: &'static str = "GivenRisk";
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RiskLevelOption {
    Unscored,
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ChangedOption {
    Network,
    Country,
    Browser,
}

impl From<RiskLevelOption> for RiskLevel {
    fn from(option: RiskLevelOption) -> Self {
        match option {
            RiskLevelOption::Unscored => Self::Unscored,
            RiskLevelOption::Low => Self::Low,
            RiskLevelOption::Medium => Self::Medium,
            RiskLevelOption::High => Self::High,
        }
    }
}

impl From<GivenRiskKey> for GivenRisk {
    fn from(key: GivenRiskKey) -> Self {
        let options = match key {
            OneOr::One(level) => return Self { level: level.into(), changed: Changed::default() },
            OneOr::More(options) => *options,
        };
        let is = |what| options.changed.iter().flatten().any(|changed| *changed == what);
        let changed = Changed {
            network: is(ChangedOption::Network),
            country: is(ChangedOption::Country),
            browser: is(ChangedOption::Browser),
        };
        Self { level: options.level.map_or(RiskLevel::Low, RiskLevel::from), changed }
    }
}
