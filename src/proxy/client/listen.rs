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

use super::connection_state::{Door, Link};
use super::data_rate::Pace;
use super::limits::{Slots, Taken, Told};
use super::protocol_error::TurnAway;
use super::socket::Wire;
use super::stream::{Conn, HeadLimits};
use crate::auth::network::Networks;
use crate::proxy::live::Live;
use crate::proxy::observe::access_log;
use crate::proxy::observe::metrics::Metrics;
use crate::proxy::settings::ClientLimits;

/// What a door does with a new connection.
#[derive(Clone)]
pub(crate) enum Kind {
    Https(Arc<Acceptor>),
    Redirect,
    Plain,
}

/// What drives an accepted connection until it ends.
#[async_trait::async_trait]
pub(crate) trait Drive: Send + Sync + 'static {
    async fn drive(&self, stream: Stream, shutdown: &watch::Receiver<bool>);
}

/// What every accept loop needs.
pub(crate) struct Hall {
    pub(crate) slots: Arc<Slots>,
    /// Proxies, each of which speaks for many clients.
    pub(crate) trusted: Networks,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) told: Told,
    pub(crate) limits: ClientLimits,
    pub(crate) app: Arc<dyn Drive>,
    /// Answers what is no request; `None` leaves that to Pingora.
    pub(crate) turn_away: Option<Arc<TurnAway>>,
    pub(crate) shutdown: watch::Receiver<bool>,
    /// How long to go on accepting after that.
    pub(crate) overlap: Duration,
    /// Requests that last.
    pub(crate) live: Arc<Live>,
    /// Each connection holds a clone; when all are dropped, all connections are over.
    pub(crate) alive: mpsc::Sender<()>,
}

/// Accepts until the shutdown.
pub(crate) async fn accept(listener: TcpListener, kind: Kind, hall: Arc<Hall>) {
    let mut shutdown = hall.shutdown.clone();
    let mut stopped = pin!(async {
        // A sender that is gone can never say stop; that is a stop too.
        let _ = shutdown.wait_for(|stop| *stop).await;
        tokio::time::sleep(hall.overlap).await;
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        if let Err(cause) = admit(accepted, &kind, &hall) {
            // Out of descriptors, or a client gone before it was accepted.
            tracing::warn!(target: "proxy", %cause, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    // Whoever was let in by the system meanwhile would be reset. The system is asked, for the runtime knows only what it
    // was told when it last slept.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok(()) = admit(listener.accept().and_then(watched), &kind, &hall) {}
}

/// A connection that was not accepted by the runtime, handed to it.
fn watched((socket, peer): (std::net::TcpStream, SocketAddr)) -> io::Result<(TcpStream, SocketAddr)> {
    socket.set_nonblocking(true)?;
    Ok((TcpStream::from_std(socket)?, peer))
}

/// Drives a connection, if there is place for it.
fn admit(accepted: io::Result<(TcpStream, SocketAddr)>, kind: &Kind, hall: &Arc<Hall>) -> io::Result<()> {
    let (socket, peer) = accepted?;
    let ip = peer.ip().to_canonical();
    let slot = match hall.slots.take(ip, hall.trusted.contains(ip)) {
        Ok(slot) => slot,
        Err(taken) => {
            refuse(hall, ip, taken);
            return Ok(());
        }
    };
    let (hall, kind) = (hall.clone(), kind.clone());
    tokio::spawn(async move {
        let alive = hall.alive.clone();
        receive(socket, peer, kind, slot, &hall).await;
        drop(alive);
    });
    Ok(())
}

/// Counts a connection for which there is no place, and tells of it, though not of each in a flood.
fn refuse(hall: &Hall, client_ip: IpAddr, taken: Taken) {
    let limit = taken.limit();
    hall.metrics.connections_refused.with_label_values(&[limit]).inc();
    if let Some(count) = hall.told.refused(access_log::now()) {
        tracing::info!(target: "proxy", %client_ip, limit, count, "connections refused: raise this limit if they are honest");
    }
}

async fn receive(socket: TcpStream, peer: SocketAddr, kind: Kind, slot: super::limits::Slot, hall: &Hall) {
    // Without it small answers wait for the client's acknowledgement.
    let _ = socket.set_nodelay(true);
    let wire = Wire::new(socket, peer);
    let (io, door): (Stream, Door) = match kind {
        Kind::Plain => (Box::new(wire), Door::Plain),
        Kind::Redirect => (Box::new(wire), Door::Redirect),
        Kind::Https(acceptor) => {
            let shaken = tokio::time::timeout(hall.limits.handshake_timeout, acceptor.tls_handshake(wire)).await;
            let Ok(Ok(tls)) = shaken else {
                tracing::debug!(target: "proxy", client = %peer.ip(), "TLS handshake failed or too slow");
                return;
            };
            let sni = tls.get_ssl().and_then(|t| t.server_name()).map(str::to_ascii_lowercase);
            (Box::new(tls), Door::Https { sni })
        }
    };
    let limits = &hall.limits;
    let head = HeadLimits {
        time: limits.header_timeout,
        bytes: limits.header_bytes,
        idle: limits.keepalive,
        pace: Pace::of(limits),
    };
    let link = Arc::new(Link::new(peer, door).with_room(slot.room()));
    let cancellation = hall.live.track();
    match Conn::new(io, (link, cancellation.clone()), head, hall.turn_away.clone(), slot) {
        Ok(conn) => cancellation.run(hall.app.drive(Box::new(conn), &hall.shutdown)).await,
        Err(cause) => tracing::error!(target: "proxy", %cause, "cannot serve a connection"),
    }
}
