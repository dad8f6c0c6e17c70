//! Answers of ours outside the reserved prefix: challenges, refusals, faults. Rendered here, sent by the proxy.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};

use super::headers::finish;
use super::{Portal, challenge, fault, refusal};
use crate::auth::event::Event;
use crate::auth::proof::decision::{Challenged, Refusal};
use crate::auth::secret::SecretText;
use crate::flow::ports::StoreError;

/// Events of a response, for the edge to record.
#[derive(Clone, Default)]
pub struct Recorded(pub Vec<Event>);

/// How a challenge was told, of a closed set; rides in the extensions of the response, for the counters.
#[derive(Clone, Copy)]
pub struct ToldAs(pub &'static str);

/// Why a 503 of ours was given; rides in the extensions of the response, for the log.
#[derive(Clone)]
pub enum Cause {
    /// A store did not answer.
    Store(StoreError),
    /// As many passwords are being hashed as this machine can hash at once.
    Busy,
}

/// What is worth a word in the access event of an answer of ours: a closed set.
#[derive(Clone, Copy)]
pub struct Noted(pub &'static str);

/// What an answer needs to know of the request it answers.
#[derive(Clone)]
pub struct Facts {
    /// The request id: on every answer, page and log line.
    pub request_id: String,
    /// `https` or `http`, as the client sees it.
    pub scheme: &'static str,
    /// The host as the client wrote it in canonical form, with the port if there was one.
    pub authority: String,
    /// The canonical host of the app, without port.
    pub host: String,
    /// The client's address, after trusted proxies.
    pub client_ip: IpAddr,
    /// The method.
    pub method: Method,
    /// Path and query as received; escape before showing.
    pub target: String,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The mark of a known browser (from our device cookie), unverified.
    pub device: Option<SecretText>,
}

/// A fault or a limit that we answer ourselves. The exact cause is logged, not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 400: the request can be read in two ways, or is broken.
    BadRequest,
    /// 400: the address is written in a way that apps read differently.
    OddAddress,
    /// 404: nothing of ours at this address.
    NotFound,
    /// 405: a method that is never served here; those that are, as `Allow` lists them (RFC 9110 §15.5.6).
    MethodNotAllowed(&'static str),
    /// 408: the client did not send its request in time.
    TooSlow,
    /// 413: the body is larger than the app allows.
    TooLarge {
        /// The largest that is allowed, in bytes.
        limit: u64,
    },
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

impl Portal {
    /// Tells a challenge, by the kind of request (see `auth::proof::challenge`).
    pub fn challenge(&self, facts: &Facts, challenged: &Challenged) -> Response<Bytes> {
        finish(challenge::answer(&self.core, facts, challenged), facts)
    }

    /// Tells a refusal: page or problem+json, 403.
    pub fn refusal(&self, facts: &Facts, refusal: &Refusal) -> Response<Bytes> {
        finish(refusal::answer(&self.core, facts, refusal), facts)
    }

    /// Tells a fault: page or problem+json.
    pub fn fault(&self, facts: &Facts, fault: Fault) -> Response<Bytes> {
        finish(fault::answer(&self.core, facts, fault), facts)
    }
}
