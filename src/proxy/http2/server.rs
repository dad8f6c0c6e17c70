//! One HTTP/2 connection of a client and its streams.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use pingora_core::apps::HttpServerApp;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::{Digest, Stream};
use tokio::sync::watch;
use tokio::time::Sleep;

use super::control_frames::Controlled;
use super::exchange::Exchange;
use super::reset_budget::Tally;
use crate::proxy::client::connection_state::Link;
use crate::proxy::client::data_rate::Pace;
use crate::proxy::client::limits::{Room, Taken, Told};
use crate::proxy::live::Live;
use crate::proxy::observe::access_log;
use crate::proxy::observe::metrics::Metrics;
use crate::proxy::settings::ClientLimits;

/// Upload windows: enough for a fast line, bounded per connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Of an answer that the client does not read, per stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Malformed streams, over the life of a connection.
const MALFORMED_STREAMS: usize = 1024;
/// A head is refused with a page up to this many times its limit; beyond, without.
const HEAD_SLACK: usize = 2;
/// For the words with which a connection is closed.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a client may do on a connection.
pub(crate) struct Terms {
    options: Builder,
    streams: u32,
    pace: Pace,
    /// For the preface.
    preface: Duration,
    /// Without a stream.
    idle: Duration,
    metrics: Arc<Metrics>,
    live: Arc<Live>,
    told: Told,
}

impl Terms {
    pub(crate) fn new(limits: &ClientLimits, metrics: Arc<Metrics>, live: Arc<Live>) -> Self {
        let mut options = Builder::new();
        let head = limits.header_bytes.saturating_mul(HEAD_SLACK);
        options
            .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.streams)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER)
            .max_local_error_reset_streams(Some(MALFORMED_STREAMS))
            .max_pending_accept_reset_streams(usize::try_from(limits.streams).unwrap_or(usize::MAX));
        let (preface, idle) = (limits.header_timeout, limits.keepalive);
        let (pace, told) = (Pace::of(limits), Told::default());
        Self { options, streams: limits.streams, pace, preface, idle, metrics, live, told }
    }

    /// Counts a request for which there is no place, and tells of it, though not of each in a flood.
    fn refused(&self, taken: Taken) {
        let limit = taken.limit();
        self.metrics.streams_refused.with_label_values(&[limit]).inc();
        if let Some(count) = self.told.refused(access_log::now()) {
            tracing::info!(target: "proxy", limit, count, "HTTP/2 requests refused: raise this limit if they are honest");
        }
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve<A>(io: Stream, app: &Arc<A>, terms: &Terms, shutdown: &watch::Receiver<bool>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let digest = Arc::new(Digest {
        ssl_digest: io.get_ssl_digest(),
        timing_digest: io.get_timing_digest(),
        proxy_digest: io.get_proxy_digest(),
        socket_digest: io.get_socket_digest(),
    });
    let tally = Tally::new(terms.streams, terms.live.clone());
    let controlled = Controlled::new(io, tally.clone());
    let shaken = tokio::time::timeout(terms.preface, terms.options.handshake(controlled)).await;
    let Ok(Ok(connection)) = shaken else {
        tracing::debug!(target: "proxy", "no HTTP/2 preface, or too slow");
        return;
    };
    let alarm = Box::pin(tokio::time::sleep(terms.idle));
    let room = Link::of(Some(&digest)).and_then(|link| link.room.clone());
    let shutdown = shutdown.clone();
    Hosted { connection, digest, tally, room, terms, app, shutdown, alarm, armed: true, leaving: false }.drive().await;
}

/// A connection that is being served.
struct Hosted<'t, A> {
    connection: Connection<Controlled, Bytes>,
    digest: Arc<Digest>,
    tally: Arc<Tally>,
    room: Option<Room>,
    terms: &'t Terms,
    app: &'t Arc<A>,
    shutdown: watch::Receiver<bool>,
    /// Rings when nothing has run for long enough, if `armed`.
    alarm: std::pin::Pin<Box<Sleep>>,
    armed: bool,
    /// The client was told that the connection is to be closed.
    leaving: bool,
}

impl<A: HttpServerApp + Send + Sync + 'static> Hosted<'_, A> {
    async fn drive(mut self) {
        let mut stop = self.shutdown.clone();
        let mut stopping = false;
        loop {
            let full = self.tally.is_full();
            let next = tokio::select! {
                biased;
                // A sender that is gone can never say stop; that is a stop too.
                _ = stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    self.connection.graceful_shutdown();
                    ControlFlow::Continue(())
                }
                () = self.tally.changed.notified() => self.weigh(),
                accepted = std::future::poll_fn(|cx| {
                    if full {
                        // Nobody more can be served, but the others still are; new streams wait.
                        return self.connection.poll_closed(cx).map(|_| None);
                    }
                    self.connection.poll_accept(cx)
                }) => match accepted {
                    Some(Ok((request, respond))) => self.begin(request, respond),
                    // The client is gone, or out of the grammar, or was told to go.
                    Some(Err(_)) | None => ControlFlow::Break(()),
                },
                () = &mut self.alarm, if self.armed => self.dismiss(),
            };
            if next.is_break() {
                return;
            }
        }
    }

    fn begin(&mut self, request: http::Request<RecvStream>, mut respond: SendResponse<Bytes>) -> ControlFlow<()> {
        let place = match self.room.as_ref().map_or(Err(Taken::Total), Room::take) {
            Ok(place) => place,
            Err(taken) => {
                self.terms.refused(taken);
                // Nothing was done with it: the client may ask again (RFC 9113 §8.7).
                respond.send_reset(Reason::REFUSED_STREAM);
                return ControlFlow::Continue(());
            }
        };
        self.armed = false;
        let running = self.tally.begin();
        let cancellation = running.cancellation.clone();
        let (pace, digest) = (self.terms.pace, self.digest.clone());
        let exchange = Exchange::new(request, respond, digest, self.tally.clone(), cancellation, pace);
        let (app, shutdown) = (self.app.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            let session = ServerSession::new_custom(Box::new(exchange));
            running.cancellation.run(app.process_new_http(session, &shutdown)).await;
            drop((running, place));
        });
        ControlFlow::Continue(())
    }

    /// Something has changed in what runs.
    fn weigh(&mut self) -> ControlFlow<()> {
        if self.tally.is_spent() && !self.leaving {
            tracing::debug!(target: "proxy", "HTTP/2 connection closed: too many requests taken back, or frames for nothing");
            self.leave_after(LAST_WORDS);
            self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        } else if self.tally.is_idle() {
            let time = if self.leaving { LAST_WORDS } else { self.terms.idle };
            self.alarm.as_mut().reset(access_log::now() + time);
            self.armed = true;
        }
        ControlFlow::Continue(())
    }

    /// Nothing has run for long enough.
    fn dismiss(&mut self) -> ControlFlow<()> {
        if self.leaving {
            return ControlFlow::Break(());
        }
        self.connection.graceful_shutdown();
        self.leave_after(LAST_WORDS);
        ControlFlow::Continue(())
    }

    fn leave_after(&mut self, time: Duration) {
        self.alarm.as_mut().reset(access_log::now() + time);
        (self.armed, self.leaving) = (true, true);
    }
}
