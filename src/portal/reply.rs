//! What a handler replies with, and how replies are made.

use askama::Template;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};

use super::answers::headers::ResponseKind;
use super::cookies;
use super::messages::text;
use super::state::PortalState;
use crate::auth::event::Event;
use crate::flow::ports::StoreError;
use crate::flow::reply::Opened;

/// A response on its way out.
pub(crate) type Reply = Response<Bytes>;

/// Events of a response, for the edge to record.
#[derive(Clone, Default)]
pub struct Recorded(pub Vec<Event>);

/// How a challenge was told, of a closed set; rides in the extensions of the response, for the counters.
#[derive(Clone, Copy)]
pub struct ToldAs(pub &'static str);

/// Why a 503 of ours was given; rides in the extensions of the response, for the log.
#[derive(Clone)]
pub enum Cause {
    /// A store did not answer.
    Store(StoreError),
    /// As many passwords are being hashed as this machine can hash at once.
    Busy,
}

/// What is worth a word in the access event of an answer of ours: a closed set.
#[derive(Clone, Copy)]
pub struct Noted(pub &'static str);

/// A page.
pub(crate) fn page(status: StatusCode, kind: &'static str, page: &impl Template) -> Reply {
    // Rendering writes into a string and has nothing to fail on; should it fail, no half page goes out.
    let Ok(text) = page.render() else {
        let mut answer = Response::new(Bytes::from(text!("page-failed")));
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return answer;
    };
    let mut answer = Response::new(Bytes::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    answer.extensions_mut().insert(ResponseKind(kind));
    answer
}

/// 303 See Other: the browser goes on with GET and keeps the fragment (RFC 9110 §10.2.2).
pub(crate) fn see_other(to: &str, kind: &'static str) -> Reply {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(LOCATION, location);
    answer.extensions_mut().insert(ResponseKind(kind));
    answer
}

/// Adds a cookie.
pub(crate) fn with_cookie(mut answer: Reply, cookie: Option<HeaderValue>) -> Reply {
    if let Some(cookie) = cookie {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

/// Adds the cookies of a session just opened or risen.
pub(crate) fn with_session(state: &PortalState, mut answer: Reply, opened: &Opened) -> Reply {
    answer = with_cookie(answer, cookies::keep_session(&opened.token));
    answer = with_cookie(answer, cookies::forget_ceremony());
    let device = opened.device.as_ref().and_then(|d| cookies::keep_device(d, state.flows.settings.device_ttl));
    with_cookie(answer, device)
}
