//! Answers that go on: WebSocket echo, server-sent events, long downloads.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use axum::http::{StatusCode, Version};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::head::Head;

/// The answer to the opening handshake of a WebSocket (RFC 6455 §4.2); `None` if the request is none.
pub(super) fn accept(head: &Head) -> Option<Response> {
    let key = head.field("sec-websocket-key")?;
    let asks = head.method == "GET"
        && head.lists("connection", "upgrade")
        && head.lists("upgrade", "websocket")
        && head.field("sec-websocket-version").map(str::trim) == Some("13");
    let key = derive_accept_key(key.trim().as_bytes());
    let fields = [(CONNECTION, "Upgrade"), (UPGRADE, "websocket"), (SEC_WEBSOCKET_ACCEPT, &key)];
    asks.then(|| (StatusCode::SWITCHING_PROTOCOLS, fields).into_response())
}

/// Sends every message back, text and binary, until the other end closes.
pub(super) async fn web_socket(upgrade: OnUpgrade) -> io::Result<()> {
    let stream = TokioIo::new(upgrade.await.map_err(io::Error::other)?);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(message) = socket.next().await {
        let message = message.map_err(io::Error::other)?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// One event per second, the first at once, until the other end goes away.
pub(super) fn events() -> Response {
    let ticks = tokio::time::interval(Duration::from_secs(1));
    let events = stream::unfold((ticks, 1_u64), async |(mut ticks, count)| {
        ticks.tick().await;
        Some((Ok::<_, Infallible>(format!("id: {count}\ndata: event {count}\n\n")), (ticks, count + 1)))
    });
    let fields = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache"), (CONNECTION, "close")];
    let mut answer = (fields, Body::from_stream(events)).into_response();
    // As old servers send what has no known length: up to the end of the connection, not in chunks.
    *answer.version_mut() = Version::HTTP_10;
    answer
}

/// That many bytes, never more than 64 KiB of them in memory.
pub(super) fn big(bytes: u64) -> Response {
    const BLOCK: &[u8] = &[b'.'; 64 * 1024];
    let whole = BLOCK.len() as u64;
    let blocks = (0..bytes.div_ceil(whole)).map(move |block| {
        let length = usize::try_from((bytes - block * whole).min(whole)).unwrap_or_default();
        Ok::<_, Infallible>(Bytes::from_static(BLOCK).slice(..length))
    });
    let fields = [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_LENGTH, bytes.to_string())];
    (fields, Body::from_stream(stream::iter(blocks))).into_response()
}
