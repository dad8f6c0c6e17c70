//! Answers that go on: WebSocket echo, server-sent events, long downloads.

use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::routes::{After, number};
use super::wire::{Connection, Head};

/// Whether a request is the opening handshake of a WebSocket (RFC 6455 §4.2.1).
pub(super) fn is_handshake(head: &Head) -> bool {
    head.lists("connection", "upgrade")
        && head.lists("upgrade", "websocket")
        && head.field("sec-websocket-version").map(str::trim) == Some("13")
        && head.field("sec-websocket-key").is_some()
}

/// Answers the handshake; from there on the connection is a WebSocket.
pub(super) async fn accept(connection: &mut Connection, head: &Head) -> io::Result<()> {
    let key = head.field("sec-websocket-key").unwrap_or_default().trim();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    connection.write(answer.as_bytes()).await
}

/// Sends every message back, text and binary, until the other end closes.
pub(super) async fn web_socket(connection: Connection) -> io::Result<()> {
    let Connection { stream, ahead } = connection;
    let mut socket = WebSocketStream::from_partially_read(stream, ahead.to_vec(), Role::Server, None).await;
    while let Some(message) = socket.next().await {
        let message = message.map_err(io::Error::other)?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// One event per second, the first at once, until the other end goes away.
pub(super) async fn events(connection: &mut Connection) -> io::Result<After> {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n";
    connection.write(head.as_bytes()).await?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut count = 0_u64;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                count += 1;
                connection.write(format!("id: {count}\ndata: event {count}\n\n").as_bytes()).await?;
            }
            // Nothing more is expected; an end of the stream means that nobody listens.
            more = connection.fill() => {
                if !more? {
                    return Ok(After::Close);
                }
                connection.ahead.clear();
            }
        }
    }
}

/// `?bytes=N` bytes, 1 MiB if not said, never more than 64 KiB of them in memory.
pub(super) async fn big(connection: &mut Connection, head: &Head) -> io::Result<After> {
    let mut left = number(head, "bytes").unwrap_or(1024 * 1024);
    let keeps = head.keeps_alive();
    let close = if keeps { "" } else { "Connection: close\r\n" };
    let start = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {left}\r\n{close}Cache-Control: no-store\r\n\r\n"
    );
    connection.write(start.as_bytes()).await?;
    let block = vec![b'.'; 64 * 1024];
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        connection.write(block.get(..length).unwrap_or_default()).await?;
        left -= length as u64;
    }
    Ok(if keeps { After::KeepAlive } else { After::Close })
}
