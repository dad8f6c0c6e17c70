//! A connection of a client as Pingora drives it: buffered, counted, and cut when its request head comes too
//! slowly or grows too large.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::protocols::l4::socket::SocketAddr as PeerAddr;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::{SslDigest, TlsRef};
use pingora_core::protocols::{
    ALPN, Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use pingora_http::ResponseHeader;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::limits::Slot;

/// Read buffer below TLS and below the parser.
const READ_BUFFER: usize = 16 * 1024;
/// Write buffer: about one segment, so that a head and a short body leave together.
const WRITE_BUFFER: usize = 1460;

/// Through which door a connection came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// TLS, with the name the client asked for (lower case), if it asked for one.
    Https {
        /// SNI.
        sni: Option<String>,
    },
    /// Plain HTTP that only redirects.
    Redirect,
    /// Plain HTTP that serves.
    Plain,
}

/// What is known of a connection, for every request on it.
#[derive(Debug)]
pub(crate) struct Link {
    /// The address at the other end, v4-mapped addresses as v4.
    pub(crate) peer: SocketAddr,
    /// Through which door it came.
    pub(crate) door: Door,
    /// Even: a request head is expected. Odd: it is complete.
    round: AtomicU32,
}

impl Link {
    pub(crate) fn new(peer: SocketAddr, door: Door) -> Self {
        Self { peer: SocketAddr::new(peer.ip().to_canonical(), peer.port()), door, round: AtomicU32::new(0) }
    }

    /// The link of a session; `None` only for sessions that did not come through our own accept loop.
    pub(crate) fn of(digest: Option<&Digest>) -> Option<&Arc<Self>> {
        digest?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
    }

    /// The head of a request is complete; what is read now is its body.
    pub(crate) fn head_complete(&self) {
        self.round.fetch_or(1, Ordering::Relaxed);
    }

    /// The request is over; what is read now is the next head.
    pub(crate) fn expect_head(&self) {
        let round = self.round.load(Ordering::Relaxed);
        self.round.store((round | 1).wrapping_add(1), Ordering::Relaxed);
    }
}

/// How a head is limited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    /// For the whole head, from its first byte; on a new connection from the start.
    pub(crate) time: Duration,
    /// Bytes.
    pub(crate) bytes: usize,
}

/// The socket, buffered.
pub(crate) struct Wire {
    io: BufStream<TcpStream>,
    id: UniqueIDType,
    socket: Arc<SocketDigest>,
}

impl Wire {
    pub(crate) fn new(io: TcpStream, peer: SocketAddr) -> Self {
        let id = io.as_raw_fd();
        let socket = SocketDigest::from_raw_fd(id);
        let _ = socket.peer_addr.set(Some(PeerAddr::Inet(peer)));
        Self { io: BufStream::with_capacity(READ_BUFFER, WRITE_BUFFER, io), id, socket: Arc::new(socket) }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Forwards the writing half of a stream to a field.
macro_rules! forward_write {
    ($type:ty, $field:ident) => {
        impl AsyncWrite for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.get_mut().$field).poll_write(cx, buf)
            }
            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.get_mut().$field).poll_flush(cx)
            }
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.get_mut().$field).poll_shutdown(cx)
            }
            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.get_mut().$field).poll_write_vectored(cx, bufs)
            }
            fn is_write_vectored(&self) -> bool {
                self.$field.is_write_vectored()
            }
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

forward_write!(Wire, io);

#[async_trait]
impl Shutdown for Wire {
    async fn shutdown(&mut self) {
        // The other end may be gone already; nothing is left to be done then.
        let _ = self.io.shutdown().await;
    }
}

impl UniqueID for Wire {
    fn id(&self) -> UniqueIDType {
        self.id
    }
}

impl Ssl for Wire {}
impl Peek for Wire {}

impl GetTimingDigest for Wire {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Wire {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Wire {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(self.socket.clone())
    }
}

/// A connection with its meter and its place among the connections.
pub(crate) struct Conn {
    io: Stream,
    link: Arc<Link>,
    /// Carries the [`Link`] to the sessions on this connection: the one slot Pingora passes on for H1 and H2.
    digest: Arc<ProxyDigest>,
    /// `None`: HTTP/2, whose heads are bounded by its own settings.
    head: Option<HeadLimits>,
    round: u32,
    bytes: usize,
    deadline: Option<Pin<Box<Sleep>>>,
    /// What is still to be said before the connection is closed.
    cut: &'static [u8],
    _slot: Slot,
}

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

impl Conn {
    /// Wraps a stream whose handshakes are done.
    ///
    /// # Errors
    /// Pingora refuses to build an empty digest (it does not, in the version at hand).
    pub(crate) fn new(io: Stream, link: Arc<Link>, head: HeadLimits, slot: Slot) -> pingora_error::Result<Self> {
        let response = Box::new(ResponseHeader::build(200, Some(0))?);
        let digest = Arc::new(ProxyDigest::new(response, Some(Box::new(link.clone()))));
        let head = (io.selected_alpn_proto() != Some(ALPN::H2)).then_some(head);
        let deadline = head.map(|h| Box::pin(tokio::time::sleep(h.time)));
        Ok(Self { io, link, digest, head, round: 0, bytes: 0, deadline, cut: &[], _slot: slot })
    }

    fn poll_head(&mut self, limits: HeadLimits, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.bytes > limits.bytes {
            self.cut = TOO_LARGE;
            return Poll::Ready(Err(io::Error::other("request head too large")));
        }
        if self.deadline.as_mut().is_some_and(|d| d.as_mut().poll(cx).is_ready()) {
            self.cut = if self.bytes > 0 { TOO_SLOW } else { &[] };
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "request head too slow")));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        self.bytes += buf.filled().len() - before;
        if self.bytes > 0 && self.deadline.is_none() {
            self.deadline = Some(Box::pin(tokio::time::sleep(limits.time)));
        }
        polled
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("link", &self.link).finish_non_exhaustive()
    }
}

impl AsyncRead for Conn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let Some(limits) = me.head else { return Pin::new(&mut me.io).poll_read(cx, buf) };
        let round = me.link.round.load(Ordering::Relaxed);
        if round != me.round {
            (me.round, me.bytes, me.deadline) = (round, 0, None);
        }
        if round.is_multiple_of(2) { me.poll_head(limits, cx, buf) } else { Pin::new(&mut me.io).poll_read(cx, buf) }
    }
}

impl AsyncWrite for Conn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        // Best effort: the client is told why it is cut, if it still listens.
        while !me.cut.is_empty() {
            match Pin::new(&mut me.io).poll_write(cx, me.cut) {
                Poll::Ready(Ok(written)) if written > 0 => me.cut = me.cut.get(written..).unwrap_or_default(),
                Poll::Ready(_) => me.cut = &[],
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(&mut me.io).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for Conn {
    async fn shutdown(&mut self) {
        // The other end may be gone already; nothing is left to be done then.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Conn {
    fn id(&self) -> UniqueIDType {
        self.io.id()
    }
}

impl Ssl for Conn {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.io.get_ssl()
    }
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.io.get_ssl_digest()
    }
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.io.selected_alpn_proto()
    }
}

impl Peek for Conn {}

impl GetTimingDigest for Conn {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Conn {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(self.digest.clone())
    }
}

impl GetSocketDigest for Conn {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.io.get_socket_digest()
    }
}
