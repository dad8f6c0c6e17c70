//! `apps[].hold`: which forms are kept while somebody signs in.

use schemars::JsonSchema;
use serde::Deserialize;

use super::one_or::Detailed;
use super::switch::Switch;
use crate::auth::held_request::{FormType, HoldTerms};
use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::HumanSize;
use crate::config::yaml::Spanned;

/// Which forms are kept.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldOptions {
    /// The largest body: at most 1MiB. Default: 256KiB.
    max: Option<Spanned<HumanSize>>,
    /// The types of bodies. Default: all of them.
    types: Option<Spanned<Vec<FormTypeOption>>>,
}

impl Detailed for HoldOptions {
    const SCHEMA: &'static str = "Hold";
    const EXPECTED: &'static str = "on, off, or how large forms may be and of which types";
}

/// What a form sends.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
enum FormTypeOption {
    /// Fields.
    #[serde(rename = "application/x-www-form-urlencoded")]
    UrlEncoded,
    /// Fields and files.
    #[serde(rename = "multipart/form-data")]
    Multipart,
    /// Fields as plain text.
    #[serde(rename = "text/plain")]
    Text,
}

/// Judges `hold`. `max_body`: the largest body that the app gets at all.
pub(crate) fn validate(
    options: Option<Switch<HoldOptions>>,
    max_body: Option<u64>,
    cx: &mut Checker,
) -> Option<HoldTerms> {
    let defaults = HoldTerms::default();
    let options = match options {
        None | Some(Switch::On(None)) => return Some(defaults),
        Some(Switch::Off) => return None,
        Some(Switch::On(Some(options))) => *options,
    };
    if let Some(max) = options.max.as_ref().filter(|max| max.value.0 > HoldTerms::MOST) {
        cx.error(max.at, "a form that is kept may have 1MiB at most", "write `max: 1MiB` or less");
    }
    if let Some((max, most)) = options.max.as_ref().zip(max_body).filter(|(max, most)| max.value.0 > *most) {
        let fix = "raise the app's `max_body`, or make `max` no larger";
        cx.warn(
            max.at,
            format!("a form of more than `max_body` ({most} bytes) is refused before it could be kept"),
            fix,
        );
    }
    if let Some(types) = options.types.as_ref().filter(|types| types.value.is_empty()) {
        cx.error(types.at, "no form would be kept", "name a type, or write `hold: off`");
    }
    let kind = |option: FormTypeOption| match option {
        FormTypeOption::UrlEncoded => FormType::UrlEncoded,
        FormTypeOption::Multipart => FormType::Multipart,
        FormTypeOption::Text => FormType::Text,
    };
    let max = options.max.map_or(defaults.max, |max| max.value.0);
    let types = options.types.map_or(defaults.types, |types| types.value.into_iter().map(kind).collect());
    Some(HoldTerms { max, types })
}
