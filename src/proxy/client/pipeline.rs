//! What a client sends before it has the answer to its last request (pipelining, RFC 9112 §9.3.2): kept until its turn
//! comes.
//!
//! Pingora takes whatever comes behind a request for a breach: it gives the request up, even if the app has done it
//! already. So it is shown one request at a time, and the next one when the last is answered.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, ReadBuf};

/// Of requests to come, this much is kept per connection; the rest waits in the socket.
const MOST: usize = 64 * 1024;

/// Bytes that came too early.
#[derive(Debug, Default)]
pub(crate) struct PipelinedBytes(BytesMut);

impl PipelinedBytes {
    /// Reads what was kept, then from the connection.
    pub(crate) fn poll_read(
        &mut self,
        io: &mut Stream,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.0.is_empty() {
            return Pin::new(io).poll_read(cx, buf);
        }
        let here = self.0.len().min(buf.remaining());
        buf.put_slice(&self.0.split_to(here));
        Poll::Ready(Ok(()))
    }

    /// Reads the beginning of a request: without empty lines before it (RFC 9112 §2.2), which some clients send behind
    /// a body.
    pub(crate) fn poll_start(
        &mut self,
        io: &mut Stream,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        loop {
            ready!(self.poll_read(io, cx, buf))?;
            let read = buf.filled_mut().get_mut(before..).unwrap_or_default();
            let empty = read.chunks(2).take_while(|line| *line == b"\r\n").count() * 2;
            let rest = read.len() - empty;
            read.copy_within(empty.., 0);
            buf.set_filled(before + rest);
            if empty == 0 || rest > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// What was kept.
    pub(crate) fn take(&mut self) -> BytesMut {
        std::mem::take(&mut self.0)
    }

    /// Keeps the last bytes that were read: they belong to the next request.
    pub(crate) fn take_back(&mut self, buf: &mut ReadBuf<'_>, beyond: usize) {
        if beyond == 0 {
            return;
        }
        let end = buf.filled().len().saturating_sub(beyond);
        let mut kept = BytesMut::from(buf.filled().get(end..).unwrap_or_default());
        kept.extend_from_slice(self.0.chunk());
        self.0 = kept;
        buf.set_filled(end);
    }

    /// Keeps what comes while the request at hand is answered. Ready when the client is gone; never while there is no
    /// more room: whoever waits here waits for the answer too.
    pub(crate) fn poll_gone(&mut self, io: &mut Stream, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let mut scratch = [const { MaybeUninit::uninit() }; 4096];
        while self.0.len() < MOST {
            let mut buf = ReadBuf::uninit(&mut scratch);
            ready!(Pin::new(&mut *io).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.0.extend_from_slice(buf.filled());
        }
        Poll::Pending
    }
}
