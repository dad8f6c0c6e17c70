//! Which fault an error of the proxy is, and what every answer of ours carries.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use pingora_error::{Error, ErrorSource, ErrorType};

use super::request::head::SERVED;
use crate::portal::DEPENDS_ON;
use crate::portal::error::PortalError;

/// No server of the app is up.
pub(crate) const NO_UPSTREAM: ErrorType = ErrorType::Custom("NoUpstream");
/// A request came to the upstream stage without leave. Never happens; if it did, it would end here.
pub(crate) const NO_PASS: ErrorType = ErrorType::Custom("NoPass");
/// A body grew past the app's limit.
pub(crate) const TOO_LARGE: ErrorType = ErrorType::Custom("TooLarge");
/// An app switched protocols although nobody asked, or without a valid handshake.
pub(crate) const BAD_UPGRADE: ErrorType = ErrorType::Custom("BadUpgrade");
/// An answer that could be read in two ways.
pub(crate) const BAD_FRAMING: ErrorType = ErrorType::Custom("BadFraming");
/// The head of an answer is too large to be passed on.
pub(crate) const LARGE_HEAD: ErrorType = ErrorType::Custom("LargeHead");
/// Nothing could be vouched for.
pub(crate) const NO_VOUCHER: ErrorType = ErrorType::Custom("NoVoucher");

/// The fault to tell and the word for the log; `None` if the client is gone.
pub(crate) fn fault(error: &Error, limit: Option<u64>) -> Option<(PortalError, &'static str)> {
    use ErrorType as E;
    let etype = error.etype();
    let told = match (error.esource(), etype) {
        (_, E::Custom("NoUpstream")) => (PortalError::NoUpstream, "no_upstream"),
        (_, E::Custom("NoPass")) => (PortalError::Unavailable, "no_pass"),
        (_, E::Custom("NoVoucher")) => (PortalError::Unavailable, "no_voucher"),
        (_, E::Custom("BadUpgrade")) => (PortalError::BadGateway, "bad_upgrade"),
        (_, E::Custom("BadFraming")) => (PortalError::BadGateway, "upstream_framing"),
        (_, E::Custom("LargeHead")) => (PortalError::BadGateway, "upstream_head_too_large"),
        (_, E::Custom("TooLarge")) => (PortalError::TooLarge { limit: limit.unwrap_or(0) }, "body_too_large"),
        (ErrorSource::Upstream, E::ConnectTimedout | E::TLSHandshakeTimedout) => {
            (PortalError::GatewayTimeout, "connect_timeout")
        }
        (ErrorSource::Upstream, E::ReadTimedout) => (PortalError::GatewayTimeout, "read_timeout"),
        (ErrorSource::Upstream, E::WriteTimedout) => (PortalError::GatewayTimeout, "write_timeout"),
        (ErrorSource::Upstream, E::ConnectRefused | E::ConnectNoRoute | E::ConnectError | E::SocketError) => {
            (PortalError::BadGateway, "connect_failed")
        }
        (ErrorSource::Upstream, E::TLSHandshakeFailure | E::InvalidCert | E::HandshakeError) => {
            (PortalError::BadGateway, "upstream_tls")
        }
        (ErrorSource::Upstream, _) => (PortalError::BadGateway, "upstream_broken"),
        (ErrorSource::Downstream, E::ReadTimedout) => (PortalError::TooSlow, "body_too_slow"),
        (ErrorSource::Downstream, E::WriteError | E::ReadError | E::ConnectionClosed | E::WriteTimedout) => {
            return None;
        }
        (ErrorSource::Downstream, _) => (PortalError::BadRequest, "malformed"),
        (ErrorSource::Internal | ErrorSource::Unset, _) => (PortalError::BadGateway, "internal"),
    };
    Some(told)
}

/// Puts on an answer of ours what all of them carry.
pub(crate) fn finish(response: &mut Response<Bytes>, request_id: &str, https: bool) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
    if https && !headers.contains_key(header::STRICT_TRANSPORT_SECURITY) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// The answer to `OPTIONS *`.
pub(crate) fn options() -> Response<Bytes> {
    let mut response = own(StatusCode::NO_CONTENT, "options");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(SERVED));
    response
}

/// Come back by https.
pub(crate) fn to_https(location: &HeaderValue) -> Response<Bytes> {
    let mut response = own(StatusCode::MOVED_PERMANENTLY, "https");
    response.headers_mut().insert(header::LOCATION, location.clone());
    response.headers_mut().insert(header::VARY, HeaderValue::from_static(DEPENDS_ON));
    response
}

fn own(status: StatusCode, kind: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response.headers_mut().insert("x-stepgate-response", HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
