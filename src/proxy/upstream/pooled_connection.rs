//! A connection to a server that speaks HTTP/1.1, that knows for how long it may keep us waiting, and those that wait
//! for their next request.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::connect::Transport;
use crate::proxy::client::data_rate::{IdleTimer, RateBudget};
use crate::proxy::settings::UpstreamSettings;

/// Connections to one server that are kept at most.
const MOST: usize = 512;

/// A connection. What it waits for too long fails with [`io::ErrorKind::TimedOut`].
pub(crate) struct PooledConnection {
    stream: Transport,
    reading: IdleTimer,
    writing: IdleTimer,
    /// For this answer, how long the server may be silent instead.
    silence: OnceLock<Duration>,
}

impl PooledConnection {
    pub(super) fn new(stream: Transport, settings: &UpstreamSettings) -> Self {
        let waiting = |most| IdleTimer::new(RateBudget::new(most, 0));
        let (reading, writing) = (waiting(settings.read_timeout), waiting(settings.write_timeout));
        Self { stream, reading, writing, silence: OnceLock::new() }
    }

    /// In the answer at hand the server may be silent for so long, if that is longer than usual.
    pub(crate) fn may_be_silent_for(&self, silence: Duration) {
        // Said once for each answer.
        let _ = self.silence.set(silence);
    }

    /// The connection alone, of which nobody watches how long it keeps us waiting.
    pub(super) fn into_transport(self) -> Transport {
        self.stream
    }

    /// The connection alone, if it is a plain one.
    pub(crate) fn into_plain(self) -> Option<TcpStream> {
        match self.stream {
            Transport::Plain(stream) => Some(stream),
            Transport::Tls(..) => None,
        }
    }
}

/// The connections to one server that nobody uses, the last one used last.
#[derive(Default)]
pub(super) struct IdleConnections(Mutex<Vec<IdleConnection>>);

/// A connection, since when nobody uses it, and [whose requests](super::reuse::sharer) it carried: what an app says
/// unasked, or remembers of who asked last, reaches nobody else.
struct IdleConnection {
    connection: Box<PooledConnection>,
    since: Instant,
    sharer: u64,
}

impl IdleConnections {
    /// One that is fit to be used.
    pub(super) fn take(&self, now: Instant, idle: Duration, sharer: u64) -> Option<Box<PooledConnection>> {
        while let Some(IdleConnection { mut connection, since, .. }) = self.pop(sharer) {
            if now.saturating_duration_since(since) < idle && connection.stream.is_quiet() {
                connection.reading.budget.renew();
                connection.writing.budget.renew();
                return Some(connection);
            }
        }
        None
    }

    fn pop(&self, sharer: u64) -> Option<IdleConnection> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().rposition(|idle| idle.sharer == sharer)?;
        Some(kept.remove(at))
    }

    pub(super) fn put(&self, connection: Box<PooledConnection>, now: Instant, sharer: u64) {
        // After a stream of events there is seldom anything more to ask, and other patience was asked of it.
        if connection.silence.get().is_some() {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push(IdleConnection { connection, since: now, sharer });
    }

    /// Closes those that waited for too long, and those that the server has closed.
    pub(super) fn sweep(&self, now: Instant, idle: Duration) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain_mut(|one| now.saturating_duration_since(one.since) < idle && one.connection.stream.is_quiet());
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server keeps us waiting")
}

impl AsyncRead for PooledConnection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let polled = Pin::new(&mut me.stream).poll_read(cx, buf);
        if polled.is_pending() {
            if let Some(silence) = me.silence.get() {
                me.reading.budget.stretch(*silence);
            }
            ready!(me.reading.poll_late(cx));
            return Poll::Ready(Err(timed_out()));
        }
        me.reading.budget.renew();
        polled
    }
}

impl PooledConnection {
    /// What was written, unless that takes too long.
    fn check_write<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_pending() {
            ready!(self.writing.poll_late(cx));
            return Poll::Ready(Err(timed_out()));
        }
        self.writing.budget.renew();
        polled
    }
}

impl AsyncWrite for PooledConnection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let polled = Pin::new(&mut me.stream).poll_write(cx, buf);
        me.check_write(cx, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let polled = Pin::new(&mut me.stream).poll_flush(cx);
        me.check_write(cx, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl fmt::Debug for PooledConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledConnection").field("stream", &self.stream).finish_non_exhaustive()
    }
}

#[async_trait]
impl Shutdown for PooledConnection {
    async fn shutdown(&mut self) {
        // The other end may be gone already; nothing is left to be done then.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for PooledConnection {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for PooledConnection {}
impl Peek for PooledConnection {}

impl GetTimingDigest for PooledConnection {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for PooledConnection {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for PooledConnection {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::proxy::settings::Server;
    use crate::proxy::upstream::socket::connect;

    const ANN: u64 = 1;
    const BOB: u64 = 2;
    const IDLE: Duration = Duration::from_secs(10);

    fn settings() -> UpstreamSettings {
        UpstreamSettings::new(vec![Server { host: "127.0.0.1".to_owned(), port: 1, tls: false }])
    }

    async fn pair(listener: &TcpListener) -> (Box<PooledConnection>, TcpStream) {
        let stream = connect(listener.local_addr().unwrap(), IDLE).await.unwrap();
        (Box::new(PooledConnection::new(Transport::Plain(stream), &settings())), listener.accept().await.unwrap().0)
    }

    async fn readable(connection: &PooledConnection) {
        let Transport::Plain(stream) = &connection.stream else { panic!("a plain one") };
        stream.readable().await.unwrap();
    }

    #[tokio::test]
    async fn only_quiet_lines_that_did_not_wait_for_too_long_are_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (kept, now) = (IdleConnections::default(), Instant::now());
        let (quiet, _well) = pair(&listener).await;
        let (old, _well_too) = pair(&listener).await;
        let (closed, app) = pair(&listener).await;
        drop(app);
        readable(&closed).await;
        let (talks, mut app) = pair(&listener).await;
        app.write_all(b"x").await.unwrap();
        readable(&talks).await;
        for swept in [false, true] {
            let (fit, _app) = pair(&listener).await;
            let id = fit.id();
            kept.put(fit, now + IDLE, ANN);
            if swept {
                kept.sweep(now + IDLE, IDLE);
            }
            let taken = kept.take(now + IDLE, IDLE, ANN).unwrap();
            assert_eq!(taken.id(), id);
        }
        for connection in [old, closed, talks] {
            kept.put(connection, now, ANN);
        }
        let id = quiet.id();
        kept.put(quiet, now + IDLE / 2, ANN);
        assert_eq!(kept.take(now + IDLE, IDLE, ANN).unwrap().id(), id);
        assert!(kept.take(now + IDLE, IDLE, ANN).is_none(), "waited for too long, closed, or has spoken");
    }

    #[tokio::test]
    async fn nobody_gets_what_carried_the_requests_of_another_and_the_oldest_goes_first() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (kept, now) = (IdleConnections::default(), Instant::now());
        let (hers, _app) = pair(&listener).await;
        let id = hers.id();
        kept.put(hers, now, ANN);
        assert!(kept.take(now, IDLE, BOB).is_none());
        assert_eq!(kept.take(now, IDLE, ANN).unwrap().id(), id);
        let mut apps = Vec::new();
        for n in 0..=MOST {
            let (connection, app) = pair(&listener).await;
            apps.push(app);
            kept.put(connection, now, if n == 0 { BOB } else { ANN });
        }
        assert!(kept.take(now, IDLE, BOB).is_none(), "it made room for one that is of more use");
        assert!(kept.take(now, IDLE, ANN).is_some());
    }

    #[tokio::test]
    async fn what_came_a_moment_ago_is_seen() {
        use std::io::Write;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (kept, now) = (IdleConnections::default(), Instant::now());
        for (says, resets) in [("x", false), ("", false), ("", true)] {
            let (connection, app) = pair(&listener).await;
            kept.put(connection, now, ANN);
            // No turn of the runtime from here on.
            let mut app = app.into_std().unwrap();
            app.write_all(says.as_bytes()).unwrap();
            if says.is_empty() {
                let linger = resets.then_some(Duration::ZERO);
                SockRef::from(&app).set_linger(linger).unwrap();
                drop(app);
                assert!(kept.take(now, IDLE, ANN).is_none(), "closed");
            } else {
                assert!(kept.take(now, IDLE, ANN).is_none(), "has spoken");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_waited_for_as_long_as_it_may_be_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut connection, _app) = pair(&listener).await;
        for _ in 0..2 {
            let started = Instant::now();
            let fault = connection.read_u8().await.unwrap_err();
            assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
            assert_eq!(started.elapsed().as_secs(), settings().read_timeout.as_secs());
            connection.reading.budget.renew();
        }
    }
}
