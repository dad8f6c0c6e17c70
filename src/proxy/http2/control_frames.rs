//! Frames that a client sends and that are no part of a request: counted below the library that reads them, for it
//! answers or forgets them and tells nobody.
//!
//! A PRIORITY, a PING, a SETTINGS or a WINDOW_UPDATE costs a client nine bytes or some more, and us a look and perhaps
//! an answer. Whoever has requests served sends some of each; who sends more than that is told to calm down
//! (CVE-2019-9512, CVE-2019-9513, CVE-2019-9515).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::reset_budget::ResetBudget;
use crate::proxy::client::lingering_close::LingeringClose;
use crate::proxy::clock;

/// Frames that may come at once.
const MOST: u64 = 1000;
/// More of them for each second.
const PER_SECOND: u64 = 2;
/// What a connection of HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// The head of a frame (RFC 9113 §4.1).
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// The connection below the library.
pub(super) struct ControlFrameCounter {
    io: Stream,
    budget: Arc<ResetBudget>,
    frames: FrameHeads,
    credit: u64,
    since: Instant,
    closing: Option<LingeringClose>,
}

impl ControlFrameCounter {
    pub(super) fn new(io: Stream, budget: Arc<ResetBudget>) -> Self {
        let (frames, since) = (FrameHeads::default(), clock::now());
        Self { io, budget, frames, credit: MOST, since, closing: None }
    }

    /// So many frames came that are no part of a request. Whether there was room for them.
    fn spend(&mut self, frames: u64) -> bool {
        if frames == 0 {
            return true;
        }
        let seconds = self.since.elapsed().as_secs();
        self.since += std::time::Duration::from_secs(seconds);
        let credit =
            self.credit.saturating_add(self.budget.earned()).saturating_add(seconds.saturating_mul(PER_SECOND));
        self.credit = credit.saturating_sub(frames).min(MOST);
        credit >= frames
    }
}

/// Where in the frames of a client we are.
#[derive(Debug)]
struct FrameHeads {
    /// Bytes until the next head.
    skip: usize,
    head: [u8; HEAD],
    /// So much of it is here.
    here: usize,
}

impl Default for FrameHeads {
    fn default() -> Self {
        Self { skip: PREFACE, head: [0; HEAD], here: 0 }
    }
}

impl FrameHeads {
    /// How many of the frames whose head ends in these bytes are no part of a request.
    fn look(&mut self, mut bytes: &[u8]) -> u64 {
        let mut found = 0;
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some(free) = self.head.get_mut(self.here..) else { return found };
            let taken = free.len().min(bytes.len());
            if taken == 0 {
                return found;
            }
            let (here, rest) = bytes.split_at(taken);
            for (to, from) in free.iter_mut().zip(here) {
                *to = *from;
            }
            (bytes, self.here) = (rest, self.here + taken);
            if self.here == HEAD {
                let [a, b, c, kind, ..] = self.head;
                self.skip = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
                self.here = 0;
                found += u64::from(!matches!(kind, DATA | HEADERS | CONTINUATION));
            }
        }
    }
}

impl AsyncRead for ControlFrameCounter {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut me.io).poll_read(cx, buf))?;
        let flooded = me.budget.is_flooded();
        let frames = me.frames.look(buf.filled().get(before..).unwrap_or_default());
        if !flooded && me.spend(frames) {
            return Poll::Ready(Ok(()));
        }
        me.budget.flooded();
        if buf.filled().len() == before {
            return Poll::Ready(Ok(())); // it has gone
        }
        // Nothing more is shown to the library; what comes is read all the same, or the client could not hear why.
        buf.set_filled(before);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncWrite for ControlFrameCounter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if me.budget.is_flooded() {
            return me.closing.get_or_insert_with(|| LingeringClose::new(Vec::new())).poll_closed(&mut me.io, cx);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However the bytes are cut, each frame is counted once.
        #[test]
        fn frames_are_counted_however_they_come(
            kinds in prop::collection::vec((0_u8..20, 0_usize..300), 0..40),
            cuts in prop::collection::vec(1_usize..50, 1..200),
        ) {
            let mut bytes = vec![b'x'; PREFACE];
            for (kind, length) in &kinds {
                bytes.extend_from_slice(&u32::try_from(*length).unwrap().to_be_bytes()[1..]);
                bytes.extend_from_slice(&[*kind, 0, 0, 0, 0, 1]);
                bytes.extend(std::iter::repeat_n(2, *length));
            }
            let (mut frames, mut found, mut rest) = (FrameHeads::default(), 0, bytes.as_slice());
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                found += frames.look(now);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            let expected = kinds.iter().filter(|(kind, _)| ![DATA, HEADERS, CONTINUATION].contains(kind)).count();
            prop_assert_eq!(found, expected as u64);
        }
    }
}
