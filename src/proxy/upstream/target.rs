//! One address of one server of an app: the connections to it, and which of them a request may take.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pingora_core::protocols::ALPN;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::Result;
use tokio::time::Instant;

use super::connect::Transport;
use super::connector::SocketConnector;
use super::pooled_connection::{IdleConnections, PooledConnection};
use super::private_connections::{Reuse, unique};
use super::socket::connect;
use crate::proxy::settings::UpstreamSettings;

/// One address of one server.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(super) server: usize,
    /// Cloned for each request: no strings are made then (an SNI apart).
    pub(super) usual: HttpPeer,
    /// How long it may be silent where that is no fault.
    pub(super) tunnel_idle: Duration,
    pub(super) healthy: AtomicBool,
    /// Connections of the short way.
    pub(super) kept: IdleConnections,
}

impl Target {
    /// A connection to this server that was used before, and carried nobody else's requests.
    pub(crate) fn kept_connection(
        &self,
        settings: &UpstreamSettings,
        now: Instant,
        sharer: u64,
    ) -> Option<Box<PooledConnection>> {
        self.kept.take(now, settings.idle_timeout, sharer)
    }

    /// A connection that nobody has used; `None`: the server speaks HTTP/2. `alpn` is offered over TLS.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub(crate) async fn new_connection(
        &self,
        settings: &UpstreamSettings,
        alpn: ALPN,
    ) -> Result<Option<Box<PooledConnection>>> {
        if !self.usual.is_tls() {
            let stream = Box::pin(connect(self.address, settings.connect_timeout)).await?;
            return Ok(Some(Box::new(PooledConnection::new(Transport::Plain(stream), settings))));
        }
        let mut peer = self.usual.clone();
        peer.options.alpn = alpn;
        let stream = Box::pin(Transport::by_tls(&peer)).await?;
        Ok(stream.map(|stream| Box::new(PooledConnection::new(stream, settings))))
    }

    /// Keeps a connection for the next request of the same.
    pub(crate) fn keep(&self, connection: Box<PooledConnection>, now: Instant, sharer: u64) {
        self.kept.put(connection, now, sharer);
    }

    /// Makes Pingora find only connections that the request may take. `http2_only`: the server was found to speak
    /// nothing else.
    pub(crate) fn restrict(
        &self,
        peer: &mut HttpPeer,
        (reuse, sharer): (&Reuse, u64),
        connect_timeout: Duration,
        http2_only: bool,
    ) {
        match reuse {
            // Where HTTP/2 may be spoken it is shared by all; what is found then is looked at once more.
            Reuse::Shared if peer.options.alpn == ALPN::H1 => {
                peer.group_key = mixed(peer.group_key, sharer);
            }
            Reuse::Shared => {}
            Reuse::Never => {
                peer.group_key = mixed(peer.group_key, unique());
                peer.options.idle_timeout = Some(Duration::ZERO);
            }
            Reuse::PrivateConnection(private) => {
                peer.group_key = mixed(peer.group_key, private.key());
                if peer.options.alpn == ALPN::H2H1 && !http2_only {
                    peer.options.alpn = ALPN::H1; // NTLM is not spoken over HTTP/2
                }
                peer.options.custom_l4 =
                    Some(Arc::new(SocketConnector { connect_timeout, private: Some(private.clone()) }));
            }
        }
    }
}

/// A group that only requests with the same `key` find.
fn mixed(group_key: u64, key: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (group_key, key).hash(&mut hasher);
    hasher.finish()
}
