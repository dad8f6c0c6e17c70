//! Answers to gRPC calls.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use crate::auth::text::percent;
use crate::portal::reply::Reply;
use crate::portal::request_info::RequestInfo;

/// A gRPC answer of trailers only: HTTP 200 and a status in the headers; of the type that was asked, for gRPC-Web reads no
/// other.
pub(crate) fn grpc(info: &RequestInfo, status: u8, message: &str) -> Reply {
    let kind = if status == 16 { "challenge" } else { "error" };
    let mut reply = Reply::new(StatusCode::OK, kind, "application/grpc", Bytes::new());
    let headers = reply.headers_mut();
    let asked = info.headers.get(CONTENT_TYPE).filter(|asked| asked.as_bytes().starts_with(b"application/grpc-web"));
    if let Some(asked) = asked {
        headers.insert(CONTENT_TYPE, asked.clone());
    }
    headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
    if let Ok(message) = HeaderValue::from_str(&percent::encode(message)) {
        headers.insert("grpc-message", message);
    }
    reply
}
