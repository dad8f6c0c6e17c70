//! How this request is to be told things: the portal's view of the one classification in `auth::proof::challenge`.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderName};

use crate::auth::proof::challenge::{ChallengeKind, Dialect, RequestTraits, RuleHints};
use crate::portal::request_info::RequestInfo;

/// Classifies a request; `hints` may say that its callers are scripts.
pub(crate) fn challenge_kind(info: &RequestInfo, hints: RuleHints) -> ChallengeKind {
    kind_in(info, hints, None)
}

/// The same, of a request that a library may have sent.
pub(crate) fn kind_in(info: &RequestInfo, hints: RuleHints, dialect: Option<Dialect>) -> ChallengeKind {
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
        dialect,
        ..RequestTraits::default()
    }
    .with_hints(hints)
    .challenge_kind()
}

/// The library that sent a request, among those that its app has answered so. On pages of other origins, which read
/// nothing of such an answer, none.
pub(crate) fn dialect(info: &RequestInfo, served: &[Dialect]) -> Option<Dialect> {
    let headers = &info.headers;
    if headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes() != info.origin().as_bytes()) {
        return None;
    }
    served.iter().copied().find(|dialect| match dialect {
        Dialect::Htmx => named(headers, "hx-request") == Some("true"),
        Dialect::Faces => named(headers, "faces-request") == Some("partial/ajax"),
    })
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
