//! Pingora's hooks, in their order. Each hands on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Version, header};
use pingora_core::modules::http::HttpModules;
use pingora_core::protocols::{ALPN, Digest};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, ErrorType, Result, RetryType};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, Session};

use super::cancellation::Cancellation;
use super::client::connection_state::ConnectionState;
use super::clock;
use super::context::Ctx;
use super::observe::access_log;
use super::observe::metrics::Metrics;
use super::observe::shadow_log::ShadowLog;
use super::observe::trace_log::TraceLog;
use super::parts::{AuditSink, Signer};
use super::snapshot::ActiveSnapshot;
use super::upstream::private_connections::Reuse;
use super::upstream::rewrite::Public;
use super::upstream::transport::TransportPolicy;
use super::upstream::{identity_headers, response_head, reuse};
use super::{convert, error_response, websocket};

/// How many servers are tried for one request.
const TRIES: usize = 3;

/// What every hook may need.
pub(crate) struct Gateway {
    pub(crate) active: Arc<ActiveSnapshot>,
    pub(crate) signer: Signer,
    pub(crate) audit: AuditSink,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shadow: Arc<ShadowLog>,
    pub(crate) traces: TraceLog,
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Ctx;

    fn init_downstream_modules(&self, _: &mut HttpModules) {
        // None: Pingora's own would compress, which we leave to the apps.
    }

    fn new_ctx(&self) -> Ctx {
        Ctx::new(self.active.load(), clock::now())
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<()> {
        convert::normalize_head(session.req_header_mut())?;
        ctx.connection = ConnectionState::of(session.digest()).cloned();
        if let Some(connection) = &ctx.connection {
            connection.head_complete();
        }
        ctx.cancellation = Cancellation::current();
        if let Some(cancellation) = &ctx.cancellation {
            cancellation.begin(ctx.timing.started);
        }
        // 0 is for ever, to Pingora, which would set a timer per request: the connection itself knows how long the
        // next head may take. `None` stays: this connection is to be closed.
        if session.get_keepalive().is_some() {
            session.set_keepalive(Some(0));
        }
        session.set_read_timeout(Some(ctx.snapshot.limits.body_timeout));
        // How long an answer may wait to be read is known to the connection, and to the streams of HTTP/2.
        session.set_total_drain_timeout(Some(Duration::from_secs(10)));
        if session.req_header().version == Version::HTTP_10 {
            // It knows no answers before the last one (RFC 9110 §15.2).
            session.as_downstream_mut().set_ignore_info_resp(true);
        }
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        self.handle(session, ctx).await
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
        let (Some(_), Some(site)) = (ctx.judgement.pass(), &ctx.judgement.site) else {
            return Error::e_explain(error_response::NO_PASS, "a request without leave reached the upstream stage");
        };
        let site = site.clone();
        let target = ctx.next_target(&site)?;
        ctx.timing.upstream_started = Some(clock::now());
        let has_body = !session.as_mut().is_body_empty();
        let carriage = TransportPolicy::of(session.req_header(), has_body, ctx.upstream.http2_only);
        let mut peer = target.peer(carriage, ctx.snapshot.limits.body_timeout);
        if matches!(ctx.upstream.reuse, Reuse::Shared)
            && peer.options.alpn == ALPN::H1
            && !reuse::may_take_kept(session)
        {
            ctx.upstream.reuse = Reuse::Never;
        }
        target.restrict(
            &mut peer,
            (&ctx.upstream.reuse, reuse::sharer(ctx)),
            site.settings.upstream.connect_timeout,
            ctx.upstream.http2_only,
        );
        ctx.upstream.offers_both = peer.options.alpn == ALPN::H2H1;
        ctx.upstream.silence = target.may_be_silent(&mut peer);
        if carriage == TransportPolicy::Stream && peer.options.alpn != ALPN::H1 {
            // A client of gRPC may be silent as long as its server may.
            session.set_read_timeout(Some(ctx.snapshot.limits.tunnel_idle));
        }
        Ok(Box::new(peer))
    }

    async fn connected_to_upstream(
        &self,
        session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        _fd: std::os::fd::RawFd,
        digest: Option<&Digest>,
        ctx: &mut Ctx,
    ) -> Result<()> {
        reuse::examine_connection(session, reused, digest, ctx)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        if let Some(socket) = ctx.upstream.socket.as_ref().filter(|_| request.version == Version::HTTP_11) {
            socket.note_http1();
        }
        if let Some(site) = ctx.judgement.site.as_ref().filter(|_| ctx.upstream.offers_both) {
            site.pool.note_choice(request.version);
        }
        self.prepare_request(session.req_header(), request, ctx)?;
        if session.as_mut().is_body_empty() {
            convert::tell_no_body(request)?;
        }
        ctx.expect_app();
        reuse::announce_end(request, ctx)?;
        if let Some(form) = &mut ctx.form {
            form.begin();
        }
        if let Some(body) = &mut ctx.read_body {
            body.begin();
        }
        Ok(())
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        ctx: &mut Ctx,
    ) -> Result<()> {
        if let Some(form) = ctx.form.as_ref().filter(|_| body.is_some()) {
            *body = Some(form.body());
        } else if let Some(read) = ctx.read_body.as_ref().filter(|_| body.is_some()) {
            *body = Some(read.body());
        }
        if end && body.as_ref().is_some_and(Bytes::is_empty) {
            // An empty last piece would end a chunked request twice (pingora#935).
            *body = None;
        }
        ctx.app_active();
        ctx.upstream.body += body.as_ref().map_or(0, |piece| piece.len() as u64);
        let limit = ctx.judgement.site.as_ref().and_then(|site| site.settings.max_body);
        if limit.is_some_and(|limit| ctx.upstream.body > limit) {
            return Error::e_explain(error_response::TOO_LARGE, "the body is larger than the app allows");
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        self.check_response(session, response, ctx)?;
        if ctx.upstream.silence.is_some() && response_head::is_event_stream(response) {
            ctx.upstream.silence = Some(ctx.snapshot.limits.tunnel_idle);
            ctx.expect_app();
        }
        Ok(())
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        _body: &mut Option<Bytes>,
        _end: bool,
        ctx: &mut Ctx,
    ) -> Result<Option<Duration>> {
        ctx.app_active();
        Ok(None)
    }

    async fn response_filter(&self, session: &mut Session, response: &mut ResponseHeader, ctx: &mut Ctx) -> Result<()> {
        self.prepare_response(session, response, ctx)
    }

    fn fail_to_connect(&self, _session: &mut Session, peer: &HttpPeer, ctx: &mut Ctx, error: Box<Error>) -> Box<Error> {
        self.after_no_connection(ctx, &peer.options.alpn, error)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Ctx,
        reused: bool,
    ) -> Box<Error> {
        self.after_failure(session, ctx, error, reused)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Ctx) -> FailToProxy {
        self.respond_to_error(session, error, ctx).await
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Ctx) {
        access_log::access(session, error, ctx, &self.metrics);
        self.traces.note(session.response_written().map_or(0, |answer| answer.status.as_u16()), ctx);
        Box::pin(self.end_form(session, ctx)).await;
        ctx.release_connection();
        if !session.downstream_session.is_body_done() {
            // What is read next is no head, so there shall be none on this connection.
            session.set_keepalive(None);
        } else if let Some(connection) = &ctx.connection {
            connection.expect_head();
        }
        if let Some(cancellation) = &ctx.cancellation {
            cancellation.finish();
        }
    }

    fn suppress_error_log(&self, _session: &Session, _ctx: &Ctx, _error: &Error) -> bool {
        true // `respond_to_error` tells it once, with the request id
    }

    fn request_summary(&self, _session: &Session, ctx: &Ctx) -> String {
        // Pingora's own would hold the query.
        ctx.arrival.request_id.clone()
    }
}

/// What is decided alike on either way of a request to its app, Pingora's and the [short one](super::upstream::direct).
impl Gateway {
    /// Looks at the head of an answer before anything is done with it.
    pub(crate) fn check_response(&self, session: &Session, answer: &mut ResponseHeader, ctx: &mut Ctx) -> Result<()> {
        reuse::record_auth_offer(session, answer, ctx);
        websocket::check_handshake(&session.req_header().headers, ctx.judgement.websocket, answer)?;
        response_head::examine(answer, ctx.snapshot.limits.header_bytes)
    }

    /// Makes the head of an answer what the client shall see.
    pub(crate) fn prepare_response(
        &self,
        session: &mut Session,
        answer: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        ctx.timing.upstream_answered.get_or_insert_with(clock::now);
        if let Some(connection) = ctx.connection.as_ref().filter(|_| !answer.status.is_informational()) {
            connection.answer_begins();
        }
        let version = session.req_header().version;
        response_head::strip(answer, version);
        if version == Version::HTTP_10 && !answer.headers.contains_key(header::CONTENT_LENGTH) {
            session.set_keepalive(None); // to say so before the answer ends with the connection
        }
        identity_headers::strip_answer(answer)?;
        match (&ctx.judgement.site, &ctx.arrival.authority) {
            (Some(site), Some(authority)) => {
                site.rewriting.answer(answer, Public { https: ctx.arrival.https, authority })
            }
            _ => Ok(()),
        }
    }

    /// Notes whether another server is to be tried, or the same once more; `offered` is what it was offered by TLS.
    pub(crate) fn after_no_connection(&self, ctx: &mut Ctx, offered: &ALPN, mut error: Box<Error>) -> Box<Error> {
        let asked_for_http1 = *offered == ALPN::H1 && !ctx.judgement.websocket && !ctx.upstream.http2_only;
        if asked_for_http1 && *error.etype() == ErrorType::TLSHandshakeFailure {
            // It may speak HTTP/2 only; once more, then, as it likes.
            ctx.upstream.http2_only = true;
            ctx.share_again();
            ctx.upstream.tried.pop();
            error.set_retry(true);
            return error;
        }
        // Nothing was sent, so any method may try another server.
        let more = ctx.judgement.site.as_ref().is_some_and(|site| site.pool.choose(&ctx.upstream.tried).is_some());
        error.set_retry(more && ctx.upstream.tried.len() < TRIES);
        error
    }

    /// Notes whether the request is to be sent once more.
    pub(crate) fn after_failure(
        &self,
        session: &Session,
        ctx: &mut Ctx,
        mut error: Box<Error>,
        reused: bool,
    ) -> Box<Error> {
        if Ctx::is_unfit(&error) {
            ctx.send_again();
            error.set_retry(true);
            return error;
        }
        if ctx.began_once() {
            // Whatever its server says: it may have arrived, and is sent once.
            error.set_retry(false);
            return error;
        }
        let reused = reused || ctx.upstream.socket.as_ref().is_some_and(|socket| socket.was_used());
        let whole = !session.as_ref().retry_buffer_truncated() && ctx.timing.upstream_answered.is_none();
        let repeatable = session.req_header().method.is_idempotent() && *error.esource() != ErrorSource::Downstream;
        if whole && (repeatable || was_turned_away(&error)) {
            decide(&mut error, reused);
        } else {
            error.set_retry(false);
        }
        if error.retry() {
            ctx.send_again();
        }
        error
    }
}

/// Whether to send once more what may be sent twice: an app may close a kept connection at the moment when it is used, or
/// say what answers nothing. Pingora knows that only of answers that do not come, not of requests that cannot be sent, nor
/// of what breaks TLS.
fn decide(error: &mut Error, reused: bool) {
    use ErrorType::{ConnectionClosed, InvalidHTTPHeader, ReadError, WriteError};
    let broken = matches!(error.etype(), ConnectionClosed | InvalidHTTPHeader | ReadError | WriteError);
    if broken && *error.esource() == ErrorSource::Upstream {
        error.retry = RetryType::ReusedOnly;
    }
    error.retry.decide_reuse(reused);
}

/// Whether an HTTP/2 server said that it did not look at the request: its stream is above the last one of a GOAWAY, or
/// was refused. Such a request may be sent again, whatever its method (RFC 9113 §8.7).
fn was_turned_away(error: &Error) -> bool {
    // Pingora marks these two, and of this type nothing else.
    let marked = matches!(error.retry, RetryType::Decided(true)) && *error.etype() == ErrorType::H2Error;
    marked && *error.esource() == ErrorSource::Upstream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kept_connection_did_not_take_is_sent_once_more() {
        for (etype, reused, again) in [
            (ErrorType::WriteError, true, true),
            (ErrorType::WriteError, false, false),
            (ErrorType::ReadError, true, true),
            (ErrorType::InvalidHTTPHeader, true, true),
            (ErrorType::ConnectionClosed, false, false),
            (ErrorType::WriteTimedout, true, false),
            (ErrorType::ReadTimedout, true, false),
        ] {
            let mut error = Error::explain(etype.clone(), "").into_up();
            decide(&mut error, reused);
            assert_eq!(error.retry(), again, "{etype:?}, {reused}");
        }
        let mut gone = Error::explain(ErrorType::WriteError, "the client's").into_down();
        decide(&mut gone, true);
        assert!(!gone.retry());
    }
}
