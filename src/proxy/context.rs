//! What is known of one request, from its first hook to its last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::cancellation::Cancellation;
use super::client::connection_state::ConnectionState;
use super::form_delivery::FormDelivery;
use super::read_body::ReadBody;
use super::request::arrival::Arrival;
use super::request::head::reject;
use super::request::judge::{Judgement, Outcome};
use super::snapshot::Snapshot;
use super::upstream::private_connections::Reuse;
use super::upstream::socket::Socket;
use crate::portal::error::PortalError;

/// When things happened.
pub(crate) struct Timing {
    pub(crate) started: Instant,
    pub(crate) upstream_started: Option<Instant>,
    pub(crate) upstream_answered: Option<Instant>,
}

/// The way to the app, and what happened on it.
#[derive(Default)]
pub(crate) struct UpstreamState {
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
    /// What passed of a WebSocket, from the client and from the app, in bytes.
    pub(crate) relayed: (u64, u64),
    /// How long the app may be silent, where we watch over that ourselves.
    pub(crate) silence: Option<Duration>,
}

/// The state of one request: what came in and what was decided of it are values that [`dispatch`](super::dispatch) sets
/// once; what follows is noted by the hooks.
pub(crate) struct Ctx {
    /// What the request is judged and served by, to its end.
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) connection: Option<Arc<ConnectionState>>,
    /// Ends the request.
    pub(crate) cancellation: Option<Arc<Cancellation>>,
    pub(crate) arrival: Arrival,
    pub(crate) judgement: Judgement,
    pub(crate) outcome: Outcome,
    pub(crate) upstream: UpstreamState,
    /// The form that is sent in the place of the request's own body.
    pub(crate) form: Option<FormDelivery>,
    /// The body, where it was read before it was decided.
    pub(crate) read_body: Option<ReadBody>,
    pub(crate) timing: Timing,
}

impl Ctx {
    pub(crate) fn new(snapshot: Arc<Snapshot>, started: Instant) -> Self {
        let judgement = Judgement::rejected(reject(PortalError::Unavailable, "unanswered"));
        Self {
            snapshot,
            connection: None,
            cancellation: None,
            arrival: Arrival::new(String::new()),
            outcome: judgement.outcome(),
            judgement,
            upstream: UpstreamState::default(),
            form: None,
            read_body: None,
            timing: Timing { started, upstream_started: None, upstream_answered: None },
        }
    }

    /// The app is asked, or begins what it may be silent in: from here on it is waited for anew.
    pub(crate) fn expect_app(&self) {
        if let (Some(silence), Some(cancellation)) = (self.upstream.silence, &self.cancellation) {
            cancellation.expect_within(silence);
        }
    }

    /// The app spoke, or was spoken to.
    pub(crate) fn app_active(&self) {
        if let (Some(_), Some(cancellation)) = (self.upstream.silence, &self.cancellation) {
            cancellation.touch();
        }
    }

    /// Whether the body goes to the app as it is received.
    pub(crate) const fn sends_as_received(&self) -> bool {
        self.form.is_none() && self.read_body.is_none()
    }

    /// Whether something may have reached the app, on a connection to it, of what is sent once and never again.
    pub(crate) fn began_once(&self) -> bool {
        self.judgement.is_by_slip()
            || self.form.as_ref().is_some_and(FormDelivery::is_begun)
            || self.read_body.as_ref().is_some_and(ReadBody::is_begun)
    }

    /// Notes what became of the request.
    pub(crate) fn conclude(&mut self, decision: &'static str, reason: &'static str) {
        self.outcome = Outcome { decision, reason };
    }
}
