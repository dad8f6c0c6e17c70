//! Which answers of ours scripts of other origins may read.

use http::HeaderValue;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
};

use crate::portal::reply::Reply;
use crate::portal::request_info::RequestInfo;

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
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, X-Request-Id"));
}
