//! The short way: a request is sent to the app at once, and then its answer is passed on.
//!
//! Where a request and its answer may flow at the same time, Pingora runs two loops with queues between them. Most
//! requests have no body, or one that is here already, and need none of that. What does not fit takes Pingora's way:
//! bodies that are large or slow, HEAD, clients over HTTP/1.0, servers over HTTP/2, fields that are a matter
//! of one hop; and so does a request that failed before its answer began and may be tried again. Both ways share every
//! judgement: what the app sees is an [`UpstreamHead`](super::request_head::UpstreamHead), what the client sees went
//! through the same two filters.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use http::{Method, StatusCode, Version, header};
use pingora_core::protocols::http::HttpTask;
use pingora_core::protocols::http::v1::client::HttpSession;
use pingora_error::ErrorType::{InternalError, ReadTimedout, WriteError, WriteTimedout};
use pingora_error::{Error, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use tokio::io::AsyncWriteExt;
use tokio::task::unconstrained;
use tokio::time::timeout;

use super::pooled_connection::PooledConnection;
use super::private_connections::Reuse;
use super::response_head;
use super::reuse::{may_take_kept, sharer};
use super::transport::TransportPolicy;
use crate::proxy::clock;
use crate::proxy::context::Ctx;
use crate::proxy::convert;
use crate::proxy::gateway::Gateway;
use crate::proxy::request::head;

/// Pieces of an answer that are written at once.
const BATCH: usize = 4;
/// So many bytes of a body are worth a write of their own: more would only be held for a client that reads slowly.
const HEAVY: usize = 32 * 1024;
/// A body of so many bytes goes with its head: the system takes both whatever the app does meanwhile, so nobody needs to
/// listen while it is sent. Pingora can send it anew.
const SMALL: u64 = 16 * 1024;
/// How long the rest of such a body may take. Nothing was sent by then.
const SOON: Duration = Duration::from_millis(20);

impl Gateway {
    /// Asks the app and passes its answer on. `false`: nothing was answered, and Pingora's way is still open.
    ///
    /// # Errors
    /// The app, or the client, failed in a way that is not to be tried again.
    pub(crate) async fn ask_directly(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        let (Some(_), Some(site)) = (ctx.judgement.permit(), ctx.judgement.site.clone()) else { return Ok(false) };
        let request = session.req_header();
        let known = matches!(request.version, Version::HTTP_11 | Version::HTTP_2) && request.method != Method::HEAD;
        let shared = matches!(ctx.upstream.reuse, Reuse::Shared);
        if !shared || !known || ctx.judgement.websocket {
            return Ok(false);
        }
        let Some(length) = length_of_small_body(session) else { return Ok(false) };
        let kept = may_take_kept(session);
        let request = session.req_header();
        let policy = || TransportPolicy::of(request, length.is_some_and(|length| length > 0), ctx.upstream.http2_only);
        let Some(alpn) = site.pool.short_way(kept, policy) else { return Ok(false) };
        let Some(mut wire) = self.upstream_head(request, ctx)?.to_bytes(request, length, !kept) else {
            return Ok(false);
        };
        if let Some(length @ 1..) = length {
            match add_body(session, &mut wire, length).await {
                Ok(true) => ctx.upstream.body = length,
                Ok(false) => return Ok(false),
                Err(error) => return or_again(self.after_failure(session, ctx, error.into_down(), false)),
            }
        }
        if !kept {
            ctx.upstream.reuse = Reuse::Never;
        }
        // Whatever else is ready is judged first, so that an app on the same machine is woken once for many requests. It
        // is not done later: from the look at a kept connection to the request nothing may come between.
        tokio::task::yield_now().await;
        let Some(target) = site.pool.choose(&ctx.upstream.tried) else { return Ok(false) };
        ctx.upstream.tried.push(target.address);
        let started = *ctx.timing.upstream_started.insert(clock::now());
        let sharer = sharer(ctx);
        let used = kept.then(|| target.kept_connection(&site.settings.upstream, started, sharer)).flatten();
        let (connection, reused) = match used {
            Some(connection) => (connection, true),
            None => match target.new_connection(&site.settings.upstream, alpn.clone()).await {
                Ok(Some(connection)) => (connection, false),
                Ok(None) => {
                    site.pool.note_choice(Version::HTTP_2);
                    ctx.upstream.tried.pop();
                    return Ok(false);
                }
                Err(error) => {
                    ctx.upstream.body = 0;
                    return or_again(self.after_no_connection(ctx, &alpn, error.into_up()));
                }
            },
        };
        match self.converse(session, ctx, connection, &wire).await {
            Ok(connection) => {
                match (connection.filter(|_| kept), &ctx.upstream.reuse) {
                    (Some(connection), Reuse::Shared) if !ctx.upstream.last_use => {
                        target.keep(connection, clock::now(), sharer)
                    }
                    (Some(connection), Reuse::PrivateConnection(private)) => private.hand_over(connection.into_plain()),
                    _ => {}
                }
                Ok(true)
            }
            Err(error) => or_again(self.after_failure(session, ctx, error, reused)),
        }
    }

    /// Sends a request and passes the answer on. Gives the connection back if it can be used again.
    async fn converse(
        &self,
        session: &mut Session,
        ctx: &mut Ctx,
        mut connection: Box<PooledConnection>,
        wire: &[u8],
    ) -> Result<Option<Box<PooledConnection>>> {
        let late = |cause: io::Error| match cause.kind() {
            io::ErrorKind::TimedOut => Error::because(WriteTimedout, "while sending the request", cause).into_up(),
            _ => Error::because(WriteError, "while sending the request", cause).into_up(),
        };
        connection.write_all(wire).await.map_err(late)?;
        connection.flush().await.map_err(late)?;
        let mut app = HttpSession::new(connection);
        self.pass_answer(session, ctx, &mut app).await?;
        session.as_mut().finish_body().await.map_err(|error| error.into_down())?;
        app.respect_keepalive();
        Ok(app.reuse().await.and_then(|stream| stream.into_any().downcast().ok()))
    }

    /// Passes an answer on. `true`: its head is a 101, and what follows that is left.
    ///
    /// # Errors
    /// The app, or the client, failed.
    pub(super) async fn pass_answer(
        &self,
        session: &mut Session,
        ctx: &mut Ctx,
        app: &mut HttpSession,
    ) -> Result<bool> {
        loop {
            let piece = ctx.guarding(next_piece(app, session)).await?;
            if let HttpTask::Header(answer, _) = &piece
                && response_head::is_event_stream(answer)
                && let Some(connection) = app.stream().as_any().downcast_ref::<PooledConnection>()
            {
                connection.may_be_silent_for(ctx.snapshot.limits.tunnel_idle);
            }
            let piece = self.filtered(piece, session, ctx)?;
            if let HttpTask::Header(answer, _) = &piece
                && answer.status == StatusCode::SWITCHING_PROTOCOLS
            {
                let said = session.downstream_session.write_response_header(answer.clone()).await;
                return said.map(|()| true).map_err(|error| error.into_down());
            }
            let mut pieces = vec![piece];
            while pieces.len() < BATCH && weight(&pieces) < HEAVY && !pieces.last().is_some_and(HttpTask::is_end) {
                // Unconstrained: what is here already shall not wait for its turn.
                match unconstrained(app.read_response_task()).now_or_never() {
                    Some(Ok(piece)) => pieces.push(self.filtered(piece, session, ctx)?),
                    // What came before is still passed on.
                    Some(Err(error)) => pieces.push(HttpTask::Failed(as_timeout(error))),
                    None => break,
                }
            }
            if ctx.guarding(session.write_response_tasks(pieces)).await? {
                return Ok(false);
            }
        }
    }

    /// A piece of an answer as the client shall see it.
    fn filtered(&self, mut piece: HttpTask, session: &mut Session, ctx: &mut Ctx) -> Result<HttpTask> {
        if let HttpTask::Header(answer, end) = &mut piece {
            self.check_response(session, answer, ctx)?;
            frame(answer, *end)?;
            self.prepare_response(session, answer, ctx)?;
        }
        Ok(piece)
    }
}

/// How long a small body is. `Some(None)`: there is none, and an app does not look for one; `None`: it is not known to be
/// small.
fn length_of_small_body(session: &mut Session) -> Option<Option<u64>> {
    let is_empty = session.as_mut().is_body_empty();
    let request = session.req_header();
    if is_empty {
        return Some(convert::may_expect_body(&request.method).then_some(0));
    }
    head::announced(&request.headers).filter(|length| *length <= SMALL).map(Some)
}

/// Adds the body to a head, unless it is slow. What was read of it then, Pingora sends.
async fn add_body(session: &mut Session, wire: &mut BytesMut, length: u64) -> Result<bool> {
    session.as_mut().enable_retry_buffering();
    let whole = wire.len() as u64 + length;
    let reading = async {
        while let Some(piece) = session.downstream_session.read_request_body().await? {
            wire.extend_from_slice(&piece);
        }
        Ok(())
    };
    match timeout(SOON, reading).await {
        Ok(read) => read.map(|()| wire.len() as u64 == whole),
        Err(_) => Ok(false),
    }
}

/// The next piece of the answer; or an error, be it that the client has gone.
async fn next_piece(app: &mut HttpSession, session: &mut Session) -> Result<HttpTask> {
    let mut piece = pin!(app.read_response_task());
    let mut gone = pin!(session.downstream_session.read_body_or_idle(true));
    poll_fn(|cx| {
        if let Poll::Ready(piece) = piece.as_mut().poll(cx) {
            return Poll::Ready(piece.map_err(as_timeout));
        }
        gone.as_mut().poll(cx).map(|gone| match gone {
            Err(error) => Err(error.into_down()),
            Ok(_) => Error::e_explain(InternalError, "a body where none was announced")
                .map_err(|e: Box<Error>| e.into_down()),
        })
    })
    .await
}

/// Bytes of bodies.
fn weight(pieces: &[HttpTask]) -> usize {
    let body = |piece: &HttpTask| match piece {
        HttpTask::Body(Some(body), _) => body.len(),
        _ => 0,
    };
    pieces.iter().map(body).sum()
}

/// An error of the app's, by its name.
fn as_timeout(error: Box<Error>) -> Box<Error> {
    let late = |cause: &io::Error| cause.kind() == io::ErrorKind::TimedOut;
    let is_late = error.cause.as_ref().and_then(|cause| cause.downcast_ref()).is_some_and(late);
    let error = if is_late { Error::because(ReadTimedout, "while reading the answer", error) } else { error };
    error.into_up()
}

/// An answer without a length is sent in chunks, so that the connection need not end with it.
fn frame(answer: &mut ResponseHeader, end: bool) -> Result<()> {
    let has_no_body = matches!(answer.status.as_u16(), 204 | 304) || answer.status.is_informational() || end;
    let framed = |name| answer.headers.contains_key(name);
    if !has_no_body && !framed(header::TRANSFER_ENCODING) && !framed(header::CONTENT_LENGTH) {
        answer.set_version(Version::HTTP_11);
        answer.insert_header(header::TRANSFER_ENCODING, "chunked")?;
    }
    Ok(())
}

/// Whether to go on by Pingora's way.
fn or_again(error: Box<Error>) -> Result<bool> {
    if error.retry() { Ok(false) } else { Err(error) }
}
