//! The socket of a client, buffered.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora_core::protocols::l4::socket::SocketAddr as PeerAddr;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};
use tokio::net::TcpStream;

/// Read buffer below TLS and below the parser.
const READ_BUFFER: usize = 16 * 1024;
/// Write buffer: about one segment, so that a head and a short body leave together.
const WRITE_BUFFER: usize = 1460;

/// The socket, buffered. While nothing comes it holds no memory to read into.
pub(crate) struct BufferedSocket {
    io: BufWriter<TcpStream>,
    /// What was read and did not fit.
    read: BytesMut,
    id: UniqueIDType,
    socket: Arc<SocketDigest>,
}

impl BufferedSocket {
    pub(crate) fn new(io: TcpStream, peer: SocketAddr) -> Self {
        let id = io.as_raw_fd();
        let socket = SocketDigest::from_raw_fd(id);
        let _ = socket.peer_addr.set(Some(PeerAddr::Inet(peer)));
        let io = BufWriter::with_capacity(WRITE_BUFFER, io);
        Self { io, read: BytesMut::new(), id, socket: Arc::new(socket) }
    }
}

impl Drop for BufferedSocket {
    fn drop(&mut self) {
        let writer = &self.io;
        if !writer.buffer().is_empty() {
            // The reason why a TLS handshake failed is said, but not flushed, by those above us. Who does not take it at
            // once goes without.
            let _ = writer.get_ref().try_write(writer.buffer());
        }
    }
}

impl fmt::Debug for BufferedSocket {
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

impl AsyncRead for BufferedSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if me.read.is_empty() {
            if buf.remaining() >= READ_BUFFER {
                return Pin::new(&mut me.io).poll_read(cx, buf);
            }
            let mut scratch = [const { MaybeUninit::uninit() }; READ_BUFFER];
            let mut read = ReadBuf::uninit(&mut scratch);
            ready!(Pin::new(&mut me.io).poll_read(cx, &mut read))?;
            let (now, later) = read.filled().split_at(buf.remaining().min(read.filled().len()));
            buf.put_slice(now);
            me.read.extend_from_slice(later);
            return Poll::Ready(Ok(()));
        }
        let now = buf.remaining().min(me.read.len());
        buf.put_slice(me.read.get(..now).unwrap_or_default());
        me.read.advance(now);
        if me.read.is_empty() {
            me.read = BytesMut::new(); // gives the memory back
        }
        Poll::Ready(Ok(()))
    }
}

forward_write!(BufferedSocket, io);

#[async_trait]
impl Shutdown for BufferedSocket {
    async fn shutdown(&mut self) {
        // The other end may be gone already; nothing is left to be done then.
        let _ = self.io.shutdown().await;
    }
}

impl UniqueID for BufferedSocket {
    fn id(&self) -> UniqueIDType {
        self.id
    }
}

impl Ssl for BufferedSocket {}
impl Peek for BufferedSocket {}

impl GetTimingDigest for BufferedSocket {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for BufferedSocket {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for BufferedSocket {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(self.socket.clone())
    }
}
