//! Connections to a server, by TLS or none, on which HTTP/1.1 is spoken.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use pingora_core::connectors::{ConnectorOptions, TransportConnector};
use pingora_core::protocols::{ALPN, Digest, Stream, UniqueIDType};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::Result;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::socket::{Socket, is_quiet};

/// Connects by TLS, as Pingora does for its own way. It keeps nothing.
static BY_TLS: LazyLock<TransportConnector> = LazyLock::new(|| TransportConnector::new(Some(ConnectorOptions::new(0))));

/// What a connection is made of.
#[derive(Debug)]
pub(super) enum Transport {
    Plain(TcpStream),
    /// With the socket below.
    Tls(Stream, Arc<Socket>),
}

impl Transport {
    /// Connects by TLS; `None` if the server chose another protocol.
    ///
    /// # Errors
    /// The server cannot be reached, or not be trusted.
    pub(super) async fn by_tls(peer: &HttpPeer) -> Result<Option<Self>> {
        Ok(Self::of_http1(BY_TLS.new_stream(peer).await?))
    }

    fn of_http1(stream: Stream) -> Option<Self> {
        if stream.selected_alpn_proto().is_some_and(|chosen| chosen != ALPN::H1) {
            return None;
        }
        let digest = Digest { proxy_digest: stream.get_proxy_digest(), ..Digest::default() };
        let socket = Socket::of(Some(&digest))?.clone();
        Some(Self::Tls(stream, socket))
    }

    /// Whether it is open and nothing came that nobody asked for. The socket itself is asked: tokio only knows what it
    /// was told when it last slept, and words that came since would be taken for the next answer.
    pub(super) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Plain(stream) => is_quiet(&SockRef::from(&*stream)),
            Self::Tls(stream, socket) => {
                // What came may be deciphered already.
                let mut read = Pin::new(stream);
                let nothing = |read: Poll<io::Result<()>>| read.is_pending();
                let mut byte = [0];
                socket.is_quiet()
                    && nothing(
                        read.as_mut().poll_read(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte)),
                    )
            }
        }
    }

    pub(super) fn id(&self) -> UniqueIDType {
        match self {
            Self::Plain(stream) => stream.as_raw_fd(),
            Self::Tls(stream, _) => stream.id(),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream, _) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream, _) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream, _) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream, _) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
