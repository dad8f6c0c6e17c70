//! The last words on a connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long and how much a client may go on sending after it was turned away.
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// What is still to be said before a connection is closed.
#[derive(Debug)]
pub(crate) struct LingeringClose {
    words: Vec<u8>,
    said: usize,
    /// After the last word, what the client is still sending is read and dropped for a while: a socket closed with
    /// unread bytes is reset, and the client could not read the answer.
    lingering: Option<Pin<Box<Sleep>>>,
    dropped: usize,
}

impl LingeringClose {
    pub(crate) const fn new(words: Vec<u8>) -> Self {
        Self { words, said: 0, lingering: None, dropped: 0 }
    }

    /// Ready once it is said, and the client was heard out.
    pub(crate) fn poll_closed(&mut self, io: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            while let Some(rest) = self.words.get(self.said..).filter(|rest| !rest.is_empty()) {
                match ready!(Pin::new(&mut *io).poll_write(cx, rest)) {
                    Ok(written) if written > 0 => self.said += written,
                    _ => return Poll::Ready(Ok(())),
                }
            }
            ready!(Pin::new(&mut *io).poll_flush(cx))?;
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
        }
        let lingering = self.lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER_TIME)));
        let mut scratch = [0; 8 * 1024];
        while lingering.as_mut().poll(cx).is_pending() && self.dropped < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut *io).poll_read(cx, &mut buf))?;
            self.dropped += buf.filled().len();
            if buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}
