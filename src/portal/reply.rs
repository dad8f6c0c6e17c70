//! What a handler replies with, and how replies are made.

use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::answers::headers::{CSP_FRAMABLE, RESPONSE_KIND};
use super::cookies;
use super::messages::text;
use crate::auth::event::Event;
use crate::auth::proof::SLIP_LIVES;
use crate::flow::ports::StoreError;
use crate::flow::reply::Opened;

/// A response of ours, and what the edge is to know of it.
pub struct Reply {
    pub response: Response<Bytes>,
    /// What happened to proofs, sessions and accounts, to be recorded.
    pub events: Vec<Event>,
    /// Why it is a 503, for the log.
    pub cause: Option<Cause>,
    pub note: Option<Note>,
}

/// Why a 503 of ours was given.
#[derive(Clone)]
pub enum Cause {
    /// A store did not answer.
    Store(StoreError),
    /// As many passwords are being hashed as this machine can hash at once.
    Busy,
}

/// A word for the log and the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    CookieNotKept,
    RedirectLoop,
    /// Back to the host of an app, with a ticket.
    TicketIssued,
    /// Back to it without one: the handoff was used, or is too old.
    HandoffSpent,
    /// Signed in on the host of an app by a ticket.
    Arrived,
    TicketRejected,
    /// A form that waited was discarded.
    FormDiscarded,
    /// A challenge, by the form it took.
    Challenge(ChallengeForm),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeForm {
    Redirect,
    /// A redirect to where people sign in for many apps.
    Handoff,
    Page,
    Frame,
    LostForm,
    /// A redirect, and the form waits meanwhile.
    HeldForm,
    Grpc,
    Htmx,
    Faces,
    Problem,
}

impl Note {
    /// Its name in the log and in the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CookieNotKept => "cookie_not_kept",
            Self::RedirectLoop => "redirect_loop",
            Self::TicketIssued => "ticket_issued",
            Self::HandoffSpent => "handoff_spent",
            Self::Arrived => "arrived",
            Self::TicketRejected => "ticket_rejected",
            Self::FormDiscarded => "form_discarded",
            Self::Challenge(ChallengeForm::HeldForm) => "held",
            Self::Challenge(ChallengeForm::Handoff) => "handoff",
            Self::Challenge(ChallengeForm::Redirect) => "redirect",
            Self::Challenge(ChallengeForm::Page) => "page",
            Self::Challenge(ChallengeForm::Frame) => "frame",
            Self::Challenge(ChallengeForm::LostForm) => "form",
            Self::Challenge(ChallengeForm::Grpc) => "grpc",
            Self::Challenge(ChallengeForm::Htmx) => "htmx",
            Self::Challenge(ChallengeForm::Faces) => "faces",
            Self::Challenge(ChallengeForm::Problem) => "problem",
        }
    }
}

impl Reply {
    /// A reply with a body. `kind` is the value of `X-Stepgate-Response`.
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let mut reply = Self::empty(status, kind);
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        *reply.response.body_mut() = body.into();
        reply
    }

    pub(crate) fn empty(status: StatusCode, kind: &'static str) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        response.headers_mut().insert(RESPONSE_KIND, HeaderValue::from_static(kind));
        Self { response, events: Vec::new(), cause: None, note: None }
    }

    /// The one page that may be shown in frames of the app: it holds a link and nothing else.
    pub(crate) fn framable(mut self) -> Self {
        self.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_FRAMABLE));
        self
    }

    pub(crate) fn caused_by(self, cause: Cause) -> Self {
        Self { cause: Some(cause), ..self }
    }

    pub(crate) fn noted(self, note: Note) -> Self {
        Self { note: Some(note), ..self }
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.response.headers_mut()
    }
}

pub(crate) fn page(status: StatusCode, kind: &'static str, page: &impl Template) -> Reply {
    // Rendering writes into a string and has nothing to fail on; should it fail, no half page goes out.
    match page.render() {
        Ok(text) => Reply::new(status, kind, "text/html; charset=utf-8", text),
        Err(_) => {
            Reply::new(StatusCode::INTERNAL_SERVER_ERROR, "error", "text/plain; charset=utf-8", text!("page-failed"))
        }
    }
}

/// 303 See Other: the browser goes on with GET and keeps the fragment (RFC 9110 §10.2.2).
pub(crate) fn see_other(to: &str, kind: &'static str) -> Reply {
    let mut reply = Reply::empty(StatusCode::SEE_OTHER, kind);
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    reply.headers_mut().insert(LOCATION, location);
    reply
}

/// Adds a cookie.
pub(crate) fn with_cookie(mut answer: Reply, cookie: Option<HeaderValue>) -> Reply {
    if let Some(cookie) = cookie {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

/// Adds the cookies of a session just opened or risen.
pub(crate) fn with_session(mut answer: Reply, opened: &Opened, device_ttl: Duration) -> Reply {
    answer = with_cookie(answer, cookies::set_session(&opened.token));
    answer = with_cookie(answer, cookies::clear_ceremony());
    answer = with_cookie(answer, opened.slip.as_ref().and_then(|slip| cookies::set_slip(slip, SLIP_LIVES)));
    let device = opened.device.as_ref().and_then(|d| cookies::set_device(d, device_ttl));
    with_cookie(answer, device)
}
