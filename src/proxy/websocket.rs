//! The one upgrade that is passed on: WebSocket over HTTP/1.1 (RFC 6455 §4.1). Offers to leave HTTP otherwise are not
//! taken ([`super::request::normalize`]).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::BASE64;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use pingora_error::{Error, Result};
use pingora_http::ResponseHeader;

use super::context::Ctx;
use super::error_response;
use super::request::site::{Head, Rejection, reject};
use crate::auth::origin::{Address, Opener};
use crate::portal::error::PortalError;

/// Who opens a WebSocket: whose page, as its browser tells it.
pub(crate) fn opener(headers: &HeaderMap, ctx: &Ctx) -> Opener {
    let (host, port) = ctx.authority.as_ref().map_or(("", None), |at| (at.host.as_str(), at.port));
    let app = Address { scheme: if ctx.https { "https" } else { "http" }, host, port };
    Opener::of(headers.get_all(header::ORIGIN).iter().map(HeaderValue::as_bytes), &app)
}

/// Whether a request asks for a WebSocket. True only for what [`examine`] has let pass.
pub(crate) fn is_websocket(headers: &HeaderMap, version: Version) -> bool {
    version == Version::HTTP_11
        && headers.get(header::UPGRADE).is_some_and(|up| up.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Refuses upgrades to anything else, and malformed ones.
pub(crate) fn examine(head: &Head<'_>) -> Result<(), Rejection> {
    let refuse = |reason| Err(reject(PortalError::BadRequest, reason));
    let mut upgrades = head.headers.get_all(header::UPGRADE).iter();
    let Some(upgrade) = upgrades.next() else { return Ok(()) };
    if upgrades.next().is_some() || !upgrade.as_bytes().eq_ignore_ascii_case(b"websocket") {
        return refuse("upgrade");
    }
    if head.version != Version::HTTP_11 || head.method != Method::GET {
        return refuse("upgrade_method");
    }
    let has_length = head.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    if has_length || head.headers.contains_key(header::TRANSFER_ENCODING) {
        return refuse("upgrade_body");
    }
    if !nominates_upgrade(head.headers) {
        return refuse("upgrade_connection");
    }
    let once = |name: &str| head.headers.get_all(name).iter().count() == 1;
    let version = head.headers.get("sec-websocket-version").is_some_and(|v| v.as_bytes() == b"13");
    if !once("sec-websocket-key") || !once("sec-websocket-version") || !version {
        return refuse("websocket_handshake");
    }
    Ok(())
}

fn nominates_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

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
pub(crate) fn judge(request: &HeaderMap, asked: bool, answer: &ResponseHeader) -> Result<()> {
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
