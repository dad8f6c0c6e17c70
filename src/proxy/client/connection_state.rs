//! What is known of a connection, shared by the connection itself and by the requests on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pingora_core::protocols::Digest;

use super::handover::Handover;
use super::limits::StreamLimits;
use crate::proxy::request::client_address::Peer;
use crate::proxy::upstream::private_connections::PrivateConnections;

/// What is known of a connection, for every request on it.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    pub(crate) peer: Peer,
    /// Room for requests over HTTP/2.
    pub(crate) streams: Option<StreamLimits>,
    /// Connections to apps that serve this one alone.
    pub(crate) private_connections: PrivateConnections,
    /// Even: a request head is expected. Odd: it is complete.
    pub(crate) round: AtomicU32,
    /// The body of the request at hand is out of the grammar.
    pub(crate) malformed: AtomicBool,
    /// It comes more slowly than bodies may.
    pub(crate) slow: AtomicBool,
    /// The answer to the request at hand has begun.
    answering: AtomicBool,
    /// The connection itself, once it leaves HTTP.
    pub(crate) handover: Handover,
}

impl ConnectionState {
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            streams: None,
            private_connections: PrivateConnections::default(),
            round: AtomicU32::new(0),
            malformed: AtomicBool::new(false),
            slow: AtomicBool::new(false),
            answering: AtomicBool::new(false),
            handover: Handover::default(),
        }
    }

    /// With room for requests over HTTP/2; without, there is none.
    pub(crate) fn with_stream_limits(self, streams: StreamLimits) -> Self {
        Self { streams: Some(streams), ..self }
    }

    /// The link of a session; `None` only for sessions that did not come through our own accept loop.
    pub(crate) fn of(digest: Option<&Digest>) -> Option<&Arc<Self>> {
        digest?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
    }

    /// The head of a request is complete; what is read now is its body.
    pub(crate) fn head_complete(&self) {
        self.round.fetch_or(1, Ordering::Relaxed);
    }

    /// Whether the body of the request at hand turned out to be malformed.
    pub(crate) fn is_malformed(&self) -> bool {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Whether it came too slowly.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// The answer begins: from here on both sides may talk at their own pace.
    pub(crate) fn answer_begins(&self) {
        self.answering.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed)
    }

    /// Another request begins; what was noted of the last one counts no more.
    pub(crate) fn start_over(&self) {
        for note in [&self.malformed, &self.slow, &self.answering] {
            note.store(false, Ordering::Relaxed);
        }
    }

    /// The request is over; what is read now is the next head.
    pub(crate) fn expect_head(&self) {
        let round = self.round.load(Ordering::Relaxed);
        self.round.store((round | 1).wrapping_add(1), Ordering::Relaxed);
    }
}
