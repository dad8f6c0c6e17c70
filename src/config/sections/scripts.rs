//! `apps[].dialects` and `apps[].step_up_script`: what scripts of an app get beside a 401.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::proof::challenge::Dialect;
use crate::config::sections::checker::Checker;
use crate::config::yaml::Spanned;
use crate::portal::settings::ScriptSettings;

/// A library whose requests are answered in its own way.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DialectOption {
    /// htmx 2 and 4: `HX-Redirect` on the 401.
    Htmx,
    /// Jakarta Faces (JSF): a partial response that redirects.
    Jsf,
}

/// Judges both; `None` where the app wants neither.
pub(crate) fn validate(
    dialects: Option<Spanned<Vec<Spanned<DialectOption>>>>,
    step_up_script: Option<bool>,
    cx: &mut Checker,
) -> Option<ScriptSettings> {
    let mut settings = ScriptSettings { step_up_script: step_up_script.unwrap_or(false), dialects: Vec::new() };
    if let Some(list) = &dialects
        && list.value.is_empty()
        && !cx.has_removed_items(list.at)
    {
        cx.error(list.at, "an empty list names no library", "write `dialects: [htmx]`, or leave `dialects` out");
    }
    for Spanned { value, at } in dialects.into_iter().flat_map(|list| list.value) {
        let dialect = match value {
            DialectOption::Htmx => Dialect::Htmx,
            DialectOption::Jsf => Dialect::Faces,
        };
        if settings.dialects.contains(&dialect) {
            cx.error(at, "this library is named twice", "name each once");
        }
        settings.dialects.push(dialect);
    }
    (settings != ScriptSettings::default()).then_some(settings)
}
