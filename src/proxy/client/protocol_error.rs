//! Answers for requests that never become one: heads that are malformed, too large, or too slow. The parser below
//! would say a bare status; people and scripts get the page or the problem they get elsewhere, with a request id
//! that is in the log.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;

use super::connection_state::ConnectionState;
use crate::portal::cookies::Cookies;
use crate::portal::error::PortalError;
use crate::portal::request_info::RequestInfo;
use crate::proxy::error_response;
use crate::proxy::observe::access_log;
use crate::proxy::observe::metrics::Metrics;
use crate::proxy::request::head::SERVED;
use crate::proxy::request::request_id;
use crate::proxy::snapshot::ActiveSnapshot;

/// What is needed to answer without Pingora.
pub(crate) struct ProtocolErrors {
    pub(crate) active: Arc<ActiveSnapshot>,
    pub(crate) metrics: Arc<Metrics>,
}

impl ProtocolErrors {
    /// The whole answer, as bytes of HTTP/1.1, and its access event. `head` is what has come of the request.
    pub(crate) fn answer(
        &self,
        connection: &ConnectionState,
        head: &[u8],
        started: Instant,
        fault: PortalError,
        reason: &'static str,
    ) -> Vec<u8> {
        let snapshot = self.active.load();
        let ports = &snapshot.flows.ports;
        let (method, target, headers) = parse_leniently(head);
        let https = connection.peer.is_tls();
        let facts = RequestInfo {
            request_id: request_id::request_id(ports.clock.as_ref(), ports.entropy.as_ref()),
            scheme: if https { "https" } else { "http" },
            authority: String::new(),
            letter_origin: None,
            host: String::new(),
            client_ip: connection.peer.ip,
            method,
            target,
            headers,
            cookies: Cookies::default(),
        };
        let mut response = snapshot.portal.error(&facts, fault);
        error_response::finish(&mut response, &facts.request_id, https);
        access_log::protocol_error(&facts, response.status(), reason, started, &self.metrics);
        bytes(&response, facts.method == Method::HEAD)
    }
}

/// What can be made of a head that is none: enough to tell a browser from a script.
fn parse_leniently(head: &[u8]) -> (Method, String, HeaderMap) {
    let mut lines = head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).skip_while(|line| line.is_empty());
    let mut words = lines.next().unwrap_or_default().split(|b| *b == b' ').filter(|word| !word.is_empty());
    let method = words.next().and_then(|word| Method::from_bytes(word).ok()).unwrap_or(Method::GET);
    let target = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        let mut parts = line.splitn(2, |b| *b == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    (method, target, headers)
}

fn bytes(response: &http::Response<bytes::Bytes>, head_only: bool) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    let ours = |name: &HeaderName| matches!(*name, header::CONNECTION | header::CONTENT_LENGTH);
    for (name, value) in response.headers().iter().filter(|(name, _)| !ours(name)) {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let length = response.body().len();
    out.extend_from_slice(format!("content-length: {length}\r\nconnection: close\r\n\r\n").as_bytes());
    if !head_only {
        out.extend_from_slice(response.body());
    }
    out
}

/// The fault and the word for the log of what Pingora refuses by itself.
pub(crate) fn refused_by_parser(said: &[u8]) -> (PortalError, &'static str) {
    match said.get(9..12).and_then(|code| StatusCode::from_bytes(code).ok()) {
        Some(StatusCode::METHOD_NOT_ALLOWED) => (PortalError::MethodNotAllowed(SERVED), "method"),
        _ => (PortalError::BadRequest, "malformed_head"),
    }
}
