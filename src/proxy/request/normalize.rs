//! Forms of a request that mean a plainer one: what the standards let a server leave out is left out before anybody
//! looks at the head, so that everybody sees the same.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

use super::head::{Authority, Head};

const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const WEBSOCKET: &str = "websocket";

/// What is to be changed in a head, so that it says the same plainly.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PlainForm {
    /// Fields to leave out.
    pub(crate) without: Vec<HeaderName>,
    /// `Upgrade` is to name this alone.
    pub(crate) upgrade: Option<&'static str>,
    pub(crate) target: Option<OriginForm>,
}

/// The plain form of a head that came over HTTP/1; what has none stays, to be refused.
pub(crate) fn normalize(head: &Head<'_>) -> PlainForm {
    let mut form = PlainForm::default();
    if head.version >= Version::HTTP_2 {
        return form; // which knows neither
    }
    if head.headers.contains_key(HTTP2_SETTINGS) {
        form.without.push(HTTP2_SETTINGS);
    }
    if head.headers.contains_key(header::UPGRADE) {
        normalize_upgrade(head, &mut form);
    }
    if head.target.first() != Some(&b'/') {
        form.target = origin_form(head);
    }
    form
}

/// An upgrade is an offer, which we take for WebSockets and otherwise leave (RFC 9110 §7.8): `h2c` of Java's HttpClient
/// and of curl, `TLS/1.2` of Apache's client. Nothing of it reaches the app, which could take it.
fn normalize_upgrade(head: &Head<'_>, form: &mut PlainForm) {
    let mut offers = head.headers.get_all(header::UPGRADE).iter();
    let only = offers.next().filter(|_| offers.next().is_none()).map(HeaderValue::as_bytes).unwrap_or_default();
    let old = head.version < Version::HTTP_11; // which has no upgrades: they must be ignored
    if !old && only.eq_ignore_ascii_case(WEBSOCKET.as_bytes()) {
        return;
    }
    // Of a list we choose; without a key it offers no WebSocket.
    if !old && offers_websocket(head.headers) && head.headers.contains_key(header::SEC_WEBSOCKET_KEY) {
        form.upgrade = Some(WEBSOCKET);
    } else {
        form.without.push(header::UPGRADE);
    }
}

fn offers_websocket(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::UPGRADE).iter();
    let mut offers = lists.flat_map(|list| list.as_bytes().split(|b| *b == b',')).map(<[u8]>::trim_ascii);
    offers.any(|offer| offer.eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
}

/// A target in origin-form, and the host that it named before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OriginForm {
    pub(crate) authority: HeaderValue,
    pub(crate) path: Vec<u8>,
}

/// A target in absolute-form, cut to origin-form (RFC 9112 §3.2.2). `None`: it is none, or names another host than
/// `Host`, and which of the two is meant nobody knows.
fn origin_form(head: &Head<'_>) -> Option<OriginForm> {
    let target = head.target;
    let colon = target.iter().position(|b| *b == b':')?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let authority = HeaderValue::from_bytes(authority).ok()?;
    let named = Authority::parse(authority.to_str().ok()?)?;
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let same = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().and_then(Authority::parse).is_some_and(|host| host == named),
        // HTTP/1.1 needs one (RFC 9112 §3.2).
        (None, _) => head.version < Version::HTTP_11,
        _ => false,
    };
    if !same {
        return None;
    }
    let path = match path.first() {
        Some(b'/') => path.to_vec(),
        None if *head.method == Method::OPTIONS => b"*".to_vec(),
        _ => [b"/", path].concat(),
    };
    Some(OriginForm { authority, path })
}
