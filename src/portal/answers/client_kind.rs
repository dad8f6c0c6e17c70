//! How this request is to be told things: the portal's view of the one classification in `auth::proof::challenge`.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderName};

use crate::auth::proof::challenge::{ChallengeKind, RequestTraits, RuleHints};
use crate::portal::request_info::RequestInfo;

/// Classifies a request; `hints` may say that its callers are scripts.
pub(crate) fn challenge_kind(info: &RequestInfo, hints: RuleHints) -> ChallengeKind {
    let headers = &info.headers;
    RequestTraits {
        method: info.method.as_str(),
        preflight: headers.contains_key("access-control-request-method"),
        websocket: text(headers, &UPGRADE).is_some_and(|u| u.to_ascii_lowercase().contains("websocket")),
        content_type: text(headers, &CONTENT_TYPE),
        fetch_mode: named(headers, "sec-fetch-mode"),
        fetch_dest: named(headers, "sec-fetch-dest"),
        requested_with: named(headers, "x-requested-with"),
        authorization: headers.contains_key(AUTHORIZATION),
        accept: text(headers, &ACCEPT),
        ..RequestTraits::default()
    }
    .with_hints(hints)
    .challenge_kind()
}

/// Whether an answer is read by a person: a page, else problem+json.
pub(crate) const fn wants_html(telling: ChallengeKind) -> bool {
    matches!(telling, ChallengeKind::Redirect | ChallengeKind::Form | ChallengeKind::Frame)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}
