//! CORS preflights (Fetch §4.8), by their form.

use http::{HeaderMap, Method, header};

use super::head::{self, Head};
use crate::auth::policy::cors::Preflight;

/// Whether a request without a body may be a preflight: nothing in its head by which an app could take it for anything
/// else.
pub(crate) fn may_be_one(head: &Head<'_>) -> bool {
    *head.method == Method::OPTIONS
        && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && head::other_methods(head.headers).next().is_none()
        && ![header::TRANSFER_ENCODING, header::TE, header::TRAILER, header::EXPECT]
            .iter()
            .any(|name| head.headers.contains_key(name))
        && head.headers.get_all(header::CONTENT_LENGTH).iter().all(|length| length.as_bytes() == b"0")
}

/// What a preflight asks for; `None` if a browser would not ask so.
pub(crate) fn read(headers: &HeaderMap) -> Option<Preflight<'_>> {
    let once = |name: header::HeaderName| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().map(|value| value.as_bytes());
        all.next().is_none().then_some(first)
    };
    let origin = once(header::ORIGIN)??;
    let method = once(header::ACCESS_CONTROL_REQUEST_METHOD)??;
    Preflight::parse(origin, method, once(header::ACCESS_CONTROL_REQUEST_HEADERS)?)
}
