//! Answers to gRPC calls.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use crate::auth::text::percent;
use crate::portal::reply::Reply;

/// A gRPC answer of trailers only: HTTP 200 and a status in the headers.
pub(crate) fn grpc(status: u8, message: &str) -> Reply {
    let kind = if status == 16 { "challenge" } else { "error" };
    let mut reply = Reply::new(StatusCode::OK, kind, "application/grpc", Bytes::new());
    let headers = reply.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
    if let Ok(message) = HeaderValue::from_str(&percent::encode(message)) {
        headers.insert("grpc-message", message);
    }
    reply
}
