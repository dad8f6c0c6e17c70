//! Accepting connections, and handing each to what drives it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::{Ssl, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::connection_state::ConnectionState;
use super::data_rate::MinDataRate;
use super::limits::{ConnectionLimits, ConnectionPermit, LimitReached, LogSampler};
use super::listener_close;
use super::protocol_error::ProtocolErrors;
use super::socket::BufferedSocket;
use super::stream::{ClientStream, HeadLimits};
use crate::proxy::cancellation::Cancellation;
use crate::proxy::clock;
use crate::proxy::live::registry::LiveRequests;
use crate::proxy::observe::metrics::Metrics;
use crate::proxy::request::client_address::{AcceptedOn, Peer};
use crate::proxy::settings::ClientLimits;
use crate::proxy::snapshot::ActiveSnapshot;

/// The last part of the overlap: no handshake begins, and those under way come to their end.
const HANDSHAKES: Duration = Duration::from_millis(100);

/// What a door does with a new connection.
#[derive(Clone)]
pub(crate) enum ListenerKind {
    Https(Arc<Acceptor>),
    Redirect,
    Plain,
}

/// What drives an accepted connection until it ends.
#[async_trait::async_trait]
pub(crate) trait ServeConnection: Send + Sync + 'static {
    async fn serve(&self, stream: Stream, limits: &ClientLimits, shutdown: &watch::Receiver<bool>);
}

/// What new connections are accepted by.
pub(crate) enum AcceptSettings {
    /// The same always, and nobody is trusted.
    Fixed(ClientLimits),
    /// What the configuration says by then.
    Active(Arc<ActiveSnapshot>),
}

impl AcceptSettings {
    /// The limits, and whether the peer is a proxy that speaks for many clients.
    fn at(&self, peer: IpAddr) -> (ClientLimits, bool) {
        match self {
            Self::Fixed(limits) => (*limits, false),
            Self::Active(active) => {
                let snapshot = active.load();
                (snapshot.limits, snapshot.trusted.contains(peer))
            }
        }
    }
}

/// What every accept loop needs.
pub(crate) struct AcceptContext {
    pub(crate) connections: Arc<ConnectionLimits>,
    pub(crate) settings: AcceptSettings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) refusals: LogSampler,
    pub(crate) app: Arc<dyn ServeConnection>,
    /// Answers what is no request; `None` leaves that to Pingora.
    pub(crate) protocol_errors: Option<Arc<ProtocolErrors>>,
    pub(crate) shutdown: watch::Receiver<bool>,
    /// How long to go on accepting after that.
    pub(crate) overlap: Duration,
    /// Requests that last.
    pub(crate) live: Arc<LiveRequests>,
    /// Each connection holds a clone; when all are dropped, all connections are over.
    pub(crate) alive: mpsc::Sender<()>,
}

/// Accepts until the shutdown, and whoever began to connect before the end.
pub(crate) async fn accept(listener: TcpListener, kind: ListenerKind, context: Arc<AcceptContext>) {
    let mut shutdown = context.shutdown.clone();
    // A sender that is gone can never say stop; that is a stop too.
    accept_until(shutdown.wait_for(|stop| *stop), &listener, &kind, &context).await;
    let (overlap, handshakes) = (context.overlap, context.overlap.min(HANDSHAKES));
    if !overlap.is_zero()
        && let Err(cause) = listener_close::lead_to_successor(&listener)
    {
        tracing::debug!(target: "proxy", %cause, "a successor shares new connections with the one before it");
    }
    accept_until(tokio::time::sleep(overlap - handshakes), &listener, &kind, &context).await;
    if let Err(cause) = listener_close::begin_no_handshake(&listener) {
        tracing::debug!(target: "proxy", %cause, "connections may be lost in the moment in which a listener closes");
    }
    accept_until(tokio::time::sleep(handshakes), &listener, &kind, &context).await;
    // The system is asked, for the runtime knows only what it was told when it last slept.
    let Ok(listener) = listener.into_std() else { return };
    loop {
        match listener.accept() {
            // One that has gone says nothing of those behind it.
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionAborted => {}
            accepted => {
                if admit(accepted.and_then(watched), &kind, &context).is_err() {
                    return;
                }
            }
        }
    }
}

async fn accept_until<T>(
    end: impl Future<Output = T>,
    listener: &TcpListener,
    kind: &ListenerKind,
    context: &Arc<AcceptContext>,
) {
    let mut end = pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut end => return,
        };
        if let Err(cause) = admit(accepted, kind, context) {
            // Out of descriptors, or a client gone before it was accepted.
            tracing::warn!(target: "proxy", %cause, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A connection that was not accepted by the runtime, handed to it.
fn watched((socket, peer): (std::net::TcpStream, SocketAddr)) -> io::Result<(TcpStream, SocketAddr)> {
    socket.set_nonblocking(true)?;
    Ok((TcpStream::from_std(socket)?, peer))
}

/// Drives a connection, if there is place for it.
fn admit(
    accepted: io::Result<(TcpStream, SocketAddr)>,
    kind: &ListenerKind,
    context: &Arc<AcceptContext>,
) -> io::Result<()> {
    let (socket, peer) = accepted?;
    let ip = peer.ip().to_canonical();
    let (limits, trusted) = context.settings.at(ip);
    let permit = match context.connections.take(ip, trusted) {
        Ok(permit) => permit,
        Err(reached) => {
            refuse(context, ip, reached);
            return Ok(());
        }
    };
    let (context, kind) = (context.clone(), kind.clone());
    tokio::spawn(async move {
        let alive = context.alive.clone();
        handshake(socket, peer, kind, (permit, &limits), &context).await;
        drop(alive);
    });
    Ok(())
}

/// Counts a connection for which there is no place, and tells of it, though not of each in a flood.
fn refuse(context: &AcceptContext, client_ip: IpAddr, reached: LimitReached) {
    let limit = reached.limit();
    context.metrics.connections_refused.with_label_values(&[limit]).inc();
    if let Some(count) = context.refusals.sample(clock::now()) {
        tracing::info!(target: "proxy", %client_ip, limit, count, "connections refused: raise this limit if they are honest");
    }
}

async fn handshake(
    socket: TcpStream,
    peer: SocketAddr,
    kind: ListenerKind,
    (permit, limits): (ConnectionPermit, &ClientLimits),
    context: &AcceptContext,
) {
    // Without it small answers wait for the client's acknowledgement.
    let _ = socket.set_nodelay(true);
    let socket = BufferedSocket::new(socket, peer);
    let (io, accepted_on): (Stream, AcceptedOn) = match kind {
        ListenerKind::Plain => (Box::new(socket), AcceptedOn::Plain),
        ListenerKind::Redirect => (Box::new(socket), AcceptedOn::Redirect),
        ListenerKind::Https(acceptor) => {
            let shaken = tokio::time::timeout(limits.handshake_timeout, acceptor.tls_handshake(socket)).await;
            let Ok(Ok(tls)) = shaken else {
                tracing::debug!(target: "proxy", client = %peer.ip(), "TLS handshake failed or too slow");
                return;
            };
            let sni = tls.get_ssl().and_then(|t| t.server_name()).map(str::to_ascii_lowercase);
            (Box::new(tls), AcceptedOn::Https { sni })
        }
    };
    let head = HeadLimits {
        time: limits.header_timeout,
        bytes: limits.header_bytes,
        idle: limits.keepalive,
        data_rate: MinDataRate::of(limits),
    };
    let connection =
        Arc::new(ConnectionState::new(Peer::new(peer.ip(), accepted_on)).with_stream_limits(permit.streams()));
    let cancellation = Cancellation::new();
    match ClientStream::new(io, (connection, cancellation.clone()), head, context.protocol_errors.clone(), permit) {
        Ok(conn) => cancellation.run(&context.live, context.app.serve(Box::new(conn), limits, &context.shutdown)).await,
        Err(cause) => tracing::error!(target: "proxy", %cause, "cannot serve a connection"),
    }
}
