//! How a request travels to its server: over which protocol, and with how much patience.
//!
//! Over HTTP/2 Pingora counts `read_timeout` from the head of the request, whatever the body does meanwhile; over
//! HTTP/1.1 every piece of the body starts it again. It offers no hook to do that for HTTP/2, so a body goes over
//! HTTP/1.1 wherever the server may be spoken to so, and where it may not, it is given more time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderValue, Version, header};
use pingora_core::protocols::ALPN;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_http::RequestHeader;

use super::pool::Pool;
use super::target::Target;
use crate::proxy::request::head;

const EVENTS: &[u8] = b"text/event-stream";
/// Over HTTP/2, a body of at most this size is waited for as one piece is.
const SMALL: u64 = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportPolicy {
    /// As the server likes it, within `read_timeout`.
    Usual,
    /// With a body: by HTTP/1.1 if the server may be spoken to so (`http1`: as far as is known it may).
    Body { small: bool, http1: bool },
    /// Perhaps answered by an event stream, which may be silent for long: by HTTP/1.1, as a body.
    Events { http1: bool },
    /// By HTTP/2, where both sides may be silent for long.
    Stream,
}

impl TransportPolicy {
    /// What this request needs. `http2_only`: the server was found to speak nothing else.
    pub(crate) fn of(request: &RequestHeader, has_body: bool, http2_only: bool) -> Self {
        let content = request.headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
        if request.version == Version::HTTP_2 && content.starts_with(b"application/grpc") {
            return Self::Stream; // gRPC is spoken over HTTP/2 alone
        }
        // Pingora would answer an HTTP/1.0 client in chunks if the app was asked by HTTP/2.
        if has_body || request.version == Version::HTTP_10 {
            return Self::Body { small: !has_body || is_small(request), http1: !http2_only };
        }
        if may_be_events(request) {
            return Self::Events { http1: !http2_only };
        }
        Self::Usual
    }
}

/// Whether the answer may be an event stream.
fn may_be_events(request: &RequestHeader) -> bool {
    let accepted = request.headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes);
    accepted.into_iter().any(|list| list.windows(EVENTS.len()).any(|part| part.eq_ignore_ascii_case(EVENTS)))
}

fn is_small(request: &RequestHeader) -> bool {
    head::announced(&request.headers).is_some_and(|length| length <= SMALL)
}

impl Pool {
    /// What the short way offers by TLS for a request that travels so, if it may take it to whichever server comes next:
    /// each is spoken to by HTTP/1.1, by TLS or none. `kept`: a connection will do that was used before.
    pub(crate) fn short_way(&self, kept: bool, policy: impl FnOnce() -> TransportPolicy) -> Option<ALPN> {
        let mut by_tls = self.templates.iter().map(|template| template.server.tls);
        if self.settings.http2 {
            return None;
        }
        if !by_tls.clone().any(|tls| tls) {
            return Some(ALPN::H1);
        }
        match policy() {
            _ if !by_tls.all(|tls| tls) => None,
            TransportPolicy::Body { http1: true, .. } | TransportPolicy::Events { http1: true } => Some(ALPN::H1),
            TransportPolicy::Usual if kept && self.chose_http1.load(Ordering::Relaxed) => Some(ALPN::H2H1),
            _ => None,
        }
    }

    /// Notes what a server chose that was offered HTTP/1.1 and HTTP/2: it is expected to choose it again.
    pub(crate) fn note_choice(&self, chosen: Version) {
        self.chose_http1.store(chosen == Version::HTTP_11, Ordering::Relaxed);
    }
}

impl Target {
    /// The server, for a request that travels so. `piece`: how long a piece of a body may take.
    pub(crate) fn peer(&self, carriage: TransportPolicy, piece: Duration) -> HttpPeer {
        let mut peer = self.usual.clone();
        match carriage {
            TransportPolicy::Body { http1: true, .. } | TransportPolicy::Events { http1: true }
                if peer.options.alpn == ALPN::H2H1 =>
            {
                peer.options.alpn = ALPN::H1;
                // Not to be found by requests that could go by HTTP/2.
                peer.group_key = peer.group_key.wrapping_add(2);
            }
            TransportPolicy::Body { small: true, .. } if peer.options.alpn != ALPN::H1 => {
                peer.options.read_timeout = peer.options.read_timeout.map(|time| time.saturating_add(piece));
            }
            TransportPolicy::Body { small: false, .. } | TransportPolicy::Events { .. } | TransportPolicy::Stream
                if peer.options.alpn != ALPN::H1 =>
            {
                peer.options.read_timeout = Some(self.tunnel_idle);
            }
            _ => {}
        }
        peer
    }

    /// How long the server may be silent, where that is for us to watch over: over HTTP/1.1 only its answer tells
    /// whether it is an event stream, and Pingora asks before. To Pingora it is as long as a WebSocket may be idle.
    pub(crate) fn may_be_silent(&self, peer: &mut HttpPeer) -> Option<Duration> {
        if peer.options.alpn != ALPN::H1 {
            return None;
        }
        let silence = peer.options.read_timeout;
        peer.options.read_timeout = silence.max(Some(self.tunnel_idle));
        silence
    }
}
