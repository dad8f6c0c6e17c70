//! Fields of an answer that are the app's matter with us, not the client's (RFC 9110 §7.6.1).

use http::{HeaderName, StatusCode, Version, header};
use pingora_http::ResponseHeader;

const ALWAYS: [HeaderName; 5] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::UPGRADE,
    header::CONNECTION,
];

/// Removes them, and whatever else the app nominates. What frames the answer stays: Pingora reads it, and writes
/// `Connection` anew.
pub(crate) fn strip(answer: &mut ResponseHeader, client: Version) {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        return; // the handshake of a WebSocket, which was judged
    }
    for name in nominated(answer).iter().chain(&ALWAYS) {
        answer.remove_header(name);
    }
    if [answer.version, client] != [Version::HTTP_2; 2] {
        answer.remove_header(&header::TRAILER); // no trailers come through
    }
    if client == Version::HTTP_10 {
        answer.remove_header(&header::TRANSFER_ENCODING); // it ends with the connection instead
    }
}

fn nominated(answer: &ResponseHeader) -> Vec<HeaderName> {
    let lists = answer.headers.get_all(header::CONNECTION).iter();
    let names = lists.flat_map(|list| list.as_bytes().split(|b| *b == b','));
    names
        .map(<[u8]>::trim_ascii)
        // What nearly every answer says; neither names another field that is not removed anyway.
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive") && !name.eq_ignore_ascii_case(b"close"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| !matches!(*name, header::CONTENT_LENGTH | header::TRANSFER_ENCODING))
        .collect()
}
