//! What a handler works with: one request, its facts, and the words to answer it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::body::Body;
use axum::extract::{FromRequest, Query, Request};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};

use super::answers::{Cause, Facts, Fault, Recorded};
use super::base::Core;
use super::cookies::{self, Presented};
use super::fault;
use super::forms::{BadForm, Fields};
use super::goal::Goal;
use super::headers::Kind;
use super::pages::Shell;
use super::problem::Problem;
use super::words;
use crate::auth::event::Event;
use crate::auth::session::{Channel, Session, SessionToken};
use crate::flow::ports::StoreError;
use crate::flow::reply::{Client, Failed, Opened, Outcome};

/// An answer on its way out.
pub(crate) type Answered = Response<Bytes>;

/// Why a handler stops early.
pub(crate) enum Stop {
    /// A store could not answer: nothing is granted.
    Store(StoreError),
    /// The request cannot be served; told as a fault.
    Fault(Fault),
    /// The body is of a type that is not read here.
    WrongType,
    /// A problem of the API.
    Problem(Box<Problem>),
    /// The answer is known already.
    Done(Box<Answered>),
}

impl From<BadForm> for Stop {
    fn from(bad: BadForm) -> Self {
        match bad {
            BadForm::WrongType => Self::WrongType,
            BadForm::Broken => Self::Fault(Fault::BadRequest),
        }
    }
}

/// One request under the reserved prefix.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub(crate) core: Arc<Core>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) path: String,
    pub(crate) body: Bytes,
    /// What the flows of this request told. Kept beside the answer, so that no early stop can lose it.
    events: Arc<Mutex<Vec<Event>>>,
}

/// A live session and how its token came.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) token: SessionToken,
    pub(crate) session: Arc<Session>,
    pub(crate) by_cookie: bool,
}

impl FromRequest<Arc<Core>> for Ctx {
    type Rejection = StatusCode;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, StatusCode> {
        let facts = request.extensions().get::<Arc<Facts>>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).map(|q| q.0).unwrap_or_default();
        let path = request.uri().path().to_owned();
        let body = Bytes::from_request(request, core).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        Ok(Self { core: core.clone(), facts, query, path, body, events: Arc::default() })
    }
}

/// Runs a handler and words its early stops. Whatever comes of it, what the flows told rides along.
pub(crate) async fn run<F, Fut>(ctx: Ctx, handler: F) -> Response<Body>
where
    F: FnOnce(Ctx) -> Fut,
    Fut: Future<Output = Result<Answered, Stop>>,
{
    let (core, facts, events) = (ctx.core.clone(), ctx.facts.clone(), ctx.events.clone());
    let mut answer = match handler(ctx).await {
        Ok(answer) => answer,
        Err(Stop::Done(answer)) => *answer,
        Err(Stop::Fault(what)) => fault::answer(&core, &facts, what),
        Err(Stop::WrongType) => fault::wrong_type(&core, &facts),
        Err(Stop::Problem(problem)) => problem.answer(&facts),
        Err(Stop::Store(cause)) => {
            let mut answer = fault::answer(&core, &facts, Fault::Unavailable);
            answer.extensions_mut().insert(Cause::Store(cause));
            answer
        }
    };
    let events = std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner));
    if !events.is_empty() {
        answer.extensions_mut().insert(Recorded(events));
    }
    answer.map(Body::from)
}

impl Ctx {
    /// The script at the other end: what it begins ends in a token, never in a cookie.
    pub(crate) fn script(&self) -> Client {
        let client = self.client();
        let device = cookies::script_mark(&self.facts.headers).or(client.device);
        Client { channel: Channel::Bearer, device, ..client }
    }

    /// The browser at the other end.
    pub(crate) fn client(&self) -> Client {
        let agent = self.facts.headers.get(http::header::USER_AGENT);
        Client {
            ip: self.facts.client_ip,
            user_agent: agent.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()),
            device: self.facts.device.clone().or_else(|| cookies::device_mark(&self.facts.headers)),
            host: self.facts.host.clone(),
            channel: Channel::Cookie,
        }
    }

    /// The live session of this request. `quiet`: looking does not extend it.
    pub(crate) async fn signed_in(&self, quiet: bool) -> Result<Option<SignedIn>, Stop> {
        let (token, by_cookie) = match cookies::session_token(&self.facts.headers) {
            Presented::Cookie(token) => (token, true),
            Presented::Bearer(token) => (token, false),
            Presented::None | Presented::Ambiguous => return Ok(None),
        };
        let channel = if by_cookie { Channel::Cookie } else { Channel::Bearer };
        let found = self.core.flows.session(&token, channel, &self.facts.host, quiet).await.map_err(Stop::Store)?;
        Ok(found.map(|session| SignedIn { token, session, by_cookie }))
    }

    /// Takes what a flow told: the events for the edge to record, the reply for the handler.
    pub(crate) fn heard<T>(&self, outcome: Outcome<T>) -> Result<T, Stop> {
        let (reply, events) = match outcome {
            Ok(told) => (Ok(told.reply), told.events),
            Err(Failed { cause, events }) => (Err(Stop::Store(cause)), events),
        };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
        reply
    }

    /// Ends the session that this browser had before the one just opened.
    pub(crate) async fn supersede(&self, opened: &Opened) -> Result<(), Stop> {
        match cookies::session_token(&self.facts.headers) {
            Presented::Cookie(old) => self.heard(self.core.flows.supersede(&old, opened, &self.client()).await),
            Presented::Bearer(_) | Presented::None | Presented::Ambiguous => Ok(()),
        }
    }

    /// The fields of the posted form.
    pub(crate) async fn form(&self) -> Result<Fields, Stop> {
        Ok(Fields::read(&self.facts.headers, self.body.clone()).await?)
    }

    /// Where this person is going.
    pub(crate) fn goal(&self) -> Goal {
        Goal::read(&self.query, self.core.tolerances(&self.facts.host))
    }

    /// The destination as people read it: host and path, a long path without its middle.
    pub(crate) fn place(&self, goal: &Goal) -> String {
        if !goal.given {
            return format!("your account on {}", self.facts.authority);
        }
        let path = goal.landing().target().split('?').next().unwrap_or("/");
        format!("{}{}", self.facts.authority, words::path(path))
    }

    /// The frame of a page.
    pub(crate) fn shell(&self) -> Shell {
        self.core.skin.shell(&self.facts.request_id)
    }
}

/// A page.
pub(crate) fn page(status: StatusCode, kind: &'static str, page: &impl Template) -> Answered {
    // Rendering writes into a string and has nothing to fail on; should it fail, no half page goes out.
    let Ok(text) = page.render() else {
        let mut answer = Response::new(Bytes::from_static(b"The page could not be made."));
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return answer;
    };
    let mut answer = Response::new(Bytes::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    answer.extensions_mut().insert(Kind(kind));
    answer
}

/// 303 See Other: the browser goes on with GET and keeps the fragment (RFC 9110 §10.2.2).
pub(crate) fn see_other(to: &str, kind: &'static str) -> Answered {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(LOCATION, location);
    answer.extensions_mut().insert(Kind(kind));
    answer
}

/// Adds a cookie.
pub(crate) fn with_cookie(mut answer: Answered, cookie: Option<HeaderValue>) -> Answered {
    if let Some(cookie) = cookie {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

/// Adds the cookies of a session just opened or risen.
pub(crate) fn with_session(core: &Core, mut answer: Answered, opened: &Opened) -> Answered {
    answer = with_cookie(answer, cookies::keep_session(&opened.token));
    answer = with_cookie(answer, cookies::forget_ceremony());
    let device = opened.device.as_ref().and_then(|d| cookies::keep_device(d, core.flows.settings.device_ttl));
    with_cookie(answer, device)
}
