//! The app's answer to the one upgrade that is passed on: WebSocket over HTTP/1.1 (RFC 6455 §4.1). Offers to leave HTTP
//! otherwise are not taken ([`super::request::normalize`]).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pingora_error::{Error, Result};
use pingora_http::ResponseHeader;

use super::error_response;

/// What the key of a WebSocket handshake is answered with (RFC 6455 §4.2.2).
fn accept_of(key: &[u8]) -> String {
    let text = [key.trim_ascii(), b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11".as_slice()].concat();
    BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text).as_ref())
}

/// Lets a connection leave HTTP only where that was asked for and the app has understood what: everything after a
/// 101 passes unseen, so an app that says it in error would open a tunnel through us.
///
/// # Errors
/// The app switches protocols unasked, to another one, or without proof that it has read the handshake.
pub(crate) fn check_handshake(request: &HeaderMap, asked: bool, answer: &ResponseHeader) -> Result<()> {
    if answer.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    let once = |name: header::HeaderName| {
        let mut all = answer.headers.get_all(name).iter().map(HeaderValue::as_bytes);
        all.next().filter(|_| all.next().is_none())
    };
    let key = request.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let proven = || once(header::SEC_WEBSOCKET_ACCEPT).is_some_and(|a| a.trim_ascii() == accept_of(key).as_bytes());
    let websocket = || once(header::UPGRADE).is_some_and(|u| u.trim_ascii().eq_ignore_ascii_case(b"websocket"));
    if asked && websocket() && proven() {
        return Ok(());
    }
    Error::e_explain(error_response::BAD_UPGRADE, "the app switched protocols unasked or without a valid handshake")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_standard_says() {
        assert_eq!(accept_of(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
