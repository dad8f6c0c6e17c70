//! A reference in a header, read as browsers read it (WHATWG URL §4.4): the authority that it names, if it names one.

use std::borrow::Cow;

use url::Host;

/// A reference that names an authority of http or https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    /// Whether its scheme is https; `None`: it has none, as `//host/path`.
    pub(super) https: Option<bool>,
    /// As written.
    pub(super) host: &'a [u8],
    /// Where it is named.
    pub(super) port: Option<u16>,
    /// Path, query and fragment as written.
    pub(super) rest: &'a [u8],
}

impl<'a> Reference<'a> {
    /// Reads a reference on a page of http or https. `None` for one that names no authority, or none that could be ours:
    /// another scheme, a port that is no number.
    pub(super) fn parse(text: &'a [u8], on_https: bool) -> Option<Self> {
        let start = text.iter().position(|b| *b > b' ')?;
        let text = text.get(start..)?;
        let (https, rest) = scheme(text);
        let slashes = rest.iter().take_while(|b| is_slash(**b)).count();
        // A scheme that is the page's own may stand before a relative path; another one cannot.
        let absolute = slashes >= 2 || https.is_some_and(|https| https != on_https);
        let rest = rest.get(slashes..).filter(|_| absolute)?;
        let end = rest.iter().position(|b| is_slash(*b) || matches!(b, b'?' | b'#')).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let named = authority.rsplit(|b| *b == b'@').next()?;
        let (host, port) = split_port(named)?;
        Some(Self { https, host, port: port_of(port)?, rest }).filter(|_| !host.is_empty())
    }

    /// The port that it leads to.
    pub(super) fn effective_port(&self, on_https: bool) -> u16 {
        self.port.unwrap_or_else(|| default_port(self.is_https(on_https)))
    }

    /// Whether it leads to https.
    pub(super) fn is_https(&self, on_https: bool) -> bool {
        self.https.unwrap_or(on_https)
    }

    /// The host in its one spelling.
    pub(super) fn host(&self) -> Option<Cow<'a, str>> {
        spelling(self.host)
    }
}

/// The port that a scheme means without one.
pub(crate) const fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

/// A host as browsers spell it: lower case, no dot at the end, numbers as addresses, other scripts in ASCII. Borrowed
/// where nothing changes; `None` if it is no host.
pub(super) fn spelling(host: &[u8]) -> Option<Cow<'_, str>> {
    let host = std::str::from_utf8(host).ok()?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
    let last = host.rsplit('.').next().unwrap_or_default();
    if host.bytes().all(plain) && last.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some(Cow::Borrowed(host));
    }
    let host = match Host::parse(host).ok()? {
        Host::Domain(name) => name,
        address => address.to_string(),
    };
    Some(Cow::Owned(host.strip_suffix('.').map(str::to_owned).unwrap_or(host)))
}

fn scheme(text: &[u8]) -> (Option<bool>, &[u8]) {
    for (name, https) in [(b"http:".as_slice(), false), (b"https:", true)] {
        if let Some((start, rest)) = text.split_at_checked(name.len())
            && start.eq_ignore_ascii_case(name)
        {
            return (Some(https), rest);
        }
    }
    (None, text)
}

const fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// Host and port, which may be empty; `None` if brackets do not fit.
pub(super) fn split_port(named: &[u8]) -> Option<(&[u8], &[u8])> {
    let from = match named.first() {
        Some(b'[') => named.iter().position(|b| *b == b']')? + 1,
        _ => named.iter().position(|b| *b == b':').unwrap_or(named.len()),
    };
    match named.split_at_checked(from)? {
        (host, [b':', port @ ..]) => Some((host, port)),
        (host, []) => Some((host, &[])),
        _ => None,
    }
}

/// A port of digits, with zeros before it or not; `Some(None)`: none is named.
pub(super) fn port_of(text: &[u8]) -> Option<Option<u16>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok().map(Some)
}
