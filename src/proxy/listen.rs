//! Listening: bind first, all or nothing, with errors that name the address; then accept.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::{Ssl, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::conn::{Conn, HeadLimits};
use super::limits::{Slots, Taken, Told};
use super::link::{Door, Link};
use super::live::Live;
use super::metrics::Metrics;
use super::patience::Pace;
use super::record;
use super::settings::{ClientLimits, Listen};
use super::turned_away::TurnAway;
use super::wire::Wire;
use crate::auth::network::Networks;

/// Binds listeners.
pub struct Listeners;

/// Bound listeners, not yet accepting. Port 0 has become a real port.
#[derive(Debug, Default)]
pub struct Bound {
    pub(crate) https: Vec<TcpListener>,
    pub(crate) http: Vec<TcpListener>,
    pub(crate) plain: Vec<TcpListener>,
    pub(crate) admin: Option<TcpListener>,
}

impl Listeners {
    /// Binds every address, or none.
    ///
    /// # Errors
    /// The first address that cannot be bound; the text names it.
    pub async fn bind(listen: &Listen) -> io::Result<Bound> {
        let mut bound = Bound::default();
        for (addresses, list) in
            [(&listen.https, &mut bound.https), (&listen.http, &mut bound.http), (&listen.plain, &mut bound.plain)]
        {
            for address in addresses {
                list.push(bind_one(*address).await?);
            }
        }
        if let Some(address) = listen.admin {
            bound.admin = Some(bind_one(address).await?);
        }
        Ok(bound)
    }
}

async fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| io::Error::new(cause.kind(), format!("cannot listen on {address}: {cause}")))
}

impl Bound {
    /// The addresses, as bound.
    ///
    /// # Errors
    /// The system does not tell them.
    pub fn addresses(&self) -> io::Result<Listen> {
        let all = |list: &[TcpListener]| list.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>();
        Ok(Listen {
            https: all(&self.https)?,
            http: all(&self.http)?,
            plain: all(&self.plain)?,
            admin: self.admin.as_ref().map(TcpListener::local_addr).transpose()?,
        })
    }
}

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
    /// Requests that last.
    pub(crate) live: Arc<Live>,
    /// Each connection holds a clone; when all are dropped, all connections are over.
    pub(crate) alive: mpsc::Sender<()>,
}

/// Accepts until the shutdown.
pub(crate) async fn accept(listener: TcpListener, kind: Kind, hall: Arc<Hall>) {
    let mut shutdown = hall.shutdown.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = shutdown.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((socket, peer)) => {
                let ip = peer.ip().to_canonical();
                let slot = match hall.slots.take(ip, hall.trusted.contains(ip)) {
                    Ok(slot) => slot,
                    Err(taken) => {
                        refuse(&hall, ip, taken);
                        continue;
                    }
                };
                let (hall, kind) = (hall.clone(), kind.clone());
                tokio::spawn(async move {
                    let alive = hall.alive.clone();
                    receive(socket, peer, kind, slot, &hall).await;
                    drop(alive);
                });
            }
            Err(cause) => {
                // Out of descriptors, or a client gone before it was accepted.
                tracing::warn!(target: "proxy", %cause, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Counts a connection for which there is no place, and tells of it, though not of each in a flood.
fn refuse(hall: &Hall, client_ip: IpAddr, taken: Taken) {
    let limit = taken.limit();
    hall.metrics.connections_refused.with_label_values(&[limit]).inc();
    if let Some(count) = hall.told.refused(record::now()) {
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
