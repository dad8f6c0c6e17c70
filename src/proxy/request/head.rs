//! A request head as it arrived: the checks that need nothing but itself.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, Method, Version, header};

use crate::auth::header_names::{alters_content, names_a_method};
use crate::auth::host;
use crate::auth::resource::is_never_served;
use crate::portal::error::PortalError;

/// Why a request head is answered without asking anybody: the fault shown, and the word for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) fault: PortalError,
    pub(crate) reason: &'static str,
    /// Whether the end of this request is in doubt, so that nothing after it may be read.
    pub(crate) framing: bool,
}

pub(crate) const fn reject(fault: PortalError, reason: &'static str) -> Rejection {
    Rejection { fault, reason, framing: false }
}

const fn ambiguous(reason: &'static str) -> Rejection {
    Rejection { fault: PortalError::BadRequest, reason, framing: true }
}

/// A request head as the checks see it.
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    /// `:authority`, or what an absolute target names.
    pub(crate) authority: Option<&'a str>,
    /// The target as received.
    pub(crate) target: &'a [u8],
    /// The head as received, where it was HTTP/1; asked for only in doubt.
    pub(crate) raw: &'a dyn Fn() -> Vec<u8>,
}

impl Head<'_> {
    /// What it takes as HTTP/2 counts it (RFC 9113 §6.5.2).
    pub(crate) fn list_size(&self) -> usize {
        fields_size(self.headers) + self.target.len() + 32
    }
}

/// Host and port as the client wrote them, canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// Reads a `Host`; `None` if it is not a plain host with perhaps a port.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = host::authority(text)?;
        Some(Self { host: host.into_owned(), port })
    }

    /// Leaves out the port that the scheme has anyway: what stands before us may name it, browsers never do.
    pub(crate) fn leave_out_default_port(&mut self, https: bool) {
        self.port = self.port.filter(|port| *port != if https { 443 } else { 80 });
    }

    /// `host` or `host:port`.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        self.port.map_or(Cow::Borrowed(&self.host), |port| Cow::Owned(format!("{}:{port}", self.host)))
    }
}

/// What may be asked of an app, as `Allow` tells it; a method that is not listed is judged all the same.
pub(crate) const SERVED: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Refuses what two parsers could read in two ways, before anything else is looked at.
pub(crate) fn examine(head: &Head<'_>) -> Result<(), Rejection> {
    framing(head)?;
    if is_never_served(head.method.as_str()) {
        // What follows a CONNECT was meant for a tunnel.
        let framing = head.method == Method::CONNECT;
        return Err(Rejection { fault: PortalError::MethodNotAllowed(SERVED), reason: "method", framing });
    }
    let whole_server = head.target == b"*" && head.method == Method::OPTIONS;
    if head.version < Version::HTTP_2 && head.target.first() != Some(&b'/') && !whole_server {
        return Err(reject(PortalError::BadRequest, "not_origin_form"));
    }
    Ok(())
}

/// One length, told one way (RFC 9112 §6.3).
fn framing(head: &Head<'_>) -> Result<(), Rejection> {
    let mut encodings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        if head.version != Version::HTTP_11 {
            return Err(ambiguous("transfer_encoding_version"));
        }
        if encodings.next().is_some() || !encoding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(ambiguous("transfer_encoding"));
        }
        // Pingora drops the Content-Length of such a request before we see it.
        if names_content_length(&(head.raw)()) {
            return Err(ambiguous("length_and_encoding"));
        }
    }
    let mut lengths = head.headers.get_all(header::CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next() {
        let digits = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
        if lengths.next().is_some() || !digits {
            return Err(ambiguous("content_length"));
        }
    }
    Ok(())
}

fn names_content_length(raw: &[u8]) -> bool {
    let name = b"content-length";
    raw.split(|b| *b == b'\n').any(|line| line.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name)))
}

/// The one host a request is for.
pub(crate) fn authority(head: &Head<'_>) -> Result<Authority, Rejection> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = hosts.next().map(|host| host.to_str().map_err(|_| reject(PortalError::BadRequest, "host")));
    if hosts.next().is_some() {
        return Err(reject(PortalError::BadRequest, "several_hosts"));
    }
    let text = match (head.authority, host.transpose()?) {
        (Some(a), Some(h)) if !a.eq_ignore_ascii_case(h) => return Err(reject(PortalError::BadRequest, "two_hosts")),
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => return Err(reject(PortalError::BadRequest, "no_host")),
    };
    Authority::parse(text).ok_or(reject(PortalError::BadRequest, "host"))
}

/// What fields take as HTTP/2 counts them.
pub(crate) fn fields_size(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

/// The methods that apps may take this request for. What is no text is told as the empty one, which is none.
pub(crate) fn other_methods(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let named = headers.iter().filter(|(name, value)| names_a_method(name.as_str()) && !value.is_empty());
    named.map(|(_, value)| value.to_str().map_or("", str::trim))
}

/// Whether a browser asks before anybody wants it, as [Fetch](https://fetch.spec.whatwg.org/#sec-purpose-header) says it, or
/// as browsers did before.
pub(crate) fn is_ahead(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().flat_map(|name| headers.get_all(name)).any(|purpose| {
        let first = purpose.as_bytes().split(|byte| matches!(byte, b';' | b',')).next().unwrap_or_default();
        first.trim_ascii().eq_ignore_ascii_case(b"prefetch")
    })
}

/// The type of a body that is read in one way only.
pub(crate) fn plain_content_type(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Rejection> {
    let altered = reject(PortalError::AlteredContent, "altered_content");
    let uncoded =
        |name: &header::HeaderName, value: &HeaderValue| name == header::CONTENT_ENCODING && value == "identity";
    if headers.iter().any(|(name, value)| alters_content(name.as_str()) && !uncoded(name, value)) {
        return Err(altered);
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (one, None) => Ok(one),
        _ => Err(altered),
    }
}

/// What `Content-Length` announces.
pub(crate) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
