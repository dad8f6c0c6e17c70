//! `risk.target_prompt_rate`: how often people may be prompted, in place of thresholds.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::Percent;
use crate::config::yaml::Spanned;
use crate::risk::settings::TargetRate;

/// What may be wished for, as a share of sign-ins.
const LEAST: f64 = 0.0001;
const MOST: f64 = 0.2;

/// Which share of people's own sign-ins may be prompted: thresholds are set by the sign-ins of the last 30 days.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetOptions {
    /// At medium risk and above. Default: 1%.
    medium: Option<Spanned<Percent>>,
    /// At high risk. Default: 0.2%.
    high: Option<Spanned<Percent>>,
}

pub(super) fn target(given: Spanned<TargetOptions>, cx: &mut Checker) -> TargetRate {
    let Spanned { value: options, at } = given;
    let mut share = |given: &Option<Spanned<Percent>>, default: f64| {
        let Some(given) = given else { return default };
        let Percent(share) = given.value;
        if !(LEAST..=MOST).contains(&share) {
            cx.error(given.at, "nobody can be held to this rate", "write 0.01% to 20%");
        }
        share
    };
    let (medium, high) = (share(&options.medium, 0.01), share(&options.high, 0.002));
    if high >= medium {
        let end = options.high.as_ref().or(options.medium.as_ref()).map_or(at, |given| given.at);
        let (high, medium) = (high * 100.0, medium * 100.0);
        cx.error(end, format!("`high` ({high}%) is not below `medium` ({medium}%)"), "make `high` the smaller one");
    }
    TargetRate { medium, high }
}
