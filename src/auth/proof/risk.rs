//! How unusual a sign-in or a request is for its person, and what a rule makes of it. Risk raises what is asked, and never
//! lowers it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::method::MethodSet;
use super::requirement::Requirement;
use super::strength::Strength;
use crate::auth::time::Timestamp;

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
    pub const ALL: [Self; 4] = [Self::Unscored, Self::Low, Self::Medium, Self::High];

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

/// What a rule does where somebody is not recognised, laxest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskAction {
    /// What the rule requires is enough.
    #[default]
    Permit,
    /// Two factors must be proved since then.
    StepUp,
    /// Nobody passes, whatever they prove.
    Deny,
}

impl RiskAction {
    pub const ALL: [Self; 3] = [Self::Permit, Self::StepUp, Self::Deny];

    /// The word in configuration, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::StepUp => "step_up",
            Self::Deny => "deny",
        }
    }
}

/// What a rule does by level. Where risk is low, what the rule requires is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnRisk {
    pub unscored: RiskAction,
    pub medium: RiskAction,
    pub high: RiskAction,
}

impl OnRisk {
    pub const fn of(&self, level: RiskLevel) -> RiskAction {
        match level {
            RiskLevel::Unscored => self.unscored,
            RiskLevel::Low => RiskAction::Permit,
            RiskLevel::Medium => self.medium,
            RiskLevel::High => self.high,
        }
    }

    /// The strictest of two, level by level.
    #[must_use]
    pub fn or_stricter(self, other: Self) -> Self {
        Self {
            unscored: self.unscored.max(other.unscored),
            medium: self.medium.max(other.medium),
            high: self.high.max(other.high),
        }
    }
}

/// What a rule does where a session is used from elsewhere than it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnChange {
    /// Another provider's network.
    pub network: RiskAction,
    pub country: RiskAction,
    /// Another family of browsers or devices.
    pub browser: RiskAction,
}

impl OnChange {
    pub fn of(&self, changed: Changed) -> RiskAction {
        let Changed { network, country, browser } = changed;
        let of = |changed: bool, action| if changed { action } else { RiskAction::Permit };
        of(network, self.network).max(of(country, self.country)).max(of(browser, self.browser))
    }
}

/// What is not as it was when a session was opened, or last rose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Changed {
    pub network: bool,
    pub country: bool,
    pub browser: bool,
}

impl Changed {
    pub const fn is_nothing(self) -> bool {
        !(self.network || self.country || self.browser)
    }

    /// The words in the audit trail.
    pub fn names(self) -> Vec<&'static str> {
        let Self { network, country, browser } = self;
        let named = [(network, "network"), (country, "country"), (browser, "browser")];
        named.into_iter().filter(|(changed, _)| *changed).map(|(_, name)| name).collect()
    }

    /// What the words say.
    pub fn named(names: &[String]) -> Self {
        let has = |name: &str| names.iter().any(|one| one == name);
        Self { network: has("network"), country: has("country"), browser: has("browser") }
    }
}

/// What is known of a session's risk at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Risk {
    pub level: RiskLevel,
    pub changed: Changed,
    /// From when on a proof speaks for it: earlier ones were given before anything looked unusual.
    pub since: Timestamp,
    /// What is done where the level could not be told; by a rule that does as much at the highest.
    pub unjudged: RiskAction,
}

impl Risk {
    /// Where nothing is assessed.
    pub const fn none() -> Self {
        let changed = Changed { network: false, country: false, browser: false };
        let (since, unjudged) = (Timestamp::from_millis(0), RiskAction::Permit);
        Self { level: RiskLevel::Low, changed, since, unjudged }
    }
}

impl Requirement {
    /// What it takes where somebody is not recognised `since` then: two factors at least, the renewing one proved since.
    #[must_use]
    pub fn raised(&self, since: Timestamp, now: Timestamp) -> Self {
        let age = now.since(since);
        let max_age = Some(self.max_age.map_or(age, |own: Duration| own.min(age)));
        let raised = Self { strength: self.strength.max(Strength::TwoFactor), max_age, ..*self };
        if raised.is_meetable() { raised } else { Self { methods: MethodSet::ALL, ..raised } }
    }
}
