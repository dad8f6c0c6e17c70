//! `challenge`: how a rule tells who lacks something.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::policy::rule::ChallengeStyle;
use crate::config::sections::checker::Checker;
use crate::config::yaml::Spanned;

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChallengeOptions {
    Auto,
    Redirect,
    Status,
}

/// How a rule tells it. `asks`: whether it asks who somebody is; `api`: whether its callers are scripts.
pub(super) fn style(
    given: Option<Spanned<ChallengeOptions>>,
    asks: bool,
    api: bool,
    cx: &mut Checker,
) -> ChallengeStyle {
    let Some(Spanned { value, at }) = given else { return ChallengeStyle::Auto };
    if !asks {
        cx.warn(at, "`access` asks nobody who they are: `challenge` does nothing beside it", "leave it out");
    } else if api && matches!(value, ChallengeOptions::Redirect) {
        let fix = "leave `challenge` out, or write `challenge: status`";
        cx.warn(at, "callers of `kind: api` are scripts: on the page that they are led to they cannot sign in", fix);
    }
    match value {
        ChallengeOptions::Auto => ChallengeStyle::Auto,
        ChallengeOptions::Redirect => ChallengeStyle::Redirect,
        ChallengeOptions::Status => ChallengeStyle::Status,
    }
}
