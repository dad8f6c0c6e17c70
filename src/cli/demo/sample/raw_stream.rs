//! The client's connection as hyper reads it, with every request head noted down first, byte for byte.
//!
//! hyper keeps no header's case and refuses targets that a legacy app takes. So it gets each request by itself,
//! with a target it can read; the app looks at the head as it arrived.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use hyper::upgrade::OnUpgrade;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::head::{self, Expected, Head};

/// Bytes of a request head; more is answered by 431.
pub(super) const MAX_HEAD: usize = 256 * 1024;
/// What is read and thrown away after the last answer: closing a socket with unread bytes would reset it, and the
/// client might lose the answer.
const MAX_LINGER: usize = 64 * 1024 * 1024;

/// A request head, or the status that refuses it.
type Received = Result<Head, u16>;

/// What the stream and the app tell each other.
#[derive(Clone, Default)]
pub(super) struct Heads(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    heads: VecDeque<Received>,
    tunnel: bool,
    upgrade: Option<OnUpgrade>,
}

impl Heads {
    /// The head of the request that hyper reports next.
    pub(super) fn next(&self) -> Received {
        self.lock().heads.pop_front().unwrap_or(Err(500))
    }

    /// From here on the bytes are no requests.
    pub(super) fn tunnel(&self, upgrade: OnUpgrade) {
        let mut shared = self.lock();
        shared.tunnel = true;
        shared.upgrade = Some(upgrade);
    }

    pub(super) fn upgrade(&self) -> Option<OnUpgrade> {
        self.lock().upgrade.take()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct RawStream {
    socket: TcpStream,
    heads: Heads,
    expected: Expected,
    received: BytesMut,
    /// For hyper to read; never more than one request.
    released: BytesMut,
    lingered: usize,
}

impl RawStream {
    pub(super) fn new(socket: TcpStream, heads: Heads) -> Self {
        let (received, released) = (BytesMut::new(), BytesMut::new());
        Self { socket, heads, expected: Expected::Head, received, released, lingered: 0 }
    }

    /// Reads more; `false` at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut block = [0; 16 * 1024];
        let mut block = ReadBuf::new(&mut block);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut block))?;
        self.received.extend_from_slice(block.filled());
        Poll::Ready(Ok(!block.filled().is_empty()))
    }

    /// Releases what was received up to the next boundary, if it is all there.
    fn release(&mut self) {
        if self.heads.lock().tunnel {
            self.expected = Expected::Anything;
        }
        let length = match self.expected {
            Expected::Head => return self.release_head(),
            Expected::Anything => self.received.len(),
            Expected::Body(left) | Expected::Chunk(left) => {
                usize::try_from(left).unwrap_or(usize::MAX).min(self.received.len())
            }
            Expected::ChunkSize | Expected::Trailers => match self.received.iter().position(|b| *b == b'\n') {
                Some(end) => end + 1,
                None if self.received.len() > MAX_HEAD => self.received.len(),
                None => return,
            },
        };
        let bytes = self.received.split_to(length);
        self.expected = match self.expected {
            Expected::Body(left) if left == length as u64 => Expected::Head,
            Expected::Body(left) => Expected::Body(left - length as u64),
            Expected::Chunk(left) if left == length as u64 => Expected::ChunkSize,
            Expected::Chunk(left) => Expected::Chunk(left - length as u64),
            Expected::ChunkSize => match head::chunk_size(&bytes) {
                Some(0) => Expected::Trailers,
                Some(size) => Expected::Chunk(size.saturating_add(2)),
                None => Expected::Anything,
            },
            Expected::Trailers if bytes.trim_ascii().is_empty() => Expected::Head,
            same => same,
        };
        self.released.extend_from_slice(&bytes);
    }

    fn release_head(&mut self) {
        match Head::parse(&self.received) {
            Ok(Some((length, head, body))) => {
                let bytes = self.received.split_to(length);
                self.released.extend_from_slice(&head.readable(&bytes));
                self.expected = body;
                self.heads.lock().heads.push_back(Ok(head));
            }
            Ok(None) if self.received.len() > MAX_HEAD => self.refuse(431),
            Ok(None) => {}
            Err(status) => self.refuse(status),
        }
    }

    /// Has hyper read a request of ours, the last one, in place of what cannot be read.
    fn refuse(&mut self, status: u16) {
        self.heads.lock().heads.push_back(Err(status));
        self.received.clear();
        self.released.extend_from_slice(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        self.expected = Expected::Anything;
    }
}

impl AsyncRead for RawStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.released.is_empty() {
            self.release();
            if self.released.is_empty() && !ready!(self.poll_fill(cx))? {
                match self.expected {
                    _ if self.received.is_empty() => return Poll::Ready(Ok(())),
                    Expected::Head => self.refuse(400),
                    _ => self.expected = Expected::Anything,
                }
            }
        }
        let length = self.released.len().min(into.remaining());
        into.put_slice(&self.released.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for RawStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
        self.received.clear();
        while self.lingered < MAX_LINGER && ready!(self.poll_fill(cx))? {
            self.lingered += self.received.len();
            self.received.clear();
        }
        Poll::Ready(Ok(()))
    }
}
