//! Our cookies and our bearer tokens, as far as the proxy must know them: read one, strip all.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::auth::secret::SecretText;
use crate::auth::session::SessionToken;

const SESSION: &str = "__Host-stepgate";
const DEVICE: &str = "__Host-stepgate-device";
const OURS: [&str; 3] = [SESSION, "__Host-stepgate-flow", DEVICE];

/// The session token a request presents, if exactly one.
pub(crate) fn session_token(headers: &HeaderMap) -> Option<SessionToken> {
    let mut bearers = headers.get_all(AUTHORIZATION).iter().filter_map(bearer);
    match (bearers.next(), bearers.next()) {
        (None, _) => only(headers, SESSION).and_then(|value| SessionToken::parse(&value)),
        (Some(token), None) => Some(token),
        (Some(_), Some(_)) => None,
    }
}

/// The mark of a known browser, not yet verified.
pub(crate) fn device_mark(headers: &HeaderMap) -> Option<SecretText> {
    only(headers, DEVICE).map(SecretText::new)
}

/// Whether an `Authorization` holds a token of ours, which no app may see.
pub(crate) fn is_our_bearer(value: &HeaderValue) -> bool {
    bearer(value).is_some()
}

fn bearer(value: &HeaderValue) -> Option<SessionToken> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| SessionToken::parse(token.trim()))?
}

/// The `Cookie` header for the app: every line joined by `"; "` (RFC 9113 §8.2.3), without ours.
pub(crate) fn strip_ours<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Option<HeaderValue> {
    let mut kept: Vec<u8> = Vec::new();
    let pairs = lines.into_iter().flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    for pair in pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty() && !is_ours(name_of(pair))) {
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(pair);
    }
    if kept.is_empty() { None } else { HeaderValue::from_bytes(&kept).ok() }
}

/// Whether a `Set-Cookie` of an app sets a cookie of ours.
pub(crate) fn sets_ours(value: &HeaderValue) -> bool {
    let pair = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
    is_ours(name_of(pair.trim_ascii()))
}

fn is_ours(name: &[u8]) -> bool {
    OURS.iter().any(|ours| fold(name).eq(fold(ours.as_bytes())))
}

fn fold(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter()
        .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .map(|b| if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() } else { b'-' })
}

fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|b| *b == b'=').next().unwrap_or_default()
}

/// The value of the one cookie that is, or resembles, `wanted`; `None` if there are several.
fn only(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    let mut like = pairs.map(<[u8]>::trim_ascii).filter(|pair| fold(name_of(pair)).eq(fold(wanted.as_bytes())));
    let (one, more) = (like.next()?, like.next());
    let (name, value) = std::str::from_utf8(one).ok()?.split_once('=')?;
    (more.is_none() && name == wanted).then(|| value.to_owned())
}
