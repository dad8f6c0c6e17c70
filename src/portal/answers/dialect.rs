//! Challenges for libraries of pages: how htmx and Jakarta Faces are led to a page of ours.

use http::header::VARY;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::auth::proof::challenge::Dialect;
use crate::portal::reply::Reply;

/// Where htmx goes, whatever the status is.
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// The header by which a library tells that it asks.
const fn header(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Htmx => "HX-Request",
        Dialect::Faces => "Faces-Request",
    }
}

/// Leads htmx away by the 401 that any script would get.
pub(super) fn htmx(mut unauthorized: Reply, url: &str) -> Reply {
    if let Ok(url) = HeaderValue::from_str(url) {
        unauthorized.headers_mut().insert(HX_REDIRECT, url);
    }
    unauthorized
}

/// A partial response that redirects. The library follows it with status 200 alone, and looks
/// at the first child only, so nothing stands before that.
pub(super) fn faces(url: &str) -> Reply {
    let body = format!("<partial-response><redirect url=\"{}\"/></partial-response>", escape(url));
    Reply::new(StatusCode::OK, "challenge", "text/xml; charset=utf-8", body)
}

/// Notes of an answer on a host with these libraries that another client would get another one.
pub(super) fn varied(mut answer: Reply, served: &[Dialect]) -> Reply {
    for dialect in served {
        answer.headers_mut().append(VARY, HeaderValue::from_static(header(*dialect)));
    }
    answer
}

/// Text as the value of an attribute (XML 1.0 §2.3).
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;")
}
