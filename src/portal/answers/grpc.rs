//! Answers to gRPC calls.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use super::headers::ResponseKind;
use crate::auth::text::percent;
use crate::portal::reply::Reply;

/// A gRPC answer of trailers only: HTTP 200 and a status in the headers.
pub(crate) fn grpc(status: u8, message: &str) -> Reply {
    let mut answer = Response::new(Bytes::new());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
    if let Ok(message) = HeaderValue::from_str(&percent::encode(message)) {
        headers.insert("grpc-message", message);
    }
    answer.extensions_mut().insert(ResponseKind(if status == 16 { "challenge" } else { "error" }));
    answer
}
