//! The canonical request target: what the policy judges is byte for byte what the upstream gets.
//!
//! Three forms of one path, and how they hang together:
//! - *received*: what the client sent;
//! - *canonical* ([`Resource::path`]): what the upstream gets. It differs from the received one only
//!   where RFC 3986 says that nothing changes (`/%61dmin` is forwarded as `/admin`);
//! - *readings* ([`Resource::readings`]): the decoded texts of the canonical path that patterns are
//!   matched on. Where servers could disagree, there are several, or the target is refused.
//!
//! Limits, stated: file systems that know short names (`ADMINI~1`) or streams (`x::$DATA`) have
//! readings that no parser can list. Letter case and one trailing slash are not readings; the
//! policy judges them itself ([`super::policy::AppPolicy::judged`]).

mod canonical;
mod latin1;
mod malformed;
mod readings;
mod related;
#[cfg(test)]
pub(in crate::auth) mod tests;

use std::borrow::Cow;

use crate::auth::text::percent::encode_unless;

pub use malformed::Malformed;
pub use related::{Fields, Misnamed};

/// The longest target accepted, in bytes.
pub const MAX_TARGET_BYTES: usize = 32 * 1024;

/// The longest path accepted, in bytes as received and as canonicalised.
pub const MAX_PATH_BYTES: usize = 8 * 1024;

/// The longest method accepted, in bytes.
const MAX_METHOD_BYTES: usize = 32;

/// What an app's URLs need although parsers read it differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerances {
    /// `;name=value` inside segments.
    pub path_parameters: bool,
    /// `%2F` and `%5C` inside segments.
    pub encoded_slashes: bool,
    /// `//`.
    pub double_slashes: bool,
    /// Octets that are no UTF-8, as apps from before it send them: `%E9`.
    pub latin1: bool,
}

impl Tolerances {
    /// The same, with one more, named as the configuration names it.
    fn with(mut self, name: &str) -> Self {
        match name {
            "path_parameters" => self.path_parameters = true,
            "encoded_slashes" => self.encoded_slashes = true,
            "double_slashes" => self.double_slashes = true,
            "latin1" => self.latin1 = true,
            _ => {}
        }
        self
    }

    /// What more an app would have to tolerate for this target to be judged at all: the words of the configuration.
    /// Empty where nothing helps. For the moment after a refusal: it parses several times.
    pub fn lacking(self, target: &[u8]) -> Vec<&'static str> {
        let (mut lax, mut words) = (self, Vec::new());
        loop {
            match Resource::parse("", "GET", target, lax).map_err(Malformed::tolerance) {
                Ok(_) => return words,
                Err(Some(word)) if !words.contains(&word) => {
                    lax = lax.with(word);
                    words.push(word);
                }
                Err(_) => return Vec::new(),
            }
        }
    }
}

/// A request target that every parser reads the same way, or whose every reading is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    host: String,
    method: Cow<'static, str>,
    /// What an app may take the method for.
    other_methods: Vec<Cow<'static, str>>,
    target: String,
    path_len: usize,
    /// Empty: the path is its only reading.
    readings: Vec<String>,
    /// What else the request names.
    related: Option<Box<related::Related>>,
}

impl Resource {
    /// Parses a request target in origin-form (RFC 9112 §3.2.1), as received.
    ///
    /// # Errors
    /// [`Malformed`] if two parsers could read it differently and `tolerate` does not allow that.
    pub fn parse(host: &str, method: &str, target: &[u8], tolerate: Tolerances) -> Result<Self, Malformed> {
        let method = known_method(method)?;
        if target.len() > MAX_TARGET_BYTES {
            return Err(Malformed::TooLong);
        }
        if target.first() != Some(&b'/') {
            return Err(Malformed::NotOriginForm);
        }
        let mut parts = target.splitn(2, |b| *b == b'?');
        let (path, query) = (parts.next().unwrap_or_default(), parts.next());
        if path.len() > MAX_PATH_BYTES {
            return Err(Malformed::TooLong);
        }
        query.map_or(Ok(()), canonical::check_query)?;
        let host = host.to_owned();
        let other_methods = implied(&method);
        if canonical::is_plain(path) {
            // One copy: what was received is canonical, and ASCII by the two checks.
            let target = std::str::from_utf8(target).map_err(|_| Malformed::NotUtf8)?.to_owned();
            let (path_len, readings) = (path.len(), vec![]);
            return Ok(Self { host, method, other_methods, target, path_len, readings, related: None });
        }
        let mut target = canonical::canonicalise(path)?;
        let path_len = target.len();
        if path_len > MAX_PATH_BYTES {
            return Err(Malformed::TooLong);
        }
        let mut readings = readings::of(&target, tolerate)?;
        if matches!(readings.as_slice(), [only] if *only == target) {
            readings = Vec::new();
        }
        if let Some(query) = query {
            target.push('?');
            target.push_str(std::str::from_utf8(query).map_err(|_| Malformed::OddQuery)?);
        }
        Ok(Self { host, method, other_methods, target, path_len, readings, related: None })
    }

    /// The same, from a client that asks apps to take the method for another one: it is judged as both.
    ///
    /// # Errors
    /// [`Malformed::OddMethod`] if that is no method.
    pub fn taken_for(mut self, method: &str) -> Result<Self, Malformed> {
        let other = known_method(&method.to_ascii_uppercase())?;
        for other in implied(&other).into_iter().chain([other]) {
            if other != self.method && !self.other_methods.contains(&other) {
                self.other_methods.push(other);
            }
        }
        Ok(self)
    }

    /// The same target, asked for by another method; `None` if that is none.
    pub fn asked_by(&self, method: &str) -> Option<Self> {
        Some(Self { method: known_method(method).ok()?, other_methods: Vec::new(), ..self.clone() })
    }

    /// The canonical host of the app.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The method, as received: an upper-case token.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Every method that an app might take it for, its own first, and those that these imply. The policy judges each; the strictest wins.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.method()).chain(self.other_methods.iter().map(AsRef::as_ref))
    }

    /// Whether the request names no resource beside its target.
    pub const fn is_alone(&self) -> bool {
        self.related.is_none()
    }

    /// The path as forwarded.
    pub fn path(&self) -> &str {
        self.target.get(..self.path_len).unwrap_or_default()
    }

    /// The query as forwarded, without `?`; `Some("")` after a lone `?`.
    pub fn query(&self) -> Option<&str> {
        self.target.get(self.path_len..)?.strip_prefix('?')
    }

    /// The target as forwarded: path and query.
    pub fn target(&self) -> String {
        self.target.clone()
    }

    /// The target as forwarded, borrowed.
    pub fn as_target(&self) -> &str {
        &self.target
    }

    /// The target as a browser sends it, safe in `Location`: what a script left plain in the query is encoded.
    pub fn ascii_target(&self) -> Cow<'_, str> {
        if self.target.is_ascii() {
            return Cow::Borrowed(&self.target);
        }
        Cow::Owned(encode_unless(&self.target, |byte| byte.is_ascii()))
    }

    /// Every path that some upstream might read here, decoded; at least one, the plain reading first.
    /// The policy judges each; the strictest wins.
    pub fn readings(&self) -> impl Iterator<Item = &str> {
        let path = self.readings.is_empty().then(|| self.path());
        path.into_iter().chain(self.readings.iter().map(String::as_str))
    }
}

/// Whether no app is ever asked by this method: a tunnel through us, or an echo of the head with its secrets.
pub fn is_never_served(method: &str) -> bool {
    matches!(method, "CONNECT" | "TRACE" | "TRACK")
}

/// What else a method does with its target: a copy reads it, a move reads it and removes it (RFC 4918 §9.8, §9.9).
fn implied(method: &str) -> Vec<Cow<'static, str>> {
    match method {
        "COPY" => vec![Cow::Borrowed("GET")],
        "MOVE" => vec![Cow::Borrowed("GET"), Cow::Borrowed("DELETE")],
        _ => Vec::new(),
    }
}

/// The method, without a copy where it is a common one.
fn known_method(method: &str) -> Result<Cow<'static, str>, Malformed> {
    Ok(Cow::Borrowed(match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => {
            let token = |b: u8| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_');
            let fine = !method.is_empty() && method.len() <= MAX_METHOD_BYTES && method.bytes().all(token);
            return if fine { Ok(Cow::Owned(method.to_owned())) } else { Err(Malformed::OddMethod) };
        }
    }))
}
