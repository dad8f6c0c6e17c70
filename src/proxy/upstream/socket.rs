//! What we know of a connection to a server that Pingora keeps, and how such a connection is made.

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::connectors::L4Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{ALPN, Digest, GetProxyDigest};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::ErrorType::{ConnectError, ConnectTimedout, InternalError};
use pingora_error::{Error, OrErr, Result};
use pingora_http::ResponseHeader;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::private_connections::{PrivateConnection, Reuse, unique};

/// Of a connection that serves nobody any more.
const NOBODY: u64 = u64::MAX;

/// A connection, by a handle of our own: Pingora shows no more of it than a number.
#[derive(Debug)]
pub(crate) struct Socket {
    handle: socket2::Socket,
    /// The key of the [`PrivateConnection`] that it belongs to; 0: everybody.
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
    /// The connection that a request got; `None` for WebSockets.
    pub(crate) fn of(digest: Option<&Digest>) -> Option<&Arc<Self>> {
        digest?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
    }

    /// Whether it is open and nothing came that nobody asked for. The kernel is asked; see
    /// [`PooledConnection`](super::pooled_connection::Line).
    pub(crate) fn is_quiet(&self) -> bool {
        is_quiet(&SockRef::from(&self.handle))
    }

    /// Whose it is: 0, everybody's; else the key of a [`PrivateConnection`].
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

/// Connects so that the connection carries its [`Socket`].
#[derive(Debug)]
pub(super) struct SocketConnector {
    /// For the connection.
    pub(super) connect_timeout: Duration,
    /// Whose connection it will be, if not everybody's.
    pub(super) private: Option<Arc<PrivateConnection>>,
}

#[async_trait]
impl L4Connect for SocketConnector {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let SocketAddr::Inet(address) = address else {
            return Error::e_explain(InternalError, "servers have addresses");
        };
        let handed = self.private.as_ref().and_then(|private| private.handed_over(*address));
        let (stream, used) = match handed.filter(|stream| is_quiet(&SockRef::from(stream))) {
            Some(stream) => (stream, true),
            None => (connect(*address, self.connect_timeout).await?, false),
        };
        with_handle(stream, used)
    }
}

fn with_handle(stream: TcpStream, used: bool) -> Result<Stream> {
    let handle = SockRef::from(&stream).try_clone().or_err(ConnectError, "no handle for the connection")?;
    let socket = Socket {
        handle,
        owner: AtomicU64::new(0),
        sharer: AtomicU64::new(0),
        used,
        signed_in: AtomicBool::new(false),
        http1: AtomicBool::new(used),
    };
    let response = Box::new(ResponseHeader::build(200, Some(0))?);
    let mut stream = Stream::from(stream);
    stream.set_proxy_digest(ProxyDigest::new(response, Some(Box::new(Arc::new(socket)))));
    Ok(stream)
}

impl super::pool::Target {
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
                peer.group_key = super::peer::mixed(peer.group_key, sharer);
            }
            Reuse::Shared => {}
            Reuse::Never => {
                peer.group_key = super::peer::mixed(peer.group_key, unique());
                peer.options.idle_timeout = Some(Duration::ZERO);
            }
            Reuse::PrivateConnection(private) => {
                peer.group_key = super::peer::mixed(peer.group_key, private.key());
                if peer.options.alpn == ALPN::H2H1 && !http2_only {
                    peer.options.alpn = ALPN::H1; // NTLM is not spoken over HTTP/2
                }
                peer.options.custom_l4 =
                    Some(Arc::new(SocketConnector { connect_timeout, private: Some(private.clone()) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn connected(listener: &TcpListener, private: Option<Arc<PrivateConnection>>) -> (Stream, TcpStream) {
        let address = SocketAddr::Inet(listener.local_addr().unwrap());
        let stream = SocketConnector { connect_timeout: PATIENCE, private }.connect(&address).await.unwrap();
        (stream, listener.accept().await.unwrap().0)
    }

    fn socket(stream: &Stream) -> Arc<Socket> {
        let digest = Digest { proxy_digest: stream.get_proxy_digest(), ..Digest::default() };
        Socket::of(Some(&digest)).unwrap().clone()
    }

    #[tokio::test]
    async fn what_came_a_moment_ago_is_seen() {
        use std::io::Write;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for says in ["x", ""] {
            let (stream, app) = connected(&listener, None).await;
            let socket = socket(&stream);
            assert!(socket.is_quiet());
            // No turn of the runtime from here on.
            let mut app = app.into_std().unwrap();
            app.write_all(says.as_bytes()).unwrap();
            if says.is_empty() {
                drop(app);
            }
            assert!(!socket.is_quiet(), "{says:?}");
        }
    }

    #[tokio::test]
    async fn private_connections_end_with_their_owner() {
        use tokio::io::AsyncReadExt;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let private_connections = crate::proxy::upstream::private_connections::PrivateConnections::default();
        let private = private_connections.find_or_add("app.test", None);
        let (stream, mut app) = connected(&listener, Some(private.clone())).await;
        private.adopt(&socket(&stream));
        assert_eq!(socket(&stream).owner(), private.key());
        drop((private, private_connections));
        assert_eq!(app.read(&mut [0]).await.unwrap(), 0, "although Pingora keeps it");
        drop(stream);
    }
}
