//! What the app has at which address.

use std::io;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::answer::{Answer, plain};
use super::body::{Bad, Body};
use super::wire::{Connection, Head};
use super::{live, pages};

/// The largest body that is echoed, in bytes.
pub(super) const MAX_ECHO: usize = 16 * 1024 * 1024;

/// What becomes of the connection.
pub(super) enum After {
    /// The next request.
    KeepAlive,
    /// It ends.
    Close,
    /// It is a WebSocket now.
    WebSocket,
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// Answers one request.
pub(super) async fn serve(connection: &mut Connection, head: &Head) -> io::Result<After> {
    let mut body = match Body::of(head) {
        Ok(body) => body,
        Err(bad) => return refuse(connection, head, &bad).await,
    };
    match (head.method.as_str(), head.path()) {
        ("GET", "/ws") if live::is_handshake(head) => {
            live::accept(connection, head).await?;
            return Ok(After::WebSocket);
        }
        ("GET", "/events") => return live::events(connection).await,
        ("GET", "/big") => return live::big(connection, head).await,
        _ => {}
    }
    let answer = match route(connection, head, &mut body).await? {
        Ok(answer) => answer,
        Err(bad) => return refuse(connection, head, &bad).await,
    };
    // What the handler left unread must not be taken for the next request.
    while !body.is_done() {
        if let Err(bad) = body.next(connection).await? {
            return refuse(connection, head, &bad).await;
        }
    }
    let keeps = head.keeps_alive();
    let answer = if keeps { answer } else { answer.close() };
    answer.send(connection, head.method == "HEAD").await?;
    Ok(if keeps { After::KeepAlive } else { After::Close })
}

async fn refuse(connection: &mut Connection, head: &Head, bad: &Bad) -> io::Result<After> {
    let status = match bad {
        Bad::Framing => 400,
        Bad::TooLarge => 413,
    };
    plain(status).close().send(connection, head.method == "HEAD").await?;
    Ok(After::Close)
}

async fn route(connection: &mut Connection, head: &Head, body: &mut Body) -> io::Result<Result<Answer, Bad>> {
    let (method, path) = (head.method.as_str(), head.path());
    if matches!(path, "/echo" | "/public/echo") {
        return Ok(body.collect(connection, MAX_ECHO).await?.map(|bytes| echo(head, &bytes)));
    }
    let allowed = match path {
        "/form" => "GET, HEAD, POST, OPTIONS",
        "/upload" => "POST, PUT, OPTIONS",
        "/" | "/ws" | "/slow" | "/admin" | "/public" | "/favicon.ico" | "/events" | "/big" => "GET, HEAD, OPTIONS",
        _ if path.starts_with("/public/") || path.starts_with("/admin/") => "GET, HEAD, POST, OPTIONS",
        _ => return Ok(Ok(Answer::new(404, HTML, pages::not_found()))),
    };
    if method == "OPTIONS" {
        return Ok(Ok(Answer::new(204, HTML, "").with("Allow", allowed)));
    }
    if !allowed.split(", ").any(|m| m == method) {
        return Ok(Ok(plain(405).with("Allow", allowed)));
    }
    Ok(Ok(match (path, method) {
        ("/form", "POST") => match body.collect(connection, MAX_ECHO).await? {
            Ok(bytes) => Answer::new(200, HTML, pages::received(head, &bytes)),
            Err(bad) => return Ok(Err(bad)),
        },
        ("/form", _) => Answer::new(200, HTML, pages::form()).kept(),
        ("/upload", _) => match count(connection, body).await? {
            Ok(bytes) => Answer::new(200, JSON, json!({ "bytes": bytes }).to_string()),
            Err(bad) => return Ok(Err(bad)),
        },
        ("/ws", _) => plain(426).with("Upgrade", "websocket").with("Connection", "Upgrade"),
        ("/slow", _) => {
            tokio::time::sleep(Duration::from_secs(number(head, "seconds").unwrap_or(3).min(300))).await;
            Answer::new(200, "text/plain; charset=utf-8", "This took its time.\n")
        }
        ("/favicon.ico", _) => plain(204),
        ("/events" | "/big", _) => Answer::new(200, "text/plain; charset=utf-8", ""),
        _ if path == "/public" || path.starts_with("/public/") => Answer::new(200, HTML, pages::public(head)),
        _ if path == "/admin" || path.starts_with("/admin/") => Answer::new(200, HTML, pages::admin(head)),
        _ => Answer::new(200, HTML, pages::home(head)),
    }))
}

async fn count(connection: &mut Connection, body: &mut Body) -> io::Result<Result<u64, Bad>> {
    let mut bytes = 0;
    loop {
        match body.next(connection).await? {
            Ok(Some(piece)) => bytes += piece.len() as u64,
            Ok(None) => return Ok(Ok(bytes)),
            Err(bad) => return Ok(Err(bad)),
        }
    }
}

/// The request as it arrived, as JSON.
fn echo(head: &Head, body: &[u8]) -> Answer {
    let headers: Vec<Value> = head.fields.iter().map(|(name, value)| json!([name, value])).collect();
    let mut report = json!({ "method": head.method, "target": head.target, "headers": headers });
    if let Value::Object(members) = &mut report {
        match std::str::from_utf8(body) {
            Ok(text) => {
                members.insert("body".to_owned(), text.into());
            }
            Err(_) => {
                members.insert("body".to_owned(), BASE64.encode(body).into());
                members.insert("body_encoding".to_owned(), "base64".into());
            }
        }
    }
    Answer::new(200, JSON, report.to_string())
}

/// A number in the query.
pub(super) fn number(head: &Head, name: &str) -> Option<u64> {
    let mut pairs = url::form_urlencoded::parse(head.query().as_bytes());
    pairs.find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok())
}
