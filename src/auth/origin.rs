//! Origins (RFC 6454 §6.2, Fetch §3.2): whose page sends a request, as browsers tell it.

use super::host;

/// An origin as it stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `null`: a page that has none, such as one in a sandbox.
    Opaque,
    /// Scheme, host and port.
    Of {
        /// In lower case.
        scheme: String,
        /// Canonical.
        host: String,
        /// `None`: the scheme's own.
        port: Option<u16>,
    },
}

impl Origin {
    /// Reads an origin; `None` for what no browser writes.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if text == "null" {
            return Some(Self::Opaque);
        }
        let (scheme, authority) = text.split_once("://")?;
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.bytes().all(letters) {
            return None;
        }
        let (host, port) = host::authority(authority)?;
        let port = port.filter(|port| Some(*port) != default_port(scheme));
        Some(Self::Of { scheme: scheme.to_owned(), host: host.into_owned(), port })
    }

    /// Whether it is this one.
    fn is(&self, at: &Address<'_>) -> bool {
        let Self::Of { scheme, host, port } = self else { return false };
        let wanted = at.port.filter(|port| Some(*port) != default_port(at.scheme));
        scheme == at.scheme && host == at.host && *port == wanted
    }
}

/// The port that a URL of this scheme has where it names none.
pub fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Where an app stands, as its browser sees it.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Canonical.
    pub host: &'a str,
    /// The port, where one is named.
    pub port: Option<u16>,
}

/// Who opens a connection that the same-origin policy does not guard: browsers let every page open a WebSocket to
/// every server, with its cookies, and only tell whose page it is (RFC 6455 §10.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opener {
    /// No browser: nothing is said of an origin.
    Program,
    /// A page of the app itself.
    Own,
    /// A page of this origin.
    Other(String),
    /// Whose page it is cannot be read, or is said more than once.
    Unclear,
}

impl Opener {
    /// Reads every `Origin` of a request to an app that stands here.
    pub fn of<'h>(origins: impl IntoIterator<Item = &'h [u8]>, app: &Address<'_>) -> Self {
        let mut all = origins.into_iter();
        let Some(one) = all.next() else { return Self::Program };
        match Origin::parse(one) {
            Some(origin) if all.next().is_none() => {
                if origin.is(app) {
                    Self::Own
                } else {
                    Self::Other(String::from_utf8_lossy(one).into_owned())
                }
            }
            _ => Self::Unclear,
        }
    }

    /// Whether it may open a connection that is guarded; `listed`: the other origins that may.
    pub fn may_open(&self, listed: &[String]) -> bool {
        match self {
            Self::Program | Self::Own => true,
            Self::Other(origin) => listed.contains(origin),
            Self::Unclear => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for text in [
            "null",
            "https://app.example",
            "http://app.example:8080",
            "https://[2001:db8::1]:8443",
            "http://127.0.0.1",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert!(Origin::parse(text.as_bytes()).is_some(), "{text}");
        }
        for text in [
            "",
            "NULL",
            "app.example",
            "https://",
            "https://app.example/",
            "https://app.example/x",
            "https://ann@app.example",
            "https://app.example https://evil.example",
            "https://app.example,https://evil.example",
            "https://app.example:",
            "https://app.example:0",
            "https://app.example:99999",
            "HTTPS://app.example",
            "://app.example",
            "https:app.example",
            "https://app.example?x",
            "https://*.example",
        ] {
            assert!(Origin::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(Origin::parse(b"https://app.example\xff").is_none());
    }

    #[test]
    fn an_app_is_its_scheme_host_and_port() {
        let at = |scheme, port| Address { scheme, host: "app.example", port };
        let opener = |origins: &[&str], at: &Address<'_>| Opener::of(origins.iter().map(|o| o.as_bytes()), at);
        for (origin, at, own) in [
            ("https://app.example", at("https", None), true),
            ("https://app.example", at("https", Some(443)), true),
            ("https://app.example:443", at("https", None), true),
            ("https://app.example:8443", at("https", Some(8443)), true),
            ("http://app.example", at("http", Some(80)), true),
            ("http://app.example", at("https", None), false),
            ("https://app.example:8443", at("https", None), false),
            ("https://app.example", at("https", Some(80)), false),
            ("https://evil.example", at("https", None), false),
            ("https://app.example.evil.example", at("https", None), false),
            ("https://sub.app.example", at("https", None), false),
            ("wss://app.example", at("https", None), false),
            ("null", at("https", None), false),
        ] {
            let found = opener(&[origin], &at);
            assert_eq!(found == Opener::Own, own, "{origin} at {at:?}: {found:?}");
            assert_eq!(found.may_open(&[]), own);
            assert!(own || found.may_open(&[origin.to_owned()]), "{origin}");
        }
        let listed = ["https://spa.example".to_owned(), String::new()];
        let here = at("https", None);
        assert_eq!(opener(&[], &here), Opener::Program);
        for doubled in [["https://app.example"; 2], ["https://app.example", "x"], ["", "https://spa.example"]] {
            assert_eq!(opener(&doubled, &here), Opener::Unclear, "{doubled:?}");
        }
        assert!(!opener(&[""], &here).may_open(&listed) && opener(&["https://spa.example"], &here).may_open(&listed));
    }
}
