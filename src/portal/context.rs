//! What a handler works with: one request, what is known of it, and the ways to answer it.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{FromRequest, Query, Request};
use bytes::Bytes;
use http::{Response, StatusCode};

use super::answers::error_page;
use super::answers::problem::Problem;
use super::cookies::{self, SessionCredential};
use super::destination::{Destination, RequestedAction};
use super::error::PortalError;
use super::format;
use super::forms::{FormError, FormFields};
use super::handoff::{authority_of, let_forms_reach};
use super::messages::text;
use super::pages::Shell;
use super::reply::{Cause, Note, Reply};
use super::request_info::RequestInfo;
use super::seen::{self, SeenHead};
use super::state::PortalState;
use crate::auth::event::Event;
use crate::auth::session::{Channel, Session, SessionToken};
use crate::flow::destination::Guards;
use crate::flow::ports::StoreError;
use crate::flow::reply::{Client, Opened, Outcome, WithEvents};

/// Why a handler stops early.
pub(crate) enum HandlerError {
    /// A store could not answer: nothing is granted.
    Store(StoreError),
    /// The request cannot be served; told as a fault.
    Portal(PortalError),
    /// A problem of the API.
    Problem(Box<Problem>),
    /// The answer is known already.
    Reply(Box<Reply>),
}

impl From<FormError> for HandlerError {
    fn from(bad: FormError) -> Self {
        match bad {
            FormError::WrongType => Self::Portal(PortalError::UnsupportedMediaType),
            FormError::Broken => Self::Portal(PortalError::BadRequest),
        }
    }
}

/// One request under the reserved prefix.
pub(crate) struct Context {
    pub(crate) state: Arc<PortalState>,
    pub(crate) info: Arc<RequestInfo>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) path: String,
    pub(crate) body: Bytes,
    /// What happened in the flows of this request. Kept here, so that no early stop can lose it.
    events: Vec<Event>,
    destination: OnceLock<Destination>,
    guards: OnceLock<Guards>,
}

/// A live session and how its token came.
#[derive(Clone)]
pub(crate) struct CurrentSession {
    pub(crate) token: SessionToken,
    pub(crate) session: Arc<Session>,
    pub(crate) by_cookie: bool,
}

impl FromRequest<Arc<PortalState>> for Context {
    type Rejection = StatusCode;

    async fn from_request(request: Request, state: &Arc<PortalState>) -> Result<Self, StatusCode> {
        let info = request.extensions().get::<Arc<RequestInfo>>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).map(|q| q.0).unwrap_or_default();
        let path = request.uri().path().to_owned();
        let body = Bytes::from_request(request, state).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let (events, destination, guards) = (Vec::new(), OnceLock::new(), OnceLock::new());
        Ok(Self { state: state.clone(), info, query, path, body, events, destination, guards })
    }
}

impl From<StoreError> for HandlerError {
    fn from(cause: StoreError) -> Self {
        Self::Store(cause)
    }
}

impl From<PortalError> for HandlerError {
    fn from(error: PortalError) -> Self {
        Self::Portal(error)
    }
}

impl From<Problem> for HandlerError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Reply> for HandlerError {
    fn from(reply: Reply) -> Self {
        Self::Reply(Box::new(reply))
    }
}

/// What the router carries beside a response, from a handler to [`super::Portal::respond`].
#[derive(Clone)]
pub(crate) struct Annotations {
    pub(crate) events: Vec<Event>,
    pub(crate) cause: Option<Cause>,
    pub(crate) note: Option<Note>,
}

/// Runs a handler as the router calls it.
macro_rules! run {
    ($handler:path) => {
        |mut ctx: $crate::portal::context::Context| async move {
            let done = $handler(&mut ctx).await;
            ctx.reply(done)
        }
    };
}

pub(crate) use run;

impl Context {
    /// The response of a handler, or of its early stop. Whatever comes of it, the events ride along.
    pub(crate) fn reply(self, done: Result<Reply, HandlerError>) -> Response<Body> {
        let (state, info) = (&self.state, &self.info);
        let Reply { mut response, cause, note, .. } = match done {
            Ok(reply) => reply,
            Err(HandlerError::Reply(reply)) => *reply,
            Err(HandlerError::Portal(error)) => error_page::reply(state, info, error),
            Err(HandlerError::Problem(problem)) => problem.reply(info),
            Err(HandlerError::Store(cause)) => {
                error_page::reply(state, info, PortalError::Unavailable).caused_by(Cause::Store(cause))
            }
        };
        // Only a handoff that was read says which app it came from.
        if let Some(Destination { handoff: Some(opened), .. }) = self.destination.get() {
            let_forms_reach(&mut response, info, &opened.handoff);
        }
        response.extensions_mut().insert(Annotations { events: self.events, cause, note });
        response.map(Body::from)
    }

    /// The script at the other end: what it begins ends in a token, never in a cookie.
    pub(crate) fn script(&self) -> Client {
        let client = self.client();
        let device = cookies::script_mark(&self.info.headers).or(client.device);
        Client { channel: Channel::Bearer, device, ..client }
    }

    /// The browser at the other end.
    pub(crate) fn client(&self) -> Client {
        let agent = self.info.headers.get(http::header::USER_AGENT);
        let hints = seen::hints(&self.info.headers).map(|hint| hint.map(str::to_owned));
        Client {
            ip: self.info.client_ip,
            user_agent: agent.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()),
            hints,
            device: self.info.cookies.device.clone(),
            host: self.info.host.clone(),
            letter_origin: self.info.letter_origin.clone().unwrap_or_else(|| self.info.origin()),
            origin: self.info.origin(),
            channel: Channel::Cookie,
        }
    }

    /// The live session of this request. `quiet`: looking does not extend it.
    pub(crate) async fn current_session(&self, quiet: bool) -> Result<Option<CurrentSession>, HandlerError> {
        let (token, by_cookie) = match self.info.cookies.session.clone() {
            SessionCredential::Cookie(token) => (token, true),
            SessionCredential::Bearer(token) => (token, false),
            SessionCredential::None | SessionCredential::Ambiguous => return Ok(None),
        };
        let channel = if by_cookie { Channel::Cookie } else { Channel::Bearer };
        let found =
            self.state.flows.session(&token, channel, &self.info.host, quiet).await.map_err(HandlerError::Store)?;
        Ok(found.map(|session| CurrentSession { token, session, by_cookie }))
    }

    /// Keeps the events of a flow for the edge to record, and returns its value.
    pub(crate) fn record_events<T>(&mut self, outcome: Outcome<T>) -> Result<T, HandlerError> {
        let (reply, events) = match outcome {
            Ok(WithEvents { value, events }) => (Ok(value), events),
            Err(WithEvents { value, events }) => (Err(HandlerError::Store(value)), events),
        };
        self.events.extend(events);
        reply
    }

    /// Charges whoever shows a token of a letter or of a recovery, before anything is looked up by it.
    pub(crate) async fn charge_token(&mut self) -> Result<(), HandlerError> {
        let (state, client) = (self.state.clone(), self.client());
        match self.record_events(state.flows.charge_token(&client).await)? {
            None => Ok(()),
            Some(wait) => Err(HandlerError::Portal(PortalError::TooMany(wait))),
        }
    }

    /// Ends the session that this browser had before the one just opened.
    pub(crate) async fn supersede(&mut self, opened: &Opened) -> Result<(), HandlerError> {
        match &self.info.cookies.session {
            SessionCredential::Cookie(old) => {
                self.record_events(self.state.flows.supersede(old, opened, &self.client()).await)
            }
            SessionCredential::Bearer(_) | SessionCredential::None | SessionCredential::Ambiguous => Ok(()),
        }
    }

    /// The fields of the posted form.
    pub(crate) async fn form(&self) -> Result<FormFields, HandlerError> {
        Ok(FormFields::read(&self.info.headers, self.body.clone()).await?)
    }

    /// Where this person is going.
    pub(crate) fn destination(&self) -> Destination {
        self.destination.get_or_init(|| self.read_destination()).clone()
    }

    fn read_destination(&self) -> Destination {
        let (state, info) = (&self.state, &self.info);
        if !state.is_portal(&info.host) {
            return Destination::from_query(&self.query, state.destinations.tolerances(&info.host));
        }
        let handoff = state.handoff(info, &self.query);
        let host = handoff.as_ref().map_or(info.host.as_str(), |opened| opened.handoff.host.as_str());
        let tolerate = state.destinations.tolerances(host);
        Destination::at_portal(&self.query, handoff, tolerate)
    }

    /// Notes where this person is going, where the address does not say it.
    pub(crate) fn go_to(&mut self, destination: Destination) {
        (self.destination, self.guards) = (OnceLock::from(destination), OnceLock::new());
    }

    /// Notes that this person is going where a query of our pages leads.
    pub(crate) fn go_by(&mut self, query: &str) {
        let read = format!("/?{query}").parse().ok().and_then(|uri| Query::try_from_uri(&uri).ok());
        self.query = read.map(|query| query.0).unwrap_or_default();
        (self.destination, self.guards) = (OnceLock::new(), OnceLock::new());
    }

    /// What guards the place where this person is going. Judged once a request.
    pub(crate) fn guards(&self) -> &Guards {
        self.guards.get_or_init(|| {
            let destination = self.destination();
            // Whoever may sign in may sign out, wherever they were going.
            if destination.action == Some(RequestedAction::SignOut) {
                return Guards::none();
            }
            let (info, target) = (&self.info, destination.to.target());
            let host = destination.handoff.as_ref().map_or(&info.host, |opened| &opened.handoff.host);
            self.state.destinations.guards(host, &destination.method, target, info.client_ip)
        })
    }

    /// What guards it for this session, with what its risk asks.
    pub(crate) async fn guards_of(&self, session: &Session) -> Result<Guards, HandlerError> {
        let flows = &self.state.flows;
        let is_safe = matches!(self.destination().method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let risk = flows.enforced_risk(session, &SeenHead::of(&self.info), is_safe).await;
        Ok(self.guards().at_risk(&risk.map_err(HandlerError::Store)?, flows.ports.clock.now()))
    }

    /// The destination as people read it: host and path, a long path without its middle.
    pub(crate) fn place(&self, destination: &Destination) -> String {
        if !destination.given {
            return text!("destination-account", host = &self.info.authority);
        }
        let path = destination.landing().target().split('?').next().unwrap_or("/");
        let host = destination.handoff.as_ref().map_or(&self.info.host, |opened| &opened.handoff.host);
        format!("{}{}", authority_of(&self.info, host), format::path(path))
    }

    /// The frame of a page.
    pub(crate) fn shell(&self) -> Shell {
        self.state.theme.shell(&self.info.request_id)
    }
}
