//! `on_risk` and `on_change`: what a rule does where somebody is not recognised.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::proof::{OnChange, OnRisk, RiskAction};
use crate::config::sections::checker::Checker;
use crate::config::sections::one_or::{Detailed, OffOr};
use crate::config::yaml::Spanned;
use crate::flow::settings::RiskSettings;

/// What is done where somebody is not recognised.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RiskActionOptions {
    /// What the rule requires is enough.
    Permit,
    /// Two factors must be proved since then.
    StepUp,
    /// Nobody passes.
    Deny,
}

/// By how unusual a sign-in was. It must not fall with the level; one that is left out is as the default says, and never
/// laxer than the level before it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnRiskOptions {
    /// Too few earlier sign-ins to compare with.
    unscored: Option<Spanned<RiskActionOptions>>,
    /// Unusual.
    medium: Option<Spanned<RiskActionOptions>>,
    /// Very unusual.
    high: Option<Spanned<RiskActionOptions>>,
}

/// Where a session is used from elsewhere than it was when it was opened, or last rose.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnChangeOptions {
    /// From the network of another provider.
    network: Option<Spanned<RiskActionOptions>>,
    /// From another country.
    country: Option<Spanned<RiskActionOptions>>,
    /// By another family of browsers.
    browser: Option<Spanned<RiskActionOptions>>,
}

impl Detailed for OnRiskOptions {
    const EXPECTED: &'static str = "`off` or a mapping, as `on_risk: { medium: step_up, high: deny }`";
    const SCHEMA: &'static str = "OnRiskSection";
}

impl Detailed for OnChangeOptions {
    const EXPECTED: &'static str = "`off` or a mapping, as `on_change: { network: step_up }`";
    const SCHEMA: &'static str = "OnChangeSection";
}

/// `on_risk` of a rule.
pub(super) type RiskKey = Spanned<OffOr<OnRiskOptions>>;
/// `on_change` of a rule.
pub(super) type ChangeKey = Spanned<OffOr<OnChangeOptions>>;

/// What a rule does where somebody is not recognised. `asks`: whether it asks who somebody is.
pub(super) fn validate(
    on_risk: Option<RiskKey>,
    on_change: Option<ChangeKey>,
    asks: bool,
    defaults: Option<&RiskSettings>,
    cx: &mut Checker,
) -> (OnRisk, OnChange) {
    let risk = on_risk.as_ref().filter(|key| matches!(key.value, OffOr::On(_))).map(|key| ("on_risk", key.at));
    let change = on_change.as_ref().filter(|key| matches!(key.value, OffOr::On(_))).map(|key| ("on_change", key.at));
    for (key, at) in risk.into_iter().chain(change) {
        if !asks {
            cx.error(at, format!("`access` asks nobody who they are; `{key}` means nothing beside it"), "leave it out");
        } else if defaults.is_none() {
            let fix = "add the section `risk:`, or leave it out";
            cx.warn(at, format!("`{key}` does nothing here: `risk` is off"), fix);
        }
    }
    let is_watched = asks && defaults.is_some();
    let defaults = defaults.cloned().unwrap_or_default();
    let on_risk = match on_risk.map(|key| key.value) {
        None => defaults.on_risk,
        Some(OffOr::Off) => OnRisk::default(),
        Some(OffOr::On(given)) => given.validate(defaults.on_risk, cx),
    };
    let on_change = match on_change.map(|key| key.value) {
        None => defaults.on_change,
        Some(OffOr::Off) => OnChange::default(),
        Some(OffOr::On(given)) => given.validate(defaults.on_change, is_watched, cx),
    };
    if asks { (on_risk, on_change) } else { Default::default() }
}

impl RiskActionOptions {
    const fn is_asked(self) -> bool {
        !matches!(self, Self::Permit)
    }
}

impl From<RiskActionOptions> for RiskAction {
    fn from(options: RiskActionOptions) -> Self {
        match options {
            RiskActionOptions::Permit => Self::Permit,
            RiskActionOptions::StepUp => Self::StepUp,
            RiskActionOptions::Deny => Self::Deny,
        }
    }
}

impl OnRiskOptions {
    /// What is done by level; what is left out is as in `default`.
    pub(crate) fn validate(self, default: OnRisk, cx: &mut Checker) -> OnRisk {
        let mut least = ("", RiskAction::Permit);
        let mut of = |name, given: Option<Spanned<RiskActionOptions>>, default: RiskAction| {
            let action = match given {
                None => default.max(least.1),
                Some(given) => {
                    let action = RiskAction::from(given.value);
                    if action < least.1 {
                        let (before, at_least) = (least.0, least.1.name());
                        let message = format!("`{name}` does less than `{before}`, which is the lower risk");
                        cx.error(given.at, message, format!("write `{name}: {at_least}`, or ask for less before it"));
                    }
                    action
                }
            };
            least = (name, action);
            action
        };
        let unscored = of("unscored", self.unscored, default.unscored);
        let medium = of("medium", self.medium, default.medium);
        let high = of("high", self.high, default.high);
        OnRisk { unscored, medium, high }
    }
}

impl OnChangeOptions {
    /// What is done by what changed; what is left out is as in `default`.
    /// `is_watched`: requests are compared.
    pub(crate) fn validate(self, default: OnChange, is_watched: bool, cx: &mut Checker) -> OnChange {
        let known = [
            ("network", &self.network, cx.places.networks, "`asn: …`"),
            ("country", &self.country, cx.places.countries, "`country: …` or `city: …`"),
        ];
        for (name, given, is_known, database) in known {
            if let Some(given) = given.as_ref().filter(|given| is_watched && !is_known && given.value.is_asked()) {
                let message = format!("no database says which {name} an address is of: `{name}` never changes");
                cx.warn(given.at, message, format!("add {database} to `risk.geoip`, or leave `{name}` out"));
            }
        }
        let of = |given: Option<Spanned<RiskActionOptions>>, default| given.map_or(default, |given| given.value.into());
        OnChange {
            network: of(self.network, default.network),
            country: of(self.country, default.country),
            browser: of(self.browser, default.browser),
        }
    }
}
