//! What pages of other origins ask: CORS preflights and WebSockets, decided as the gateway decides them.

use std::net::IpAddr;

use super::{Explanation, Outcome};
use crate::auth::host;
use crate::auth::origin::{Address, Opener};
use crate::auth::policy::cors::{Forbidden, Preflight};
use crate::auth::policy::preflight::Preflighted;
use crate::auth::resource::Resource;
use crate::flow::destination::Destinations;

/// What of a request tells whose page sends it.
#[derive(Clone, Debug, Default)]
pub struct CrossOrigin {
    /// `Origin`.
    pub origin: Option<String>,
    /// Whether it opens a WebSocket.
    pub websocket: bool,
    /// Of a preflight: the method that it asks for.
    pub preflight: Option<String>,
    /// Of a preflight: the headers that it asks for.
    pub headers: Vec<String>,
}

impl CrossOrigin {
    /// Who opens a WebSocket to the app at this URL; `None` for any other request.
    pub(super) fn opener(&self, url: &str, host: &str) -> Option<Opener> {
        let scheme = if url.starts_with("http://") { "http" } else { "https" };
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let port = host::authority(authority).and_then(|(_, port)| port);
        let origin = self.origin.as_deref().map(str::as_bytes);
        self.websocket.then(|| Opener::of(origin, &Address { scheme, host, port }))
    }
}

/// What becomes of a preflight, where that is not decided as of any request: the same explanation, told so.
pub(super) fn explain_preflight(
    mut told: Explanation,
    destinations: &Destinations,
    resource: &Resource,
    (client, asked_by): (IpAddr, &CrossOrigin),
) -> Explanation {
    let Some(method) = &asked_by.preflight else { return told };
    let names = asked_by.headers.join(",");
    let headers = (!names.is_empty()).then_some(names.as_bytes());
    let origin = asked_by.origin.as_deref().unwrap_or_default();
    let Some(asked) = Preflight::parse(origin.as_bytes(), method.as_bytes(), headers) else {
        let why = "No browser sends such a preflight: it was judged as any OPTIONS.".to_owned();
        told.note = told.note.or(Some(why));
        return told;
    };
    let (rule, outcome, reason, sentence, remedy) = match destinations.preflighted(resource, client, &asked) {
        Preflighted::Judged => {
            let why = format!("No rule has a word on preflights for {method} here: it was judged as any OPTIONS.");
            told.note = told.note.or(Some(why));
            return told;
        }
        Preflighted::Passed(rule) => {
            let sentence = format!("The preflight goes to the app, without credentials: rule {} says so.", rule.id.0);
            (rule, Outcome::Preflight, "passed", sentence, None)
        }
        Preflighted::Granted(rule, allowed) => {
            let methods = allowed.methods.join(", ");
            let sentence = format!("The preflight is answered here with 204: rule {} allows {methods}.", rule.id.0);
            (rule, Outcome::Preflight, "granted", sentence, None)
        }
        Preflighted::Forbidden(rule, why) => {
            let what = match why {
                Forbidden::Origin => "the origin",
                Forbidden::Method => "the method",
                Forbidden::Header => "a header",
            };
            let sentence = format!(
                "The preflight is answered here with 403: rule {} does not list {what} ({}).",
                rule.id.0,
                why.code()
            );
            let remedy = format!("It in `cors` of rule {}.", rule.id.0);
            (rule, Outcome::Refuse, why.code(), sentence, Some(remedy))
        }
    };
    for row in &mut told.rules {
        row.chosen = row.name == *rule.id.0;
    }
    let rule = Some(rule.id.0.to_string());
    Explanation { outcome, reason: Some(reason), rule, sentence, remedy, methods: Vec::new(), ..told }
}
