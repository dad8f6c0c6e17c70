//! `state`: where sessions, marks and counters live.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;

use super::tls::PEM_BYTES;
use super::users::{Database, sqlite_path};
use crate::auth::secret::SecretText;
use crate::config::sections::checker::Checker;
use crate::config::sections::one_or::{Detailed, OneOr};
use crate::config::sections::scalars::{HiddenText, HumanDuration};
use crate::config::yaml::{Span, Spanned};
use crate::proxy::pem;
use crate::store::inspect as store;
use crate::store::settings::StateSettings;

/// `redis://…`, `rediss://…` or `sqlite://…`, or a mapping that says more.
pub(crate) type StateOptions = OneOr<HiddenText, StateMore>;

impl Detailed for StateMore {
    const EXPECTED: &'static str = "a URL or a mapping";
    const SCHEMA: &'static str = "StateOptions";
}

/// The state store, with options.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateMore {
    /// `redis://…`, `rediss://…` or `sqlite://…`.
    url: Option<Spanned<HiddenText>>,
    /// A file that holds that URL.
    url_file: Option<Spanned<String>>,
    /// A PEM file of the authorities to trust for rediss. Default: the system's.
    ca: Option<Spanned<String>>,
    /// How long a command may take. Default: 250ms.
    timeout: Option<HumanDuration>,
    /// Prefix of every key. Default: `stepgate:`.
    prefix: Option<Spanned<String>>,
}

const FIX: &str = "write `redis://host:6379`, `rediss://…`, or leave `state` out to keep it in the SQLite file";

pub(crate) fn validate(
    options: Option<Spanned<StateOptions>>,
    file: Option<Spanned<String>>,
    database: Option<&Database>,
    cx: &mut Checker,
) -> Option<StateSettings> {
    let (url, more) = match options {
        Some(Spanned { value: OneOr::One(url), at }) => {
            (cx.secret(Some(Spanned { value: url, at }), file, "state"), None)
        }
        Some(Spanned { value: OneOr::More(mut more), at }) => {
            if let Some(file) = &file {
                cx.error(file.at, "`state` and `state_file` are both given", "keep one of them");
            }
            let (url, url_file) = (more.url.take(), more.url_file.take());
            let reported = url.is_some() || url_file.is_some() || file.is_some() || cx.was_removed(at, "url_file");
            let url = cx.secret(url, url_file, "url");
            if url.is_none() && !reported {
                cx.need::<()>(None, at, "url", FIX);
            }
            (url, Some(more))
        }
        None if file.is_some() => (cx.secret(None, file, "state"), None),
        None => return embedded(database, cx),
    };
    // whatever is wrong with the URL, the rest is judged
    let options = RedisOptions::validate(more.as_deref(), cx);
    let url = url?;
    let Spanned { value: url, at } = url;
    match url.expose().split_once("://").map(|(scheme, _)| scheme) {
        Some("redis" | "rediss") => redis(url, at, more.and_then(|m| m.ca), options, cx),
        Some("sqlite") => {
            if more.is_some_and(|m| m.ca.is_some() || m.prefix.is_some() || m.timeout.is_some()) {
                cx.error(at, "`ca`, `prefix` and `timeout` are for Redis", "leave them out");
            }
            sqlite_path(url.expose(), at, cx).map(|p| StateSettings::Embedded(Some(p)))
        }
        Some("redis+sentinel" | "redis+cluster" | "rediss+sentinel" | "rediss+cluster") => {
            cx.error(at, "sentinel and cluster are not available in this version", "name one Redis server");
            None
        }
        _ => {
            cx.error(at, "not a state store Stepgate knows", FIX);
            None
        }
    }
}

fn embedded(database: Option<&Database>, cx: &mut Checker) -> Option<StateSettings> {
    let database = database?;
    if database.file.is_none() {
        if !cx.was_removed_anywhere("state") && !cx.was_removed_anywhere("state_file") {
            let fix = "add `state: redis://…`; without it sessions live in the SQLite file, and there is none";
            cx.error(database.at, "PostgreSQL needs a state store beside it", fix);
        }
        return None;
    }
    Some(StateSettings::Embedded(None))
}

/// What a mapping says beside the URL.
struct RedisOptions {
    ca: Option<PathBuf>,
    timeout: Duration,
    prefix: String,
}

impl RedisOptions {
    fn validate(more: Option<&StateMore>, cx: &mut Checker) -> Self {
        let mut options = Self { ca: None, timeout: Duration::from_millis(250), prefix: "stepgate:".to_owned() };
        let Some(more) = more else { return options };
        if let Some(ca) = &more.ca {
            options.ca = Some(cx.path(&ca.value));
            if let Some(Err(why)) = cx.read(ca, PEM_BYTES).map(|b| pem::authorities(&b)) {
                cx.error(ca.at, why, "the file must hold PEM certificates");
            }
        }
        if let Some(timeout) = more.timeout {
            options.timeout = timeout.0;
        }
        if let Some(prefix) = &more.prefix {
            let fits = prefix.value.len() <= 64 && prefix.value.chars().all(|c| c.is_ascii_graphic() && c != '{');
            if fits && !prefix.value.is_empty() {
                prefix.value.clone_into(&mut options.prefix);
            } else {
                cx.error(prefix.at, "not a usable prefix", "write 1 to 64 visible characters without `{`");
            }
        }
        options
    }
}

fn redis(
    url: SecretText,
    at: Span,
    ca: Option<Spanned<String>>,
    RedisOptions { ca: authorities, timeout, prefix }: RedisOptions,
    cx: &mut Checker,
) -> Option<StateSettings> {
    if let Some(ca) = ca.filter(|_| !url.expose().starts_with("rediss://")) {
        cx.error(ca.at, "`ca` is of use only with `rediss://`", "write `rediss://` in the URL, or leave `ca` out");
    }
    let parsed = url::Url::parse(url.expose());
    if !parsed.as_ref().is_ok_and(|u| u.host_str().is_some_and(|h| !h.is_empty())) {
        cx.error(at, "this URL names no server", "is every special character of the password %-encoded?");
        return None;
    }
    let number = parsed.map(|u| u.path().trim_start_matches('/').to_owned()).unwrap_or_default();
    if !number.is_empty() && number.parse::<u16>().is_err() {
        cx.error(at, "the path of a Redis URL is the number of a database", "write `redis://host:6379/0`");
    }
    if let Err(why) = store::redis_url(url.expose()) {
        cx.error(at, why, FIX);
    }
    Some(StateSettings::Redis { url, ca: authorities, timeout, prefix })
}
