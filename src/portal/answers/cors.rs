//! Which answers of ours scripts of other origins may read.

use http::HeaderValue;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
};

use crate::auth::reserved_names::PREFIX;
use crate::portal::reply::Reply;
use crate::portal::request_info::RequestInfo;
use crate::portal::state::PortalState;

/// What a script needs of our answers beside their bodies.
const EXPOSED: &str = "WWW-Authenticate, Retry-After, X-Request-Id, X-Stepgate-Response, Grpc-Status, Grpc-Message";

/// Lets scripts of other origins read an answer that no rule gave, where they may read those of the rules for it.
pub(crate) fn readable_as_guarded(answer: &mut Reply, state: &PortalState, info: &RequestInfo) {
    if info.headers.contains_key(ORIGIN) && !info.target.starts_with(PREFIX) {
        let asked = (info.method.as_str(), info.target.as_str());
        readable_by(answer, info, &state.destinations.readers(&info.host, asked, info.client_ip));
    }
}

/// Lets scripts of the origins that the rule names read the answer (Fetch standard, CORS protocol).
pub(crate) fn readable_by(answer: &mut Reply, info: &RequestInfo, origins: &[String]) {
    if origins.is_empty() {
        return;
    }
    // A copy that was made for nobody, or for one origin, is of no use to another.
    answer.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = info.headers.get(ORIGIN) else { return };
    if !origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return;
    }
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}
