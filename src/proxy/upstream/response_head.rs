//! What of an answer is the app's matter with us, not the client's: its framing, and some of its fields (RFC 9110 §7.6.1).

use http::{HeaderName, HeaderValue, StatusCode, Version, header};
use pingora_error::{Error, Result};
use pingora_http::ResponseHeader;

use crate::proxy::error_response;
use crate::proxy::request::head;

const ALWAYS: [HeaderName; 5] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::UPGRADE,
    header::CONNECTION,
];

/// Leaves one reading of where an answer ends, whoever reads it (RFC 9112 §6, RFC 9110 §8.6).
///
/// # Errors
/// It is coded in a way that was not asked for, so what follows is not what the client takes it for; or its head is
/// larger than `most` bytes, and a client over HTTP/2 would give up all its streams.
pub(crate) fn examine(answer: &mut ResponseHeader, most: usize) -> Result<()> {
    if head::fields_size(&answer.headers) > most {
        return Error::e_explain(
            error_response::LARGE_HEAD,
            "the head of the answer is larger than `limits.header_bytes`",
        );
    }
    let mut codings = answer.headers.get_all(header::TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
    match (codings.next(), codings.next()) {
        (None, _) => {}
        (Some(chunked), None) if chunked.eq_ignore_ascii_case(b"chunked") => {}
        (Some(identity), None) if identity.eq_ignore_ascii_case(b"identity") => {
            // Of RFC 2616; it ends with the connection, as if nothing were said.
            answer.remove_header(&header::TRANSFER_ENCODING);
        }
        _ => return Error::e_explain(error_response::BAD_FRAMING, "a transfer coding that nobody asked for"),
    }
    if answer.status == StatusCode::NO_CONTENT || answer.status.is_informational() {
        answer.remove_header(&header::CONTENT_LENGTH);
        answer.remove_header(&header::TRANSFER_ENCODING);
    }
    // Pingora lets pass what says the same length several times; some clients do not.
    let mut lengths = answer.headers.get_all(header::CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next()
        && (lengths.next().is_some() || length.as_bytes().contains(&b','))
    {
        let digits = length.as_bytes().split(|b| *b == b',').next().unwrap_or_default();
        let once = HeaderValue::from_bytes(digits.trim_ascii());
        let once = once.map_err(|_| Error::explain(error_response::BAD_FRAMING, "a length that is none"))?;
        answer.insert_header(header::CONTENT_LENGTH, once)?;
    }
    Ok(())
}

/// Removes what is said to us alone, and whatever else the app nominates. What frames the answer stays: Pingora reads it,
/// and writes `Connection` anew.
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
    // We speak for ourselves (RFC 9110 §2.5): a client would doubt the chunks of an app that says HTTP/1.0.
    answer.set_version(Version::HTTP_11);
}

/// Whether an answer is a stream of events (WHATWG HTML §9.2), silent in between for as long as there is nothing to tell.
pub(crate) fn is_event_stream(answer: &ResponseHeader) -> bool {
    let kind = answer.headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
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
