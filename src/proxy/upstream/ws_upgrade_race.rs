//! The connection to an app that a WebSocket is opened over: it lets the request go out whole before it hears the
//! answer.
//!
//! Pingora queues the end of a request's (empty) body beside reading the answer, and takes whichever it sees first. An
//! app that says 101 at once, on a busy machine, is heard before that end, which then passes for the end of the tunnel
//! (pingora#946). So after each write a few looks at the answer find nothing: each lets everything else that is
//! ready go first, and by the second look the queued end is. It is counted in looks, not in time, so no load undoes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::connectors::L4Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora_error::ErrorType::InternalError;
use pingora_error::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Looks at the answer that find nothing after a write. Two are enough; a few more cost next to nothing.
const LOOKS: u8 = 4;

/// Connects so.
#[derive(Debug)]
pub(super) struct DelayedReadConnector {
    pub(super) connect_timeout: Duration,
}

#[async_trait]
impl L4Connect for DelayedReadConnector {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let SocketAddr::Inet(address) = address else {
            return Error::e_explain(InternalError, "servers have addresses");
        };
        let stream = super::socket::connect(*address, self.connect_timeout).await?;
        Ok(VirtualSocketStream::new(Box::new(DelayedReadStream { stream, looks: LOOKS })).into())
    }
}

#[derive(Debug)]
struct DelayedReadStream {
    stream: TcpStream,
    /// How many more looks find nothing.
    looks: u8,
}

impl VirtualSocket for DelayedReadStream {
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        Ok(()) // set when it was connected
    }
}

impl AsyncRead for DelayedReadStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.looks > 0 {
            self.looks -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for DelayedReadStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.looks = LOOKS;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    /// As Pingora does it: one task reads the answer and what was queued, another one queues, both by turns; the
    /// answer is there from the start. Says whether what was queued came first.
    async fn queued_comes_first(looks: u8) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut app, _) = listener.accept().await.unwrap();
        app.write_all(b"101").await.unwrap();
        stream.readable().await.unwrap();
        let mut line = DelayedReadStream { stream, looks };
        let (queue, mut queued) = mpsc::channel::<()>(1);
        let mut answer = [0; 3];
        let reads = async {
            tokio::select! {
                read = line.read_exact(&mut answer) => { read.unwrap(); false }
                _ = queued.recv() => true,
            }
        };
        let queues = async { queue.send(()).await.is_ok() };
        tokio::join!(reads, queues).0
    }

    #[tokio::test]
    async fn what_is_queued_beside_an_answer_comes_first() {
        for _ in 0..100 {
            assert!(queued_comes_first(LOOKS).await);
        }
        let mut hasty = false;
        for _ in 0..100 {
            hasty |= !queued_comes_first(0).await;
        }
        assert!(hasty, "without looking away the answer does come first");
    }
}
