//! What passes between a client and an app once they speak WebSocket. A connection that is silent holds no buffer: what is
//! read lies on the stack, and only what the other end does not take at once is kept.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use pingora_core::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::frames::FrameBoundary;
use crate::proxy::cancellation::{Cancellation, EndReason};
use crate::proxy::client::lingering_close::LingeringClose;
use crate::proxy::upstream::connect::Transport;

/// Read at once.
const PIECE: usize = 8 * 1024;
/// How long the other end may go on after one has closed.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the frame at hand may take to become whole when the session is over.
const LAST_FRAME: Duration = Duration::from_millis(300);
/// The end of a WebSocket whose session is over: a close frame with 1008, policy violation (RFC 6455 §7.4.1).
const SESSION_OVER: &[u8] = &[0x88, 0x02, 0x03, 0xf0];

/// Both directions of a WebSocket.
pub(super) struct Relay {
    client: Stream,
    /// `None` once the session is over.
    app: Option<Transport>,
    to_app: Pump,
    to_client: Pump,
    frames: FrameBoundary,
    cancellation: Arc<Cancellation>,
    /// Rings when the end was waited for long enough.
    alarm: Option<Pin<Box<Sleep>>>,
    closing: Option<LingeringClose>,
    /// The session is.
    over: bool,
}

/// One direction.
#[derive(Default)]
struct Pump {
    /// What the other end has not taken yet.
    kept: BytesMut,
    /// Something was written and not flushed.
    unflushed: bool,
    /// No more will come.
    over: bool,
    /// The other end was told so.
    shut: bool,
    passed: u64,
}

impl Pump {
    /// Passes on what is kept.
    fn poll_kept(&mut self, to: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.kept.is_empty() {
            let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.kept))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.kept.advance(written);
            if self.kept.is_empty() {
                self.kept = BytesMut::new(); // gives the memory back
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Passes on a piece of at most `most` bytes. Ready once something came, or nothing more will.
    fn poll_piece(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
        most: usize,
        mut seen: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_kept(to, cx))?;
        let mut scratch = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(scratch.get_mut(..most.min(PIECE)).unwrap_or_default());
        let Poll::Ready(read) = Pin::new(&mut *from).poll_read(cx, &mut piece) else {
            if self.unflushed {
                ready!(Pin::new(&mut *to).poll_flush(cx))?;
                self.unflushed = false;
            }
            return Poll::Pending;
        };
        read?;
        let piece = piece.filled();
        self.over = piece.is_empty();
        seen(piece);
        self.passed += piece.len() as u64;
        self.unflushed = true;
        let written = match Pin::new(&mut *to).poll_write(cx, piece) {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        self.kept.extend_from_slice(piece.get(written..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }

    /// The same until nothing more comes, which the other end is told.
    fn poll_all(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
        mut seen: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        while !self.over {
            ready!(self.poll_piece(from, to, cx, PIECE, &mut seen))?;
        }
        ready!(self.poll_kept(to, cx))?;
        if !self.shut {
            ready!(Pin::new(to).poll_shutdown(cx))?;
            self.shut = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl Relay {
    /// `sent` came from the client and `said` from the app before they were relayed.
    pub(super) fn new(
        (client, sent): (Stream, BytesMut),
        (app, said): (Transport, BytesMut),
        cancellation: Arc<Cancellation>,
    ) -> Self {
        let mut frames = FrameBoundary::default();
        frames.follow(&said);
        let begun = |kept: BytesMut| Pump { passed: kept.len() as u64, kept, unflushed: true, ..Pump::default() };
        let (to_app, to_client) = (begun(sent), begun(said));
        Self {
            client,
            app: Some(app),
            to_app,
            to_client,
            frames,
            cancellation,
            alarm: None,
            closing: None,
            over: false,
        }
    }

    /// Relays until either end closes, or the request is to end.
    pub(super) async fn run(&mut self) {
        // How a connection failed tells nobody anything.
        let _ = poll_fn(|cx| self.poll(cx)).await;
        self.app = None;
    }

    /// How many bytes came from the client, and from the app.
    pub(super) const fn passed(&self) -> (u64, u64) {
        (self.to_app.passed, self.to_client.passed)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.cancellation.end() {
            Some(EndReason::Session) => return self.poll_close(cx),
            Some(EndReason::Silence) => return Poll::Ready(Ok(())),
            None => {}
        }
        let before = self.passed();
        let Self { client, app: Some(app), to_app, to_client, frames, .. } = self else { return Poll::Ready(Ok(())) };
        let sent = to_app.poll_all(client, app, cx, |_| {})?;
        let said = to_client.poll_all(app, client, cx, |piece| frames.follow(piece))?;
        if self.passed() != before {
            self.cancellation.touch();
            self.cancellation.passed();
        }
        match (sent, said) {
            (Poll::Pending, Poll::Pending) => Poll::Pending,
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => self.poll_alarm(LAST_WORDS, cx).map(Ok),
        }
    }

    /// Ends it for the client with words, once the frame at hand is whole.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.app.is_some() {
            if !self.over {
                // Whatever was waited for before, this is waited for anew.
                (self.over, self.alarm) = (true, None);
            }
            let late = self.poll_alarm(LAST_FRAME, cx).is_ready();
            // Whatever came of it, no more does.
            if !late && self.poll_frame(cx).is_pending() {
                return Poll::Pending;
            }
            (self.app, self.alarm) = (None, None);
        }
        if self.poll_alarm(LAST_WORDS, cx).is_ready() {
            return Poll::Ready(Ok(())); // a client that does not read
        }
        let closing = self.closing.get_or_insert_with(|| LingeringClose::new(SESSION_OVER.to_vec()));
        closing.poll_closed(&mut self.client, cx)
    }

    /// Ready once the frame at hand is whole.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { client, app: Some(app), to_client, frames, .. } = self else { return Poll::Ready(Ok(())) };
        while !frames.is_between() && !to_client.over {
            let most = frames.left();
            ready!(to_client.poll_piece(app, client, cx, most, |piece| frames.follow(piece)))?;
        }
        to_client.poll_kept(client, cx)
    }

    /// Ready after some time from when this was first asked.
    fn poll_alarm(&mut self, time: Duration, cx: &mut Context<'_>) -> Poll<()> {
        self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(time))).as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    use super::*;
    use crate::proxy::clock;

    /// A relay at work, with its two ends.
    struct Rig {
        client: DuplexStream,
        app: TcpStream,
        cancellation: Arc<Cancellation>,
        relay: JoinHandle<(u64, u64)>,
    }

    async fn relaying(room: usize, sent: &[u8], said: &[u8]) -> Rig {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to_app = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (app, _) = listener.accept().await.unwrap();
        let (client, io) = tokio::io::duplex(room);
        let cancellation = Cancellation::new();
        cancellation.begin(clock::now());
        let ends = ((Box::new(io) as Stream, BytesMut::from(sent)), (Transport::Plain(to_app), BytesMut::from(said)));
        let mut relay = Relay::new(ends.0, ends.1, cancellation.clone());
        let known = cancellation.clone();
        let relay = tokio::spawn(async move {
            let live = Arc::<crate::proxy::live::registry::LiveRequests>::default();
            known.run(&live, relay.run()).await;
            relay.passed()
        });
        Rig { client, app, cancellation, relay }
    }

    async fn read<const N: usize>(from: &mut (impl AsyncRead + Unpin)) -> [u8; N] {
        let mut bytes = [0; N];
        tokio::time::timeout(Duration::from_secs(10), from.read_exact(&mut bytes)).await.expect("in time").unwrap();
        bytes
    }

    #[tokio::test]
    async fn what_came_before_passes_first_and_more_than_fits_is_kept() {
        let mut rig = relaying(1000, b"early", &[0x82, 2, b'h', b'i']).await;
        assert_eq!(&read(&mut rig.app).await, b"early");
        assert_eq!(&read(&mut rig.client).await, b"\x82\x02hi");
        let all: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let (frame, whole) = ([&[0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0], &*all].concat(), all.len() + 10);
        let (mut reading, mut writing) = rig.app.into_split();
        let sending = tokio::spawn(async move { writing.write_all(&frame).await.map(|()| writing) });
        let mut read = vec![0; whole];
        rig.client.read_exact(&mut read).await.unwrap();
        assert!(read.ends_with(&all));
        // Each end is told that the other has closed.
        drop(rig.client);
        assert_eq!(reading.read(&mut [0; 9]).await.unwrap(), 0);
        drop((reading, sending.await.unwrap().unwrap()));
        assert_eq!(rig.relay.await.unwrap(), (5, 4 + whole as u64));
    }

    #[tokio::test]
    async fn a_close_frame_goes_behind_the_frame_at_hand() {
        let mut rig = relaying(1000, b"", b"").await;
        rig.app.write_all(b"\x82\x05hel").await.unwrap();
        assert_eq!(&read(&mut rig.client).await, b"\x82\x05hel");
        rig.cancellation.cancel(rig.cancellation.round(), EndReason::Session);
        rig.app.write_all(b"lo\x82\x04more").await.unwrap();
        assert_eq!(&read(&mut rig.client).await, b"lo\x88\x02\x03\xf0");
        assert_eq!(rig.client.read(&mut [0; 9]).await.unwrap(), 0);
        drop(rig.client);
        assert_eq!(rig.relay.await.unwrap(), (0, 7));
    }

    /// What one end had begun to wait for when the other closed puts the end of the session off by nothing.
    #[tokio::test(start_paused = true)]
    async fn an_end_that_comes_after_one_side_closed_is_told_as_soon_as_any() {
        let mut rig = relaying(1000, b"", b"\x82\x05hel").await;
        assert_eq!(&read(&mut rig.client).await, b"\x82\x05hel");
        rig.client.shutdown().await.unwrap();
        assert_eq!(rig.app.read(&mut [0; 9]).await.unwrap(), 0, "the app is told that the client closed");
        rig.cancellation.cancel(rig.cancellation.round(), EndReason::Session);
        let told = tokio::time::timeout(2 * LAST_FRAME, read(&mut rig.client)).await;
        assert_eq!(&told.expect("before the last words of the app are over"), b"\x88\x02\x03\xf0");
    }

    #[tokio::test]
    async fn a_frame_that_never_ends_does_not_keep_the_end_away() {
        let mut rig = relaying(1000, b"", b"\x82\x05hel").await;
        assert_eq!(&read(&mut rig.client).await, b"\x82\x05hel");
        rig.cancellation.cancel(rig.cancellation.round(), EndReason::Session);
        assert_eq!(&read(&mut rig.client).await, b"\x88\x02\x03\xf0");
        // Nor does a client that does not read.
        let mut full = relaying(4, b"", b"\x82\x05hello").await;
        full.cancellation.cancel(full.cancellation.round(), EndReason::Session);
        assert_eq!(tokio::time::timeout(Duration::from_secs(9), full.relay).await.expect("in time").unwrap(), (0, 7));
        assert!(!matches!(full.app.read(&mut [0; 9]).await, Ok(1..)));
        drop(rig.client);
        // Closed with what was not read of it, it may be reset.
        assert!(!matches!(rig.app.read(&mut [0; 9]).await, Ok(1..)));
    }
}
