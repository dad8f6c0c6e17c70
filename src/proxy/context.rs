//! What is known of one request, from its first hook to its last.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use super::cancellation::Cancellation;
use super::client::connection_state::ConnectionState;
use super::request::head::Authority;
use super::request::site::Site;
use super::snapshot::Snapshot;
use super::upstream::private_connections::Reuse;
use super::upstream::socket::Socket;
use crate::auth::proof::decision::Permit;
use crate::auth::resource::Resource;
use crate::auth::session::Session;
use crate::portal::cookies::SessionCredential;

/// Leave to go to the app. Only [`Permit`] opens it, with one exception that an operator may make: a CORS
/// preflight, which asks for leave itself and carries neither body nor credentials.
#[derive(Debug, Default)]
pub(crate) enum Pass {
    /// None: there is no upstream for this request.
    #[default]
    None,
    /// The decision permitted it.
    Permit(Permit),
    /// A CORS preflight, where a rule says `preflight: pass`.
    Preflight,
}

/// What became of a request, for the access event and the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// `permit`, `challenge`, `refuse`, `preflight`, `own`, `fault`.
    pub(crate) decision: &'static str,
    /// The exact reason, a stable word.
    pub(crate) reason: &'static str,
}

impl Default for Outcome {
    fn default() -> Self {
        Self { decision: "fault", reason: "unanswered" }
    }
}

/// The state of one request.
pub(crate) struct Ctx {
    /// What the request is judged and served by, to its end.
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) started: Instant,
    pub(crate) connection: Option<Arc<ConnectionState>>,
    /// Ends the request.
    pub(crate) cancellation: Option<Arc<Cancellation>>,
    /// What the client presented where somebody was to be known.
    pub(crate) presented: SessionCredential,
    pub(crate) request_id: String,
    pub(crate) client: Option<IpAddr>,
    /// `X-Forwarded-For` for the app.
    pub(crate) chain: HeaderValue,
    pub(crate) https: bool,
    /// The peer is a trusted proxy.
    pub(crate) through_proxy: bool,
    /// Nothing is served here; https is named instead.
    pub(crate) to_https: bool,
    pub(crate) site: Option<Arc<Site>>,
    pub(crate) resource: Option<Resource>,
    pub(crate) pass: Pass,
    pub(crate) outcome: Outcome,
    /// What the app would have to tolerate, if that is why the request was refused: words of the configuration.
    pub(crate) lacking: Vec<&'static str>,
    /// Who is signed in, where the request was challenged or refused; a permit knows it by itself.
    pub(crate) subject: Option<Arc<Session>>,
    /// The rule that decided.
    pub(crate) rule: Option<Arc<str>>,
    pub(crate) websocket: bool,
    /// By its form it may be a CORS preflight.
    pub(crate) preflight: bool,
    /// Body bytes of the request that were passed on.
    pub(crate) body: u64,
    /// The server was found to speak HTTP/2 only.
    pub(crate) http2_only: bool,
    /// The server may choose between HTTP/1.1 and HTTP/2.
    pub(crate) offers_both: bool,
    /// Which connections to the app it may take.
    pub(crate) reuse: Reuse,
    /// The one it got from Pingora.
    pub(crate) socket: Option<Arc<Socket>>,
    /// Nobody may use the connection at hand after this request.
    pub(crate) last_use: bool,
    /// Servers that could not be connected to.
    pub(crate) tried: Vec<SocketAddr>,
    /// Host and port as the client asked for them, be it us or a trusted proxy.
    pub(crate) authority: Option<Authority>,
    /// How long the app may be silent, where we watch over that ourselves.
    pub(crate) silence: Option<Duration>,
    pub(crate) upstream_started: Option<Instant>,
    pub(crate) upstream_answered: Option<Instant>,
}

impl Ctx {
    pub(crate) fn new(snapshot: Arc<Snapshot>, started: Instant) -> Self {
        Self {
            snapshot,
            started,
            connection: None,
            cancellation: None,
            presented: SessionCredential::None,
            request_id: String::new(),
            client: None,
            chain: HeaderValue::from_static(""),
            https: false,
            through_proxy: false,
            to_https: false,
            site: None,
            resource: None,
            pass: Pass::None,
            outcome: Outcome::default(),
            lacking: Vec::new(),
            subject: None,
            rule: None,
            websocket: false,
            preflight: false,
            body: 0,
            http2_only: false,
            offers_both: false,
            reuse: Reuse::default(),
            socket: None,
            last_use: false,
            tried: Vec::new(),
            authority: None,
            silence: None,
            upstream_started: None,
            upstream_answered: None,
        }
    }

    /// The app is asked, or begins what it may be silent in: from here on it is waited for anew.
    pub(crate) fn expect_app(&self) {
        if let (Some(silence), Some(cancellation)) = (self.silence, &self.cancellation) {
            cancellation.expect_within(silence);
        }
    }

    /// The app spoke, or was spoken to.
    pub(crate) fn app_active(&self) {
        if let (Some(_), Some(cancellation)) = (self.silence, &self.cancellation) {
            cancellation.touch();
        }
    }

    /// Notes what became of the request.
    pub(crate) fn conclude(&mut self, decision: &'static str, reason: &'static str) {
        self.outcome = Outcome { decision, reason };
    }
}
