//! How a challenge is told to this client: one total classification, first hit wins.

#[cfg(test)]
mod tests;

use crate::auth::policy::rule::{ChallengeStyle, Rule};

/// The parts of a request that the classification reads, as received.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestTraits<'a> {
    pub method: &'a str,
    /// Whether `Access-Control-Request-Method` is there.
    pub preflight: bool,
    /// Whether this asks for a WebSocket.
    pub websocket: bool,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Sec-Fetch-Mode`.
    pub fetch_mode: Option<&'a str>,
    /// `Sec-Fetch-Dest`.
    pub fetch_dest: Option<&'a str>,
    /// `X-Requested-With`.
    pub requested_with: Option<&'a str>,
    /// Whether `Authorization` is there.
    pub authorization: bool,
    /// `Accept`.
    pub accept: Option<&'a str>,
    /// The rule says `kind: api`.
    pub api: bool,
    /// The rule's `challenge:`.
    pub style: ChallengeStyle,
    /// The library that sent it, where its app has it answered so.
    pub dialect: Option<Dialect>,
}

/// A library of pages that sends requests by itself and follows answers of a form of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// htmx: it goes where `HX-Redirect` says.
    Htmx,
    /// Jakarta Faces (JSF): it goes where a partial response says.
    Faces,
}

/// How to tell a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeKind {
    /// 401 before the upgrade.
    WebSocket,
    /// HTTP 200 trailers-only with `grpc-status: 16`.
    Grpc,
    /// 303 to our page.
    Redirect,
    /// A form was being sent: it waits, and the browser is led as by a redirect; or a page says that it must be sent again,
    /// with a link to sign in.
    Form,
    /// 401 and a small page with a `target=_top` link.
    Frame,
    /// As the library that asks is led to a page.
    Dialect(Dialect),
    /// 401 problem+json.
    Problem,
}

/// What a rule says of the clients that ask for what it covers.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuleHints {
    api: bool,
    style: ChallengeStyle,
}

impl Rule {
    pub const fn hints(&self) -> RuleHints {
        RuleHints { api: self.api, style: self.challenge }
    }
}

impl RequestTraits<'_> {
    /// The same request, where a rule says this of its clients.
    #[must_use]
    pub fn with_hints(self, RuleHints { api, style }: RuleHints) -> Self {
        Self { api, style, ..self }
    }

    /// How a challenge of this request is told. Total; the first line that fits wins.
    ///
    /// A rule's `challenge:` cannot change what the protocol fixes (WebSocket, gRPC, a preflight, which follows no
    /// redirect).
    /// `status` holds for everything else. `redirect` holds for requests that say nothing about
    /// themselves: not inside frames, where our page would be blank, nor for what scripts ask. What a library is led by is
    /// no navigation, whatever it says of itself.
    pub fn challenge_kind(&self) -> ChallengeKind {
        let mode = self.fetch_mode.map(str::trim);
        let dest = self.fetch_dest.map(str::trim);
        let says_how = mode.is_some() || dest.is_some();
        if self.websocket {
            ChallengeKind::WebSocket
        } else if self.content_type.is_some_and(is_grpc) {
            ChallengeKind::Grpc
        } else if self.style == ChallengeStyle::Status || (self.method == "OPTIONS" && self.preflight) {
            ChallengeKind::Problem
        } else if mode == Some("navigate") && dest == Some("document") {
            self.navigation()
        } else if mode == Some("navigate") && matches!(dest, Some("iframe" | "frame" | "embed" | "object")) {
            ChallengeKind::Frame
        } else if let Some(dialect) = self.dialect.filter(|_| mode != Some("navigate")) {
            ChallengeKind::Dialect(dialect)
        } else if says_how || self.api || self.authorization || self.requested_with.is_some_and(is_xhr) {
            ChallengeKind::Problem
        } else if self.accept.is_some_and(names_html) || self.style == ChallengeStyle::Redirect {
            self.navigation()
        } else {
            ChallengeKind::Problem
        }
    }

    fn navigation(&self) -> ChallengeKind {
        if matches!(self.method, "GET" | "HEAD") { ChallengeKind::Redirect } else { ChallengeKind::Form }
    }
}

fn is_grpc(content_type: &str) -> bool {
    let name = content_type.trim_start();
    name.get(.."application/grpc".len()).is_some_and(|head| head.eq_ignore_ascii_case("application/grpc"))
}

fn is_xhr(requested_with: &str) -> bool {
    requested_with.trim().eq_ignore_ascii_case("XMLHttpRequest")
}

/// Whether `Accept` names `text/html` itself, not through a wildcard, and does not refuse it (`q=0`).
fn names_html(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let html = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        let refused = parts.filter_map(|p| p.split_once('=')).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|q| q <= 0.0)
        });
        html && !refused
    })
}
