//! The headers of every answer of ours, set in this one place.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY, X_FRAME_OPTIONS};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::portal::request_info::RequestInfo;

/// What kind of reply this is.
pub(crate) const RESPONSE_KIND: HeaderName = HeaderName::from_static("x-stepgate-response");

/// The policy of a page whose forms may end on `form_action`.
pub(crate) fn content_security_policy(form_action: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action {form_action}; base-uri 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

static CSP: LazyLock<HeaderValue> = LazyLock::new(|| {
    HeaderValue::from_str(&content_security_policy("'self'")).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});
/// Of a page that may be shown in frames of the app.
pub(crate) const CSP_FRAMABLE: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; \
                            base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const ALWAYS: [(&str, &str); 6] = [
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "publickey-credentials-get=(self), publickey-credentials-create=(self)"),
    ("vary", DEPENDS_ON),
];
/// What of a request our answers depend on.
pub(crate) const DEPENDS_ON: &str = "Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest";

/// Adds what every answer of ours carries; `Cache-Control` only where the answer has none.
pub(crate) fn finish(mut answer: Response<Bytes>, info: &RequestInfo) -> Response<Bytes> {
    // Where the answer to HEAD has lost its body on the way here, its length was noted (RFC 9110 §8.6).
    let noted = answer.headers().get(CONTENT_LENGTH).filter(|_| info.method == Method::HEAD).cloned();
    let length = answer.body().len();
    let unchanged = answer.status() == StatusCode::NOT_MODIFIED;
    let length = noted.filter(|_| length == 0).unwrap_or_else(|| HeaderValue::from(length));
    let grpc = answer.headers().get(CONTENT_TYPE).is_some_and(|c| c.as_bytes().starts_with(b"application/grpc"));
    let headers = answer.headers_mut();
    let own: Vec<HeaderValue> = headers.get_all(VARY).iter().cloned().collect();
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for own in own {
        headers.append(VARY, own);
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, CSP.clone());
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(RESPONSE_KIND).or_insert(HeaderValue::from_static("error"));
    if let Ok(id) = HeaderValue::from_str(&info.request_id) {
        headers.insert("x-request-id", id);
    }
    if unchanged {
        headers.remove(CONTENT_LENGTH); // it would be that of the copy that is kept
    } else if !grpc {
        headers.insert(CONTENT_LENGTH, length);
    }
    if info.method == Method::HEAD {
        *answer.body_mut() = Bytes::new();
    }
    answer
}
