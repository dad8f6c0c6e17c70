//! What we know of a connection to a server that Pingora keeps, and how such a connection is made.

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pingora_core::protocols::Digest;
use pingora_error::ErrorType::{ConnectError, ConnectTimedout};
use pingora_error::{OrErr, Result};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Of a connection that serves nobody any more.
const NOBODY: u64 = u64::MAX;

/// A connection, by a handle of our own: Pingora shows no more of it than a number.
#[derive(Debug)]
pub(crate) struct Socket {
    handle: socket2::Socket,
    /// The key of the [`PrivateConnection`](super::private_connections::PrivateConnection) that it belongs to; 0: everybody.
    owner: AtomicU64,
    /// [Whose requests](super::reuse::sharer) it carries.
    sharer: AtomicU64,
    /// It was used before Pingora got it.
    used: bool,
    /// Credentials were sent that sign it in.
    signed_in: AtomicBool,
    /// HTTP/1.1 is spoken on it.
    http1: AtomicBool,
}

impl Socket {
    pub(super) fn new(handle: socket2::Socket, used: bool) -> Self {
        Self {
            handle,
            owner: AtomicU64::new(0),
            sharer: AtomicU64::new(0),
            used,
            signed_in: AtomicBool::new(false),
            http1: AtomicBool::new(used),
        }
    }

    /// The connection that a request got; `None` for WebSockets.
    pub(crate) fn of(digest: Option<&Digest>) -> Option<&Arc<Self>> {
        digest?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
    }

    /// Whether it is open and nothing came that nobody asked for. The kernel is asked; see
    /// [`PooledConnection`](super::pooled_connection::PooledConnection).
    pub(crate) fn is_quiet(&self) -> bool {
        is_quiet(&SockRef::from(&self.handle))
    }

    /// Whose it is: 0, everybody's; else the key of a [`PrivateConnection`](super::private_connections::PrivateConnection).
    pub(crate) fn owner(&self) -> u64 {
        self.owner.load(Ordering::Relaxed)
    }

    /// Whose requests it carried.
    pub(crate) fn sharer(&self) -> u64 {
        self.sharer.load(Ordering::Relaxed)
    }

    pub(crate) fn carry(&self, sharer: u64) {
        self.sharer.store(sharer, Ordering::Relaxed);
    }

    pub(crate) fn belong_to(&self, key: u64) {
        self.owner.store(key, Ordering::Relaxed);
    }

    /// Nobody may use it again.
    pub(crate) fn retire(&self) {
        self.belong_to(NOBODY);
    }

    pub(crate) fn was_used(&self) -> bool {
        self.used
    }

    /// Whether what comes over it without credentials is somebody's nevertheless.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.signed_in.load(Ordering::Relaxed)
    }

    pub(crate) fn sign_in(&self) {
        self.signed_in.store(true, Ordering::Relaxed);
    }

    /// Whether requests share it at the same time, by HTTP/2.
    pub(crate) fn is_multiplexed(&self) -> bool {
        !self.http1.load(Ordering::Relaxed)
    }

    pub(crate) fn note_http1(&self) {
        self.http1.store(true, Ordering::Relaxed);
    }

    /// Closes it, wherever it is kept.
    pub(crate) fn close(&self) {
        // It may be closed already; nothing is left to be done then.
        let _ = self.handle.shutdown(Shutdown::Both);
    }
}

/// Whether a connection is open and nothing came.
pub(super) fn is_quiet(socket: &SockRef<'_>) -> bool {
    let read = socket.peek(&mut [MaybeUninit::uninit()]);
    read.is_err_and(|cause| cause.kind() == io::ErrorKind::WouldBlock)
}

/// Connects to a server within `connect_timeout`.
pub(super) async fn connect(address: std::net::SocketAddr, connect_timeout: Duration) -> Result<TcpStream> {
    let connected = timeout(connect_timeout, TcpStream::connect(address)).await;
    let stream = connected.or_err(ConnectTimedout, "the server did not accept in time")?;
    let stream = stream.or_err(ConnectError, "the server cannot be reached")?;
    stream.set_nodelay(true).or_err(ConnectError, "cannot set TCP_NODELAY")?;
    Ok(stream)
}
