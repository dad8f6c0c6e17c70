//! CORS (Fetch §3.3): which origins may read what the gateway says, and what becomes of their preflights.
//!
//! A preflight carries no credentials, so a rule that asks for some can never let one pass; and anybody can imitate
//! one. So the gateway answers it, or the operator says that it may go to the app; else it is a request like any other.

use std::time::Duration;

use crate::auth::origin::Origin;
use crate::auth::resource::is_never_served;

/// What a rule grants to scripts of other origins.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// They may read our 401 and 403, and open WebSockets. As browsers write them.
    pub origins: Vec<String>,
    /// What becomes of preflights.
    pub preflights: Preflights,
}

/// What becomes of preflights for a request that a rule covers.
#[derive(Clone, Debug, Default)]
pub enum Preflights {
    /// They are requests like any other.
    #[default]
    Judged,
    /// The gateway answers.
    Answered(Allowances),
    /// True ones go to the app, without identity.
    Passed,
}

/// What a preflight is told that it may.
#[derive(Clone, Debug, Default)]
pub struct Allowances {
    /// Methods, upper case.
    pub methods: Vec<String>,
    /// Header names, lower case.
    pub headers: Vec<String>,
    /// How long a browser may remember it.
    pub max_age: Option<Duration>,
}

/// What a CORS preflight asks for (Fetch §4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preflight<'h> {
    /// The origin, as sent.
    pub origin: &'h str,
    /// The method of the request to come.
    pub method: &'h str,
    /// The names of its headers, as sent; each is a token.
    headers: Option<&'h str>,
}

impl<'h> Preflight<'h> {
    /// Reads `Origin`, `Access-Control-Request-Method` and `Access-Control-Request-Headers`; `None` for what no
    /// browser sends.
    pub fn parse(origin: &'h [u8], method: &'h [u8], headers: Option<&'h [u8]>) -> Option<Self> {
        let text = |bytes: &'h [u8]| std::str::from_utf8(bytes).ok();
        Origin::parse(origin)?;
        let headers = match headers {
            Some(names) => Some(text(names)?),
            None => None,
        };
        let read = Self { origin: text(origin)?, method: text(method)?, headers };
        (is_token(read.method) && !is_never_served(read.method) && read.headers().all(is_token)).then_some(read)
    }

    /// The names of the headers of the request to come.
    pub fn headers(&self) -> impl Iterator<Item = &'h str> {
        self.headers.into_iter().flat_map(|names| names.split(',')).map(|name| name.trim_matches([' ', '\t']))
    }
}

/// Why a preflight is not allowed what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// Its origin is not listed.
    Origin,
    /// The method is not.
    Method,
    /// A header is not.
    Header,
}

impl Forbidden {
    /// Every one, for tables.
    pub const ALL: [Self; 3] = [Self::Origin, Self::Method, Self::Header];

    /// The stable word for logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Origin => "cors_origin",
            Self::Method => "cors_method",
            Self::Header => "cors_header",
        }
    }
}

impl Cors {
    /// Whether a rule answers a preflight so.
    pub(super) fn judge(&self, allowed: &Allowances, asked: &Preflight<'_>) -> Result<(), Forbidden> {
        let has = |list: &[String], wanted: &str| list.iter().any(|one| one == wanted);
        let as_get = asked.method == "HEAD" && !has(&allowed.methods, "HEAD");
        let method = if as_get { "GET" } else { asked.method };
        let header = |name: &str| allowed.headers.iter().any(|one| one.eq_ignore_ascii_case(name));
        if !has(&self.origins, asked.origin) {
            Err(Forbidden::Origin)
        } else if !has(&allowed.methods, method) {
            Err(Forbidden::Method)
        } else if !asked.headers().all(header) {
            Err(Forbidden::Header)
        } else {
            Ok(())
        }
    }
}

/// Whether a text is a token (RFC 9110 §5.6.2).
pub fn is_token(text: &str) -> bool {
    let tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(tchar)
}
