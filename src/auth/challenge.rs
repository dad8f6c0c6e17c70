//! How a challenge is told to this client: one total classification (product.md §4), first hit wins.

use super::policy::rule::ChallengeStyle;

/// The parts of a request that the classification reads, as received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asking<'a> {
    /// The method.
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
}

/// How to tell a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Telling {
    /// CORS preflight: not challenged, passed to the app.
    Preflight,
    /// 401 before the upgrade.
    WebSocket,
    /// HTTP 200 trailers-only with `grpc-status: 16`.
    Grpc,
    /// 303 to our page.
    Redirect,
    /// A form was being sent: a page that says that it must be sent again, with a link to sign in.
    FormLost,
    /// 401 and a small page with a `target=_top` link.
    Frame,
    /// 401 problem+json.
    Problem,
}
