//! A WebSocket: its handshake goes the short way, and what follows it is relayed without Pingora, which would hold buffers
//! of 64 KiB for each direction of each.

mod frames;
mod relay;

use std::sync::Arc;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use http::header::{
    CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use pingora_core::protocols::ALPN;
use pingora_core::protocols::http::v1::client::HttpSession;
use pingora_error::ErrorType::{ConnectionClosed, InternalError, ReadTimedout};
use pingora_error::{Error, Result};
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use self::relay::Relay;
use super::pooled_connection::PooledConnection;
use super::target::Target;
use crate::proxy::cancellation::EndReason;
use crate::proxy::clock;
use crate::proxy::context::Ctx;
use crate::proxy::error_response;
use crate::proxy::gateway::Gateway;

impl Gateway {
    /// Opens a WebSocket to the app and relays it to its end; or passes on the answer of an app that opens none.
    ///
    /// # Errors
    /// The app, or the client, failed before it was open, or it is to end.
    pub(crate) async fn open_websocket(&self, session: &mut Session, ctx: &mut Ctx) -> Result<()> {
        let connection = self.connect_websocket(ctx).await?;
        let mut head = without_hops(session.req_header());
        self.prepare_request(session.req_header(), &mut head, ctx)?;
        head.insert_header(CONNECTION, "Upgrade")?;
        head.insert_header(UPGRADE, "websocket")?;
        let mut app = HttpSession::new(connection);
        let answered = match app.write_request_header(Box::new(head)).await {
            Ok(_) => self.pass_answer(session, ctx, &mut app).await,
            Err(error) => Err(error.into_up()),
        };
        if !answered.map_err(|error| self.after_failure(session, ctx, error, false))? {
            return session.as_mut().finish_body().await.map(drop).map_err(Error::into_down);
        }
        // What the app said behind its 101; there may be nothing yet.
        let said = match app.read_body_bytes().now_or_never() {
            Some(Ok(Some(said))) => BytesMut::from(said),
            _ => BytesMut::new(),
        };
        let Ok(app) = app.into_inner().into_any().downcast::<PooledConnection>() else {
            return Error::e_explain(InternalError, "not a connection of ours");
        };
        let (Some(connection), Some(cancellation)) = (&ctx.connection, &ctx.cancellation) else {
            return Error::e_explain(InternalError, "not accepted by us");
        };
        connection.handover.ask();
        // It ends the reading of heads and bodies, which is told as an error.
        let _ = session.downstream_session.read_body_or_idle(true).await;
        let Some(client) = connection.handover.take() else {
            return Error::e_explain(ConnectionClosed, "the client has gone").map_err(|e: Box<Error>| e.into_down());
        };
        // By what it is at work is asked at once: it is there to last.
        ctx.guard();
        cancellation.lasts();
        cancellation.expect_within(ctx.snapshot.limits.tunnel_idle);
        let mut relay = Relay::new(client, (app.into_transport(), said), cancellation.clone());
        relay.run().await;
        let why = cancellation.end();
        ctx.upstream.relayed = relay.passed();
        match why {
            Some(EndReason::Session) => {
                Error::e_explain(ConnectionClosed, "its session has ended").map_err(|e: Box<Error>| e.into_down())
            }
            Some(EndReason::Silence) => Error::e_explain(ReadTimedout, "neither end has anything to say"),
            None => Ok(()),
        }
    }

    /// A new connection to the server in turn, or to the next one.
    async fn connect_websocket(&self, ctx: &mut Ctx) -> Result<Box<PooledConnection>> {
        let Some(site) = ctx.judgement.pass().and_then(|_| ctx.judgement.site.clone()) else {
            return Error::e_explain(error_response::NO_PASS, "a request without leave reached the upstream stage");
        };
        loop {
            let target: Arc<Target> = ctx.next_target(&site)?;
            ctx.timing.upstream_started = Some(clock::now());
            let error = match target.new_connection(&site.settings.upstream, ALPN::H1).await {
                Ok(Some(connection)) => return Ok(connection),
                Ok(None) => Error::explain(error_response::BAD_UPGRADE, "the server speaks HTTP/2 alone"),
                Err(error) => error.into_up(),
            };
            let error = self.after_no_connection(ctx, &ALPN::H1, error);
            if !error.retry() {
                return Err(error);
            }
        }
    }
}

/// A head without what is a matter of one hop (RFC 9110 §7.6.1), or nominated as such.
fn without_hops(received: &RequestHeader) -> RequestHeader {
    let mut head = received.clone();
    let lines = received.headers.get_all(CONNECTION).iter();
    let nominated = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    for name in nominated.filter_map(|name| HeaderName::from_bytes(name).ok()) {
        head.remove_header(&name);
    }
    for name in HOPS {
        head.remove_header(&name);
    }
    head
}

const HOPS: [HeaderName; 10] = [
    CONNECTION,
    UPGRADE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];
