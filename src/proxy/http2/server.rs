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

use super::control_frames::ControlFrameCounter;
use super::exchange::Exchange;
use super::reset_budget::ResetBudget;
use crate::proxy::client::connection_state::ConnectionState;
use crate::proxy::client::data_rate::MinDataRate;
use crate::proxy::client::limits::{LimitReached, LogSampler, StreamLimits};
use crate::proxy::clock;
use crate::proxy::live::registry::LiveRequests;
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
pub(crate) struct Http2Config {
    options: Builder,
    streams: u32,
    data_rate: MinDataRate,
    /// For the preface.
    preface: Duration,
    /// Without a stream.
    idle: Duration,
    metrics: Arc<Metrics>,
    live: Arc<LiveRequests>,
    refusals: Arc<LogSampler>,
}

impl Http2Config {
    pub(crate) fn new(
        limits: &ClientLimits,
        (metrics, live, refusals): (Arc<Metrics>, Arc<LiveRequests>, Arc<LogSampler>),
    ) -> Self {
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
        let data_rate = MinDataRate::of(limits);
        Self { options, streams: limits.streams, data_rate, preface, idle, metrics, live, refusals }
    }

    /// Counts a request for which there is no place, and tells of it, though not of each in a flood.
    fn refuse(&self, taken: LimitReached) {
        let limit = taken.limit();
        self.metrics.streams_refused.with_label_values(&[limit]).inc();
        if let Some(count) = self.refusals.sample(clock::now()) {
            tracing::info!(target: "proxy", limit, count, "HTTP/2 requests refused: raise this limit if they are honest");
        }
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve<A>(io: Stream, app: &Arc<A>, config: &Http2Config, shutdown: &watch::Receiver<bool>)
where
    A: HttpServerApp + Send + Sync + 'static,
{
    let digest = Arc::new(Digest {
        ssl_digest: io.get_ssl_digest(),
        timing_digest: io.get_timing_digest(),
        proxy_digest: io.get_proxy_digest(),
        socket_digest: io.get_socket_digest(),
    });
    let budget = ResetBudget::new(config.streams);
    let controlled = ControlFrameCounter::new(io, budget.clone());
    let shaken = tokio::time::timeout(config.preface, config.options.handshake(controlled)).await;
    let Ok(Ok(connection)) = shaken else {
        tracing::debug!(target: "proxy", "no HTTP/2 preface, or too slow");
        return;
    };
    let alarm = Box::pin(tokio::time::sleep(config.idle));
    let streams = ConnectionState::of(Some(&digest)).and_then(|connection| connection.streams.clone());
    let shutdown = shutdown.clone();
    Http2Connection { connection, digest, budget, streams, config, app, shutdown, alarm, armed: true, leaving: false }
        .run()
        .await;
}

/// A connection that is being served.
struct Http2Connection<'t, A> {
    connection: Connection<ControlFrameCounter, Bytes>,
    digest: Arc<Digest>,
    budget: Arc<ResetBudget>,
    streams: Option<StreamLimits>,
    config: &'t Http2Config,
    app: &'t Arc<A>,
    shutdown: watch::Receiver<bool>,
    /// Rings when nothing has run for long enough, if `armed`.
    alarm: std::pin::Pin<Box<Sleep>>,
    armed: bool,
    /// The client was told that the connection is to be closed.
    leaving: bool,
}

impl<A: HttpServerApp + Send + Sync + 'static> Http2Connection<'_, A> {
    async fn run(mut self) {
        let mut stop = self.shutdown.clone();
        let mut stopping = false;
        loop {
            let full = self.budget.is_full();
            let next = tokio::select! {
                biased;
                // A sender that is gone can never say stop; that is a stop too.
                _ = stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    self.connection.graceful_shutdown();
                    ControlFlow::Continue(())
                }
                () = self.budget.changed.notified() => self.on_change(),
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
                () = &mut self.alarm, if self.armed => self.on_idle(),
            };
            if next.is_break() {
                return;
            }
        }
    }

    fn begin(&mut self, request: http::Request<RecvStream>, mut respond: SendResponse<Bytes>) -> ControlFlow<()> {
        let permit = match self.streams.as_ref().map_or(Err(LimitReached::Total), StreamLimits::take) {
            Ok(permit) => permit,
            Err(taken) => {
                self.config.refuse(taken);
                // Nothing was done with it: the client may ask again (RFC 9113 §8.7).
                respond.send_reset(Reason::REFUSED_STREAM);
                return ControlFlow::Continue(());
            }
        };
        self.armed = false;
        let running = self.budget.begin();
        let cancellation = running.cancellation.clone();
        let (data_rate, digest) = (self.config.data_rate, self.digest.clone());
        let exchange = Exchange::new(request, respond, digest, self.budget.clone(), cancellation, data_rate);
        let (app, live, shutdown) = (self.app.clone(), self.config.live.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            let session = ServerSession::new_custom(Box::new(exchange));
            running.cancellation.run(&live, app.process_new_http(session, &shutdown)).await;
            drop((running, permit));
        });
        ControlFlow::Continue(())
    }

    /// Something has changed in what runs.
    fn on_change(&mut self) -> ControlFlow<()> {
        if self.budget.is_spent() && !self.leaving {
            tracing::debug!(target: "proxy", "HTTP/2 connection closed: too many requests taken back, or frames for nothing");
            self.leave_after(LAST_WORDS);
            self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        } else if self.budget.is_idle() {
            let time = if self.leaving { LAST_WORDS } else { self.config.idle };
            self.alarm.as_mut().reset(clock::now() + time);
            self.armed = true;
        }
        ControlFlow::Continue(())
    }

    /// Nothing has run for long enough.
    fn on_idle(&mut self) -> ControlFlow<()> {
        if self.leaving {
            return ControlFlow::Break(());
        }
        self.connection.graceful_shutdown();
        self.leave_after(LAST_WORDS);
        ControlFlow::Continue(())
    }

    fn leave_after(&mut self, time: Duration) {
        self.alarm.as_mut().reset(clock::now() + time);
        (self.armed, self.leaving) = (true, true);
    }
}
