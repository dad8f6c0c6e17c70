//! Which connection to the app a request takes.
//!
//! - One that was used before may be closed by the app at the moment when the request is sent. So only what may be sent
//!   twice takes such a connection, and after a failure it is sent on a new one.
//! - What has a body has a connection of its own: an app that leaves half of it unread takes the rest for the next
//!   request.
//! - What was kept serves the same person again, and nobody else: an app may speak unasked, or remember who asked last.
//! - An app that signs connections in serves each person over connections of their own
//!   ([`PrivateConnection`](super::private_connections::PrivateConnection)).
//! - Streams of HTTP/2 do not follow one another, and its servers say what they did not look at: those connections are
//!   shared.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use http::{StatusCode, Version};
use pingora_core::protocols::Digest;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::connection_auth::{self, Credentials, Offer};
use super::private_connections::Reuse;
use super::socket::Socket;
use super::target::Target;
use crate::auth::proof::decision::Permit;
use crate::proxy::context::Ctx;
use crate::proxy::error_response;
use crate::proxy::request::site::Site;

/// A kept connection is not fit for the request. Nothing was sent.
const UNFIT: ErrorType = ErrorType::Custom("UnfitConnection");

/// HTTP_1_1_REQUIRED (RFC 9113 §7).
const HTTP_1_1_REQUIRED: u32 = 0xd;

impl Ctx {
    /// The server in turn, or the one of the connection that serves this client alone.
    ///
    /// # Errors
    /// None is well that was not tried.
    pub(crate) fn next_target(&mut self, site: &Site) -> Result<Arc<Target>> {
        let upstream = &mut self.upstream;
        let private = if let Reuse::PrivateConnection(private) = &upstream.reuse { Some(private) } else { None };
        let again = private.and_then(|private| site.pool.at(private.server()?, &upstream.tried));
        let Some(target) = again.or_else(|| site.pool.choose(&upstream.tried)) else {
            return Error::e_explain(error_response::NO_UPSTREAM, "no server is up");
        };
        if let Some(private) = private {
            private.go_to(target.address);
        }
        upstream.tried.push(target.address);
        Ok(target)
    }
}

/// Finds out which connections the request may take. `false`: it was told to come by HTTP/1.1, and nothing more is
/// to be done.
pub(crate) async fn choose_connection(session: &mut Session, ctx: &mut Ctx) -> bool {
    let credentials = connection_auth::credentials(&session.req_header().headers);
    if credentials.is_none()
        && ctx.connection.as_ref().is_none_or(|connection| connection.private_connections.is_empty())
    {
        return true;
    }
    if session.req_header().version == Version::HTTP_2 {
        return match credentials {
            // Its steps need one connection, and nothing else on it meanwhile. Browsers come again by HTTP/1.1.
            Some(Credentials::Ntlm) => {
                ctx.conclude("fault", "http_1_1_required");
                if let Some(exchange) = session.downstream_session.as_custom_mut() {
                    exchange.shutdown(HTTP_1_1_REQUIRED, "NTLM").await;
                }
                false
            }
            Some(Credentials::Negotiate) => {
                ctx.upstream.reuse = Reuse::Never;
                true
            }
            None => true,
        };
    }
    ctx.upstream.reuse = private_or_not(session, ctx, credentials);
    true
}

fn private_or_not(session: &mut Session, ctx: &Ctx, credentials: Option<Credentials>) -> Reuse {
    let (Some(connection), Some(site)) = (&ctx.connection, &ctx.judgement.site) else { return Reuse::Never };
    if !is_one_person(ctx) {
        return if credentials.is_some() { Reuse::Never } else { Reuse::Shared };
    }
    let who = session_id(ctx);
    if credentials.is_none() {
        return connection.private_connections.find(&site.host, who).map_or(Reuse::Shared, Reuse::PrivateConnection);
    }
    let private = connection.private_connections.find_or_add(&site.host, who);
    if !may_take_kept(session) && !private.is_challenged() {
        private.start_over(); // these credentials begin a handshake, or are all of it
    }
    Reuse::PrivateConnection(private)
}

/// Whether all that comes over the client's connection, in this session, is one person's. A proxy in front of us
/// carries many over one connection; without a session they cannot be told apart.
fn is_one_person(ctx: &Ctx) -> bool {
    let proxied = || ctx.connection.as_ref().is_none_or(|connection| ctx.snapshot.trusted.contains(connection.peer.ip));
    session_id(ctx).is_some() || !proxied()
}

/// Looks at the connection that Pingora found.
///
/// # Errors
/// The request must not take it, and is to try another one.
pub(crate) fn examine_connection(
    session: &mut Session,
    reused: bool,
    digest: Option<&Digest>,
    ctx: &mut Ctx,
) -> Result<()> {
    let Some(socket) = Socket::of(digest) else { return Ok(()) };
    let is_new = !reused && !socket.was_used();
    let fit = is_new || socket.is_multiplexed() || {
        // Who goes on on a connection that is signed in has no other one.
        let may = may_take_kept(session) || socket.is_signed_in();
        let theirs = match &ctx.upstream.reuse {
            Reuse::PrivateConnection(private) => !reused || socket.owner() == private.key(),
            Reuse::Shared => socket.owner() == 0 && (is_new || socket.sharer() == sharer(ctx)),
            Reuse::Never => false,
        };
        may && theirs && socket.is_quiet()
    };
    if !fit {
        return Error::e_explain(UNFIT, "a kept connection is not fit for the request");
    }
    if is_new {
        socket.carry(sharer(ctx));
    }
    ctx.upstream.socket = Some(socket.clone());
    if let Reuse::PrivateConnection(private) = &ctx.upstream.reuse {
        private.adopt(socket);
        if connection_auth::credentials(&session.req_header().headers).is_some() {
            socket.sign_in();
        } else if !socket.is_signed_in() && !may_take_kept(session) {
            ctx.retire_connection();
        }
    }
    Ok(())
}

/// Notes that the app offers to sign the connection in, or is about to: then nobody else may use it.
pub(crate) fn record_auth_offer(session: &Session, answer: &ResponseHeader, ctx: &mut Ctx) {
    let offer = connection_auth::offered(&answer.headers);
    if let Reuse::PrivateConnection(private) = &ctx.upstream.reuse
        && !answer.status.is_informational()
    {
        private.challenge(offer == Offer::Token && answer.status == StatusCode::UNAUTHORIZED);
        return;
    }
    if offer == Offer::None || ctx.upstream.socket.as_ref().is_some_and(|socket| socket.is_multiplexed()) {
        return;
    }
    ctx.retire_connection();
    if let (Some(connection), Some(site)) = (&ctx.connection, &ctx.judgement.site)
        && session.req_header().version < Version::HTTP_2
        && is_one_person(ctx)
    {
        let private = connection.private_connections.find_or_add(&site.host, session_id(ctx));
        if let Some(server) = ctx.upstream.tried.last() {
            private.go_to(*server);
        }
        ctx.upstream.reuse = Reuse::PrivateConnection(private);
    }
}

impl Ctx {
    /// Whether the connection at hand was not fit; another one is to be tried then.
    pub(crate) fn is_unfit(error: &Error) -> bool {
        *error.etype() == UNFIT
    }

    /// The request is sent once more, on a new connection.
    pub(crate) fn send_again(&mut self) {
        // The server may be well; it was the kept connection that was not.
        self.upstream.tried.pop();
        self.upstream.body = 0;
        self.upstream.last_use = false;
        self.upstream.socket = None;
        match &self.upstream.reuse {
            Reuse::PrivateConnection(private) => private.start_over(),
            Reuse::Shared => self.upstream.reuse = Reuse::Never,
            Reuse::Never => {}
        }
    }

    /// The server speaks HTTP/2, whose connections are shared.
    pub(crate) fn share_again(&mut self) {
        if matches!(self.upstream.reuse, Reuse::Never) {
            self.upstream.reuse = Reuse::Shared;
        }
    }

    fn retire_connection(&mut self) {
        self.upstream.last_use = true;
        if let Some(socket) = &self.upstream.socket {
            socket.retire();
        }
    }

    /// Closes a connection that nobody may use again.
    pub(crate) fn release_connection(&mut self) {
        if let Some(socket) = self.upstream.socket.take().filter(|_| self.upstream.last_use) {
            socket.close();
        }
    }
}

/// Whether a kept connection will do: the request may be sent twice, and leaves nothing behind that the app could take
/// for the next one.
pub(crate) fn may_take_kept(session: &mut Session) -> bool {
    session.req_header().method.is_idempotent() && session.as_mut().is_body_empty()
}

/// Says that the connection ends with the answer, where nobody will use it again: so the app closes it, and no port of ours
/// stays occupied.
pub(crate) fn announce_end(request: &mut RequestHeader, ctx: &Ctx) -> Result<()> {
    if matches!(ctx.upstream.reuse, Reuse::Never) && request.version == Version::HTTP_11 && !ctx.judgement.websocket {
        request.insert_header(http::header::CONNECTION, "close")?;
    }
    Ok(())
}

/// Whose requests may go over one kept connection: one person's, or, where nobody is signed in, those from one address.
/// HTTP/1.1 does not tell what an app says unasked from its next answer, nor can it be known what an app remembers of
/// who asked last.
pub(crate) fn sharer(ctx: &Ctx) -> u64 {
    let mut hasher = DefaultHasher::new();
    match ctx.judgement.permit().and_then(Permit::subject) {
        Some(session) => session.identity.id.0.hash(&mut hasher),
        None => ctx.arrival.client.hash(&mut hasher),
    }
    hasher.finish()
}

fn session_id(ctx: &Ctx) -> Option<&str> {
    ctx.judgement.permit().and_then(Permit::subject).map(|session| session.id.as_str())
}
