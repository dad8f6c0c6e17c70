//! Which fault an error of the proxy is, and what every answer of ours carries.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use pingora_error::{Error, ErrorSource, ErrorType};

use crate::portal::answers::Fault;

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
pub(crate) fn fault(error: &Error, limit: Option<u64>) -> Option<(Fault, &'static str)> {
    use ErrorType as E;
    let etype = error.etype();
    let told = match (error.esource(), etype) {
        (_, E::Custom("NoUpstream")) => (Fault::NoUpstream, "no_upstream"),
        (_, E::Custom("NoPass")) => (Fault::Unavailable, "no_pass"),
        (_, E::Custom("NoVoucher")) => (Fault::Unavailable, "no_voucher"),
        (_, E::Custom("BadUpgrade")) => (Fault::BadGateway, "bad_upgrade"),
        (_, E::Custom("BadFraming")) => (Fault::BadGateway, "upstream_framing"),
        (_, E::Custom("LargeHead")) => (Fault::BadGateway, "upstream_head_too_large"),
        (_, E::Custom("TooLarge")) => (Fault::TooLarge { limit: limit.unwrap_or(0) }, "body_too_large"),
        (ErrorSource::Upstream, E::ConnectTimedout | E::TLSHandshakeTimedout) => {
            (Fault::GatewayTimeout, "connect_timeout")
        }
        (ErrorSource::Upstream, E::ReadTimedout) => (Fault::GatewayTimeout, "read_timeout"),
        (ErrorSource::Upstream, E::WriteTimedout) => (Fault::GatewayTimeout, "write_timeout"),
        (ErrorSource::Upstream, E::ConnectRefused | E::ConnectNoRoute | E::ConnectError | E::SocketError) => {
            (Fault::BadGateway, "connect_failed")
        }
        (ErrorSource::Upstream, E::TLSHandshakeFailure | E::InvalidCert | E::HandshakeError) => {
            (Fault::BadGateway, "upstream_tls")
        }
        (ErrorSource::Upstream, _) => (Fault::BadGateway, "upstream_broken"),
        (ErrorSource::Downstream, E::ReadTimedout) => (Fault::TooSlow, "body_too_slow"),
        (ErrorSource::Downstream, E::WriteError | E::ReadError | E::ConnectionClosed | E::WriteTimedout) => {
            return None;
        }
        (ErrorSource::Downstream, _) => (Fault::BadRequest, "malformed"),
        (ErrorSource::Internal | ErrorSource::Unset, _) => (Fault::BadGateway, "internal"),
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
