//! A connection of a client as Pingora drives it: buffered, counted, and cut when its request head comes too
//! slowly or grows too large.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::{SslDigest, TlsRef};
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, UniqueIDType,
};
use pingora_http::ResponseHeader;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::connection_state::ConnectionState;
use super::data_rate::{IdleTimer, MinDataRate, RateBudget};
use super::h1_framing::{FramingError, RequestFraming};
use super::limits::ConnectionPermit;
use super::lingering_close::LingeringClose;
use super::pipeline::PipelinedBytes;
use super::protocol_error::{ProtocolErrors, refused_by_parser};
use crate::portal::error::PortalError;
use crate::proxy::cancellation::{Cancellation, EndReason};
use crate::proxy::clock;

/// How a head is limited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    /// For the whole head, from its first byte; on a new connection from the start.
    pub(crate) time: Duration,
    /// Bytes.
    pub(crate) bytes: usize,
    /// How long the next head may keep us waiting.
    pub(crate) idle: Duration,
    /// How bodies and answers have to pass.
    pub(crate) data_rate: MinDataRate,
}

/// A connection with its meter and its place among the connections.
pub(crate) struct ClientStream {
    io: Stream,
    pipelined: PipelinedBytes,
    connection: Arc<ConnectionState>,
    cancellation: Arc<Cancellation>,
    /// Carries the [`ConnectionState`] to the sessions on this connection: the one slot Pingora passes on for H1 and H2.
    digest: Arc<ProxyDigest>,
    /// `None`: HTTP/2, whose heads are bounded by its own settings.
    head: Option<HeadLimits>,
    round: u32,
    framing: RequestFraming,
    started: Instant,
    deadline: Option<Pin<Box<Sleep>>>,
    protocol_errors: Option<Arc<ProtocolErrors>>,
    closing: Option<LingeringClose>,
    /// Until when the next head is waited for.
    idle_until: Option<Instant>,
    /// Rings at some [`Self::idle_until`] of this connection and is then put forward, so that a busy connection
    /// sets no timer per request.
    alarm: Option<Pin<Box<Sleep>>>,
    reading: RateBudget,
    writing: IdleTimer,
    _permit: ConnectionPermit,
}

/// After whatever has been read of a head, this makes none.
const NO_HEAD: &[u8] = b"\0\r\n\r\n";
impl ClientStream {
    /// Wraps a stream whose handshakes are done.
    ///
    /// # Errors
    /// Pingora refuses to build an empty digest (it does not, in the version at hand).
    pub(crate) fn new(
        io: Stream,
        (connection, cancellation): (Arc<ConnectionState>, Arc<Cancellation>),
        head: HeadLimits,
        protocol_errors: Option<Arc<ProtocolErrors>>,
        permit: ConnectionPermit,
    ) -> pingora_error::Result<Self> {
        let response = Box::new(ResponseHeader::build(200, Some(0))?);
        let digest = Arc::new(ProxyDigest::new(response, Some(Box::new(connection.clone()))));
        let (reading, writing) = (head.data_rate.to_read(), IdleTimer::new(head.data_rate.to_write()));
        let head = (io.selected_alpn_proto() != Some(ALPN::H2)).then_some(head);
        let deadline = head.map(|h| Box::pin(tokio::time::sleep(h.time)));
        let (framing, started) = (RequestFraming::default(), clock::now());
        Ok(Self {
            io,
            pipelined: PipelinedBytes::default(),
            connection,
            cancellation,
            digest,
            head,
            round: 0,
            framing,
            started,
            deadline,
            protocol_errors,
            closing: None,
            idle_until: None,
            alarm: None,
            reading,
            writing,
            _permit: permit,
        })
    }

    /// Notes what is to be said before the connection is closed.
    fn close_with(&mut self, fault: PortalError, reason: &'static str) -> io::Error {
        let words = self
            .protocol_errors
            .as_ref()
            .map(|t| t.answer(&self.connection, self.framing.head(), self.started, fault, reason));
        self.closing = words.map(LingeringClose::new);
        io::Error::other(reason)
    }

    fn poll_head(&mut self, limits: HeadLimits, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.deadline.is_none() && self.framing.in_head() && !self.framing.head().is_empty() {
            // It did not come whole. One that does needs no clock.
            self.deadline = Some(Box::pin(tokio::time::sleep(limits.time)));
        }
        if self.deadline.as_mut().is_some_and(|d| d.as_mut().poll(cx).is_ready()) {
            let told = if self.framing.head().is_empty() {
                io::Error::new(io::ErrorKind::TimedOut, "no request")
            } else {
                self.close_with(PortalError::TooSlow, "head_too_slow")
            };
            return Poll::Ready(Err(told));
        }
        let before = buf.filled().len();
        let polled = match self.framing.head() {
            [] => self.pipelined.poll_start(&mut self.io, cx, buf),
            _ => self.pipelined.poll_read(&mut self.io, cx, buf),
        };
        let read = buf.filled().get(before..).unwrap_or_default();
        if read.is_empty() {
            let waits = polled.is_pending() && self.round > 0 && self.framing.head().is_empty();
            if waits && self.poll_idle(limits.idle, cx).is_ready() {
                return Poll::Ready(Ok(())); // as if the client had gone
            }
            return polled;
        }
        if self.framing.head().is_empty() {
            self.started = clock::now();
        }
        if let Err(stop) = self.framing.push(read, limits.bytes) {
            let told = match stop {
                FramingError::TooLarge => self.close_with(PortalError::HeadersTooLarge, "head_too_large"),
                FramingError::LineEnd => self.close_with(PortalError::BadRequest, "bare_line_feed"),
                FramingError::RequestLine => self.close_with(PortalError::BadRequest, "request_line"),
                FramingError::Fragment => self.close_with(PortalError::OddAddress, "fragment"),
                FramingError::Chunk => self.close_with(PortalError::BadRequest, "malformed_chunk"),
            };
            // Pingora drops a connection without a word if its first read fails; a head it cannot parse makes it
            // answer, and so gives us the word.
            buf.set_filled(before);
            if buf.remaining() < NO_HEAD.len() {
                return Poll::Ready(Err(told));
            }
            buf.put_slice(NO_HEAD);
            return Poll::Ready(Ok(()));
        }
        self.pipelined.take_back(buf, self.framing.beyond());
        polled
    }

    fn poll_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.framing.in_head() && !self.framing.in_body() {
            return self.pipelined.poll_gone(&mut self.io, cx);
        }
        let before = buf.filled().len();
        let polled = self.pipelined.poll_read(&mut self.io, cx, buf);
        let read = buf.filled().get(before..).unwrap_or_default();
        if self.framing.in_body() {
            if read.is_empty() {
                // The clock that ends this wait is Pingora's; ours tells a drip.
                self.reading.wait_on();
            } else if !self.reading.received(read.len()) && !self.connection.is_answering() {
                self.connection.slow.store(true, Ordering::Relaxed);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the body drips")));
            } else {
                self.cancellation.passed();
            }
        }
        if !self.framing.in_head() && self.framing.push(read, usize::MAX).is_err() {
            self.connection.malformed.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "malformed chunk")));
        }
        self.pipelined.take_back(buf, self.framing.beyond());
        polled
    }

    /// Whether what is written now is Pingora's own answer to a head that it could not read: our hooks, which
    /// end the round of the head, were not called. Then ours is said in its place.
    fn takes_over(&mut self, said: &[u8]) -> bool {
        let heads = self.head.is_some() && self.round.is_multiple_of(2);
        let unheard =
            heads && self.connection.round.load(Ordering::Relaxed) == self.round && !self.framing.head().is_empty();
        if unheard && self.closing.is_none() && self.protocol_errors.is_some() {
            let (fault, reason) = refused_by_parser(said);
            // The error is for readers; this is a writer.
            let _ = self.close_with(fault, reason);
        }
        self.closing.is_some()
    }

    fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.closing.as_mut().map_or(Poll::Ready(Ok(())), |closing| closing.poll_closed(&mut self.io, cx))
    }
}

impl ClientStream {
    /// What was written, unless the client reads nothing for too long, or in drops. `bytes`: how many that are.
    fn check_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        if self.head.is_none() {
            return polled; // whose streams have deadlines of their own
        }
        if self.cancellation.end() == Some(EndReason::Session) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        // As long as this takes, the app is not listened to.
        self.cancellation.touch();
        if matches!(&polled, Poll::Ready(Ok(written)) if bytes(written) > 0) {
            self.cancellation.passed();
        }
        let late = match &polled {
            Poll::Pending => self.writing.poll_late(cx).is_ready(),
            Poll::Ready(Ok(written)) => !self.writing.budget.received(bytes(written)),
            Poll::Ready(Err(_)) => false,
        };
        if late {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is read too slowly")));
        }
        polled
    }

    /// Ready once the next head was waited for long enough.
    fn poll_idle(&mut self, idle: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let until = *self.idle_until.get_or_insert_with(|| Instant::now() + idle);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        while alarm.as_mut().poll(cx).is_ready() {
            if alarm.deadline() >= until {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl fmt::Debug for ClientStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("link", &self.connection).finish_non_exhaustive()
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let Some(limits) = me.head else { return Pin::new(&mut me.io).poll_read(cx, buf) };
        if me.connection.handover.is_asked() {
            // Nothing comes to this end any more.
            let io = std::mem::replace(&mut me.io, Box::new(tokio::io::duplex(1).0));
            me.connection.handover.give(io, me.pipelined.take());
            return Poll::Ready(Ok(()));
        }
        match me.cancellation.end() {
            Some(EndReason::Session) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Some(EndReason::Silence) => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            None => {}
        }
        if me.closing.is_some() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let round = me.connection.round.load(Ordering::Relaxed);
        if round != me.round {
            (me.round, me.deadline, me.idle_until) = (round, None, None);
            if round.is_multiple_of(2) {
                me.framing.restart();
                me.connection.start_over();
                (me.reading, me.writing.budget) = (limits.data_rate.to_read(), limits.data_rate.to_write());
            }
        }
        if round.is_multiple_of(2) { me.poll_head(limits, cx, buf) } else { me.poll_body(cx, buf) }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        if me.takes_over(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        let polled = Pin::new(&mut me.io).poll_write(cx, buf);
        me.check_write(cx, polled, |written| *written)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let polled = Pin::new(&mut me.io).poll_flush(cx);
        me.check_write(cx, polled, |()| 0)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if me.closing.is_some() {
            return me.poll_closing(cx);
        }
        Pin::new(&mut me.io).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        if me.takes_over(bufs.first().map(|buf| &**buf).unwrap_or_default()) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let polled = Pin::new(&mut me.io).poll_write_vectored(cx, bufs);
        me.check_write(cx, polled, |written| *written)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        // The other end may be gone already; nothing is left to be done then.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for ClientStream {
    fn id(&self) -> UniqueIDType {
        self.io.id()
    }
}

impl Ssl for ClientStream {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.io.get_ssl()
    }
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.io.get_ssl_digest()
    }
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        match self.io.selected_alpn_proto() {
            // Of those that we offer, `http/1.0`; Pingora would take it for a protocol that it does not know.
            Some(ALPN::Custom(_)) => Some(ALPN::H1),
            other => other,
        }
    }
}

impl Peek for ClientStream {}

impl GetTimingDigest for ClientStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for ClientStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(self.digest.clone())
    }
}

impl GetSocketDigest for ClientStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.io.get_socket_digest()
    }
}
