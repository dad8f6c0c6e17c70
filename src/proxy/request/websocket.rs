//! A request that opens a WebSocket over HTTP/1.1 (RFC 6455 §4.1).

use http::{HeaderMap, HeaderValue, Method, Version, header};

use super::head::{Authority, Head, Rejection, reject};
use crate::auth::origin::{Address, Opener};
use crate::portal::error::PortalError;

/// Who opens a WebSocket: whose page, as its browser tells it.
pub(crate) fn opener(headers: &HeaderMap, asked: &Authority, https: bool) -> Opener {
    let app = Address { scheme: if https { "https" } else { "http" }, host: &asked.host, port: asked.port };
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
