//! Our cookies, in one place: how they are written and how they are read.
//!
//! Here a name counts only byte for byte, and anything that merely [resembles] one of ours makes the whole presentation [`SessionCredential::Ambiguous`].

use std::borrow::Cow;
use std::time::Duration;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::auth::ceremony::CeremonyToken;
use crate::auth::handoff::BindingToken;
use crate::auth::held_request::HolderToken;
pub(crate) use crate::auth::reserved_names::{BINDING, DEVICE, FLOW, HELD, SESSION, SLIP, TURNS};
use crate::auth::reserved_names::{has_our_cookie, name_of, resembles, trimmed};
use crate::auth::secret::SecretText;
use crate::auth::session::{Channel, SessionToken};
use crate::auth::slip_token::SlipToken;

/// What a request shows of our cookies, read once.
#[derive(Clone, Default)]
pub struct Cookies {
    /// The session token, by cookie or as a bearer token.
    pub session: SessionCredential,
    /// The token of a sign-in under way.
    pub ceremony: Option<CeremonyToken>,
    /// The mark of a known browser; not yet verified.
    pub device: Option<SecretText>,
    /// What binds the browser to what it was led away with.
    pub binding: Option<BindingToken>,
    /// What it keeps while forms of its wait to be sent.
    pub holder: Option<HolderToken>,
    /// How often the browser was sent to its last destinations, as it says itself.
    pub redirects: Option<String>,
    /// Whether there is any cookie of ours, so that the browser keeps them.
    pub any: bool,
}

impl Cookies {
    pub fn read(headers: &HeaderMap) -> Self {
        Self {
            session: session_token(headers),
            ceremony: ceremony_token(headers),
            device: device_mark(headers),
            binding: binding(headers),
            holder: holder(headers),
            redirects: redirects(headers),
            any: any_of_ours(headers),
        }
    }
}

/// The session token that a request presents.
#[derive(Clone, Default)]
pub enum SessionCredential {
    /// None, or none of ours.
    #[default]
    None,
    /// By our cookie.
    Cookie(SessionToken),
    /// By `Authorization: Bearer` (RFC 6750 §2.1).
    Bearer(SessionToken),
    /// Several, or look-alikes: nobody can say which one is meant, so none counts.
    Ambiguous,
}

impl SessionCredential {
    /// The token and the way it came, if exactly one was presented.
    pub const fn token(&self) -> Option<(&SessionToken, Channel)> {
        match self {
            Self::Cookie(token) => Some((token, Channel::Cookie)),
            Self::Bearer(token) => Some((token, Channel::Bearer)),
            Self::None | Self::Ambiguous => None,
        }
    }
}

/// Reads the session token of a request. A bearer token, which no browser sends by itself, goes before the cookie.
/// An `Authorization` that is not ours is left to the app.
pub fn session_token(headers: &HeaderMap) -> SessionCredential {
    let mut bearers = headers.get_all(AUTHORIZATION).iter().filter_map(bearer);
    match (bearers.next(), bearers.next()) {
        (Some(token), None) => return SessionCredential::Bearer(token),
        (Some(_), Some(_)) => return SessionCredential::Ambiguous,
        (None, _) => {}
    }
    match lookup(headers, SESSION) {
        CookieLookup::None => SessionCredential::None,
        CookieLookup::One(value) => {
            SessionToken::parse(&value).map_or(SessionCredential::None, SessionCredential::Cookie)
        }
        CookieLookup::Several => SessionCredential::Ambiguous,
    }
}

fn device_mark(headers: &HeaderMap) -> Option<SecretText> {
    match lookup(headers, DEVICE) {
        CookieLookup::One(value) if !value.is_empty() && value.len() <= 512 => {
            Some(SecretText::new(value.into_owned()))
        }
        _ => None,
    }
}

/// The header in which a script sends a proof for one request.
const SCRIPT_SLIP: &str = "stepgate-slip";

/// The slip that a request presents beside its session. A script sends a header, whether its session is a token or the cookie
/// of the page that it runs in: no other origin can make a browser send one unasked. A browser sends the cookie, and only
/// beside the cookie of its session. Who sends the header means that one.
pub fn slip_token(headers: &HeaderMap, session: &SessionCredential) -> Option<SlipToken> {
    let mut values = headers.get_all(SCRIPT_SLIP).iter();
    if let Some(value) = values.next() {
        let text = value.to_str().ok().filter(|_| values.next().is_none())?;
        return SlipToken::parse(text.trim_matches(' '));
    }
    match (session, lookup(headers, SLIP)) {
        (SessionCredential::Cookie(_), CookieLookup::One(value)) => SlipToken::parse(&value),
        _ => None,
    }
}

/// The header in which a script sends its mark.
const SCRIPT_DEVICE: &str = "stepgate-device";

/// The mark of a known script; not yet verified.
pub(crate) fn script_mark(headers: &HeaderMap) -> Option<SecretText> {
    let mut values = headers.get_all(SCRIPT_DEVICE).iter();
    let mark = values.next().filter(|_| values.next().is_none())?.to_str().ok()?.trim();
    (!mark.is_empty() && mark.len() <= 512).then(|| SecretText::new(mark.to_owned()))
}

fn ceremony_token(headers: &HeaderMap) -> Option<CeremonyToken> {
    match lookup(headers, FLOW) {
        CookieLookup::One(value) => CeremonyToken::parse(&value),
        _ => None,
    }
}

fn binding(headers: &HeaderMap) -> Option<BindingToken> {
    match lookup(headers, BINDING) {
        CookieLookup::One(value) => BindingToken::parse(&value),
        _ => None,
    }
}

fn holder(headers: &HeaderMap) -> Option<HolderToken> {
    match lookup(headers, HELD) {
        CookieLookup::One(value) => HolderToken::parse(&value),
        _ => None,
    }
}

fn redirects(headers: &HeaderMap) -> Option<String> {
    match lookup(headers, TURNS) {
        CookieLookup::One(value) if value.len() <= 512 => Some(value.into_owned()),
        _ => None,
    }
}

fn any_of_ours(headers: &HeaderMap) -> bool {
    has_our_cookie(headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes))
}

/// `Set-Cookie` for the session; it lives as long as the browser does, and the session's own limits bind it anyway.
pub(crate) fn set_session(token: &SessionToken) -> Option<HeaderValue> {
    set_cookie(SESSION, token.expose(), None)
}

/// `Set-Cookie` for a sign-in under way.
pub(crate) fn set_ceremony(token: &CeremonyToken, ttl: Duration) -> Option<HeaderValue> {
    set_cookie(FLOW, token.expose(), Some(ttl))
}

/// `Set-Cookie` for the mark of this browser.
pub(crate) fn set_device(mark: &SecretText, ttl: Duration) -> Option<HeaderValue> {
    set_cookie(DEVICE, mark.expose(), Some(ttl))
}

/// `Set-Cookie` for a proof for one request.
pub(crate) fn set_slip(slip: &SlipToken, ttl: Duration) -> Option<HeaderValue> {
    set_cookie(SLIP, slip.expose(), Some(ttl))
}

/// `Set-Cookie` for what binds this browser to a handoff.
pub(crate) fn set_binding(binding: &BindingToken, ttl: Duration) -> Option<HeaderValue> {
    set_cookie(BINDING, binding.expose(), Some(ttl))
}

/// `Set-Cookie` for what a browser keeps while forms of its wait.
pub(crate) fn set_holder(holder: &HolderToken, ttl: Duration) -> Option<HeaderValue> {
    set_cookie(HELD, holder.expose(), Some(ttl))
}

/// `Set-Cookie` that makes the browser forget the forms that wait.
pub(crate) fn clear_holder() -> Option<HeaderValue> {
    set_cookie(HELD, "", Some(Duration::ZERO))
}

/// `Set-Cookie` for the count of turns.
pub(crate) fn set_redirects(text: &str, ttl: Duration) -> Option<HeaderValue> {
    set_cookie(TURNS, text, Some(ttl))
}

/// `Set-Cookie` that makes the browser forget a proof for one request.
pub(crate) fn clear_slip() -> Option<HeaderValue> {
    set_cookie(SLIP, "", Some(Duration::ZERO))
}

/// `Set-Cookie` that makes the browser forget the count of turns.
pub(crate) fn clear_redirects() -> Option<HeaderValue> {
    set_cookie(TURNS, "", Some(Duration::ZERO))
}

/// `Set-Cookie` that makes the browser forget the session.
pub(crate) fn clear_session() -> Option<HeaderValue> {
    set_cookie(SESSION, "", Some(Duration::ZERO))
}

/// `Set-Cookie` that makes the browser forget the sign-in under way.
pub(crate) fn clear_ceremony() -> Option<HeaderValue> {
    set_cookie(FLOW, "", Some(Duration::ZERO))
}

fn set_cookie(name: &str, value: &str, ttl: Option<Duration>) -> Option<HeaderValue> {
    let age = ttl.map(|ttl| format!("; Max-Age={}", ttl.as_secs())).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

fn bearer(value: &HeaderValue) -> Option<SessionToken> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| SessionToken::parse(token.trim_matches(' ')))?
}

enum CookieLookup<'h> {
    None,
    One(Cow<'h, str>),
    Several,
}

/// The one cookie of exactly this name, over all `Cookie` lines (HTTP/2 may split them, RFC 9113 §8.2.3).
fn lookup<'h>(headers: &'h HeaderMap, wanted: &str) -> CookieLookup<'h> {
    let mut found = CookieLookup::None;
    for pair in headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|b| *b == b';')) {
        let pair = trimmed(pair);
        let name = name_of(pair);
        // `$Version` switches some parsers to RFC 2965, where quotes hide separators.
        if name.eq_ignore_ascii_case(b"$version") {
            return CookieLookup::Several;
        }
        if !resembles(name, wanted) {
            continue;
        }
        if !pair.starts_with(name) || name != wanted.as_bytes() || !matches!(found, CookieLookup::None) {
            return CookieLookup::Several;
        }
        let value = pair.get(name.len().saturating_add(1)..).unwrap_or_default();
        found = CookieLookup::One(
            std::str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed),
        );
    }
    found
}

#[cfg(test)]
mod tests;
