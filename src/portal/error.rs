//! The errors that the gateway answers by itself, in place of an app.

use std::time::Duration;

/// An error that we answer ourselves. The exact cause is logged, not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortalError {
    /// 400: the request can be read in two ways, or is broken.
    BadRequest,
    /// 400: the address is written in a way that apps read differently.
    OddAddress,
    /// 403: a form or a call that another site made the browser send, or of which nobody can tell.
    CrossSite,
    /// 404: nothing of ours at this address.
    NotFound,
    /// 405: a method that is never served here; those that are, as `Allow` lists them (RFC 9110 §15.5.6).
    MethodNotAllowed(&'static str),
    /// 408: the client did not send its request in time.
    TooSlow,
    /// 411: a body of this size must be announced.
    LengthRequired,
    /// 413: the body is larger than the app allows.
    TooLarge {
        /// The largest that is allowed, in bytes.
        limit: u64,
    },
    /// 415: a body of a type that is not read here.
    UnsupportedMediaType,
    /// 415: a body that is read in more ways than by its one type, where it must be the one that was approved.
    AlteredContent,
    /// 421: this connection does not serve that host.
    Misdirected,
    /// 429: too many requests.
    TooMany(Duration),
    /// 431: headers too large.
    HeadersTooLarge,
    /// 502: the app broke the connection or its answer.
    BadGateway,
    /// 503: one of our own stores is unreachable.
    Unavailable,
    /// 503: no server of the app is up.
    NoUpstream,
    /// 504: the app did not answer in time.
    GatewayTimeout,
}
