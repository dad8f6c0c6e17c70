//! `session`: how long things last.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::HumanDuration;
use crate::config::yaml::Spanned;
use crate::flow::settings::FlowSettings;

/// How long sessions live.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionOptions {
    /// Without use. Default: 1h.
    idle: Option<Spanned<HumanDuration>>,
    /// In all. Default: 12h.
    absolute: Option<Spanned<HumanDuration>>,
    /// How long a sign-in may take. Default: 15m.
    sign_in: Option<HumanDuration>,
    /// How long a known browser is remembered for throttling. Default: 365d.
    remember_browser: Option<HumanDuration>,
}

pub(crate) fn validate(options: Option<Spanned<SessionOptions>>, flow: &mut FlowSettings, cx: &mut Checker) {
    let Some(Spanned { value: options, at }) = options else { return };
    let at = options.idle.as_ref().or(options.absolute.as_ref()).map_or(at, |t| t.at);
    if let Some(idle) = &options.idle {
        flow.session.idle = idle.value.0;
    }
    if let Some(absolute) = &options.absolute {
        flow.session.absolute = absolute.value.0;
    }
    if flow.session.idle > flow.session.absolute {
        if options.idle.is_none() {
            // a short absolute life alone is a clear wish
            flow.session.idle = flow.session.absolute;
        } else {
            let absolute = humantime::format_duration(flow.session.absolute);
            cx.error(at, format!("`idle` is longer than `absolute` ({absolute})"), "make `idle` the shorter one");
        }
    }
    if let Some(time) = options.sign_in {
        flow.ceremony_ttl = time.0;
    }
    if let Some(time) = options.remember_browser {
        flow.device_ttl = time.0;
    }
}
