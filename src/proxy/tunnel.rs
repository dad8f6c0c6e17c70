//! The one upgrade that is passed on: WebSocket over HTTP/1.1 (RFC 6455 §4.1). Everything else that asks to
//! leave HTTP is refused.

use http::{HeaderMap, Method, Version, header};

use super::site::{Head, Objection, object};
use crate::portal::answers::Fault;

/// Whether a request asks for a WebSocket. True only for what [`examine`] has let pass.
pub(crate) fn is_websocket(headers: &HeaderMap, version: Version) -> bool {
    version == Version::HTTP_11
        && headers.get(header::UPGRADE).is_some_and(|up| up.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Refuses upgrades to anything else, and malformed ones.
pub(crate) fn examine(head: &Head<'_>) -> Result<(), Objection> {
    let refuse = |reason| Err(object(Fault::BadRequest, reason));
    if head.headers.contains_key("http2-settings") {
        return refuse("h2c");
    }
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
