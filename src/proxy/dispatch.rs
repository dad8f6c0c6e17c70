//! The way of one request: host, target, reserved prefix, decision, and then to the app or to an answer of ours.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, Version, header};
use pingora_error::{Error, Result};
use pingora_http::RequestHeader;
use pingora_proxy::{FailToProxy, Session};

use super::cancellation::EndReason;
use super::client::connection_state::{AcceptedOn, ConnectionState};
use super::context::{Ctx, Pass};
use super::convert::{self, BodyRead};
use super::error_response;
use super::gateway::Gateway;
use super::observe::audit_log;
use super::observe::metrics::DecisionKind;
use super::request::head::{self, Head, Rejection, SERVED, reject};
use super::request::request_id;
use super::request::site::{self, Site};
use super::request::{client_address, preflight, related, websocket};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::resource::{Malformed, Resource};
use crate::portal::PREFIX;
use crate::portal::cookies::{self, Cookies};
use crate::portal::error::PortalError;
use crate::portal::reply::{Cause, Note, Reply};
use crate::portal::request_info::RequestInfo;
use crate::portal::reserved::{Reserved, reserved};

/// What is to be done with a request.
pub(super) enum Route {
    /// On to the app.
    Forward,
    /// To the portal, with this target.
    Portal(String),
    /// This answer.
    Answer(Response<Bytes>),
}

impl Gateway {
    /// Judges a request and answers it, or lets the app answer by the short way; `false`: it goes on to the app by
    /// Pingora's.
    pub(crate) async fn handle(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        let ports = &ctx.snapshot.flows.ports;
        ctx.request_id = request_id::request_id(ports.clock.as_ref(), ports.entropy.as_ref());
        ctx.preflight = preflight::may_be_one(session);
        let (mut response, keep) = match self.judge(session, ctx).await {
            Ok(Route::Forward) => {
                let answered = !self.choose_connection(session, ctx).await || self.ask_directly(session, ctx).await?;
                if !answered {
                    ctx.guard();
                }
                return Ok(answered);
            }
            Ok(Route::Answer(response)) => (response, true),
            // Boxed, as is sending: what is seldom needed must not make the state of every request large.
            Ok(Route::Portal(target)) => Box::pin(self.ask_portal(session, ctx, &target)).await,
            Err(rejection) => {
                ctx.conclude("fault", rejection.reason);
                (ctx.snapshot.portal.error(&facts(session, ctx), rejection.fault), !rejection.framing)
            }
        };
        error_response::finish(&mut response, &ctx.request_id, ctx.https);
        // What fails now is the client's end, not ours.
        Box::pin(convert::send(session, response, keep)).await.map_err(Error::into_down)?;
        Ok(true)
    }

    async fn judge(&self, session: &Session, ctx: &mut Ctx) -> std::result::Result<Route, Rejection> {
        let connection = self.identify_client(session, ctx)?;
        let snapshot = ctx.snapshot.clone();
        let request = session.req_header();
        let authority = ctx.authority.as_ref().ok_or(reject(PortalError::BadRequest, "no_host"))?;
        // A trusted proxy may ask for any app over one connection.
        let accepted_on = if ctx.through_proxy { &AcceptedOn::Plain } else { &connection.accepted_on };
        let site = match site::find(&snapshot.sites, &authority.host, accepted_on) {
            Ok(site) => site,
            Err(_) if let Some(target) = asset(request) => {
                ctx.conclude("own", "portal");
                return Ok(Route::Portal(target));
            }
            Err(rejection) => return Err(rejection),
        };
        ctx.site = Some(site.clone());
        if request.raw_path() == b"*" && request.method == http::Method::OPTIONS {
            ctx.conclude("own", "options");
            return Ok(Route::Answer(options()));
        }
        let resource = resource(request, ctx, site)?;
        if ctx.to_https {
            return Ok(Route::Answer(self.redirect(session, ctx, &site.host, &resource)));
        }
        match reserved(&resource, request.raw_path()) {
            Reserved::No => {}
            Reserved::Plainly => {
                ctx.conclude("own", "portal");
                return Ok(Route::Portal(resource.target()));
            }
            Reserved::Oddly => return Err(reject(PortalError::NotFound, "reserved_prefix_disguised")),
        }
        if let Some(limit) = site.settings.max_body
            && convert::announced(&request.headers).is_some_and(|length| length > limit)
        {
            return Err(reject(PortalError::TooLarge { limit }, "body_too_large"));
        }
        ctx.websocket = websocket::is_websocket(&request.headers, request.version);
        let verdict = self.decide(session, ctx, site, &resource).await;
        ctx.resource = Some(resource);
        verdict
    }

    /// Checks the head and notes who asks whom.
    fn identify_client(
        &self,
        session: &Session,
        ctx: &mut Ctx,
    ) -> std::result::Result<Arc<ConnectionState>, Rejection> {
        let connection = ctx.connection.clone().ok_or(reject(PortalError::BadRequest, "no_link"))?;
        let request = session.req_header();
        ctx.https = matches!(connection.accepted_on, AcceptedOn::Https { .. });
        ctx.client = Some(connection.peer.ip());
        let raw = || session.as_downstream().to_h1_raw().to_vec();
        let head = Head {
            method: &request.method,
            version: request.version,
            headers: &request.headers,
            authority: request.uri.authority().map(http::uri::Authority::as_str),
            target: request.raw_path(),
            raw: &raw,
        };
        let rejection = match head::authority(&head) {
            Ok(authority) => {
                ctx.authority = Some(authority);
                None
            }
            Err(rejection) => Some(rejection),
        };
        let who = client_address::identify(&connection, &request.headers, &ctx.snapshot.trusted)
            .map_err(|doubt| reject(PortalError::BadRequest, doubt))?;
        (ctx.client, ctx.https, ctx.through_proxy) = (Some(who.ip), who.https, who.through_proxy);
        ctx.to_https = !client_address::may_be_served(&connection, &who, &ctx.snapshot.trusted);
        ctx.chain =
            client_address::forwarded_for(&connection, &who).ok_or(reject(PortalError::BadRequest, "forwarded_for"))?;
        if let Some(id) = client_address::request_id(&request.headers, &who) {
            id.clone_into(&mut ctx.request_id);
        }
        if let (Some(authority), Some(host)) = (&mut ctx.authority, who.host) {
            *authority = host;
        }
        if let Some(authority) = &mut ctx.authority {
            authority.leave_out_default_port(ctx.https);
        }
        head::examine(&head)?;
        websocket::examine(&head)?;
        if request.version == Version::HTTP_2 && convert::list_size(request) > ctx.snapshot.limits.header_bytes {
            return Err(reject(PortalError::HeadersTooLarge, "head_too_large"));
        }
        rejection.map_or(Ok(connection), Err)
    }

    async fn decide(
        &self,
        session: &Session,
        ctx: &mut Ctx,
        site: &Site,
        resource: &Resource,
    ) -> std::result::Result<Route, Rejection> {
        let client = ctx.client.ok_or(reject(PortalError::Unavailable, "no_client"))?;
        if ctx.preflight
            && let Some(verdict) = self.preflight(session, ctx, site, resource, client)
        {
            return Ok(verdict);
        }
        let opener = ctx.websocket.then_some(ctx.authority.as_ref()).flatten();
        let opener = opener.map(|asked| websocket::opener(&session.req_header().headers, asked, ctx.https));
        let circumstances = Circumstances { client, opener };
        ctx.presented = cookies::session_token(&session.req_header().headers);
        let admitted = ctx.snapshot.flows.admit(&site.policy, resource, &circumstances, ctx.presented.token());
        let decision = admitted.await.map_err(|cause| {
            tracing::error!(target: "proxy", request_id = %ctx.request_id, %cause, "cannot decide");
            reject(PortalError::Unavailable, "store")
        })?;
        match decision {
            Decision::Permit(permit) => {
                ctx.conclude("permit", "permitted");
                site.metrics.decided(DecisionKind::Permit, Some(&permit.rule().id.0));
                ctx.rule = Some(permit.rule().id.0.clone());
                ctx.pass = Pass::Permit(permit);
                Ok(Route::Forward)
            }
            Decision::Challenge(challenged) => {
                ctx.rule = Some(challenged.rule.id.0.clone());
                ctx.subject.clone_from(&challenged.subject);
                ctx.conclude("challenge", lack_word(challenged.shortfall.lack));
                site.metrics.decided(DecisionKind::Challenge, Some(&challenged.rule.id.0));
                let reply = ctx.snapshot.portal.challenge(&facts(session, ctx), &challenged);
                let form = reply.note.map_or("other", Note::name);
                self.metrics.challenges.with_label_values(&[form]).inc();
                Ok(Route::Answer(reply.response))
            }
            Decision::Refuse(refusal) => {
                ctx.rule = refusal.rule.as_ref().map(|rule| rule.id.0.clone());
                ctx.subject.clone_from(&refusal.subject);
                ctx.conclude("refuse", refusal.reason.code());
                site.metrics.decided(DecisionKind::Refuse, ctx.rule.as_deref());
                Ok(Route::Answer(ctx.snapshot.portal.refusal(&facts(session, ctx), &refusal)))
            }
        }
    }

    /// Hands a request under the reserved prefix to the portal. It never reaches the app.
    async fn ask_portal(&self, session: &mut Session, ctx: &mut Ctx, target: &str) -> (Response<Bytes>, bool) {
        let cap = ctx.snapshot.limits.portal_body;
        let (fault, reason) = match convert::read_body(session, cap, ctx.snapshot.limits.body_timeout).await {
            BodyRead::Whole(body) => match convert::request(session, target, body) {
                Some(request) => {
                    let reply = ctx.snapshot.portal.respond(request, &facts(session, ctx)).await;
                    if !reply.events.is_empty() {
                        audit_log::audit(&reply.events, ctx, &self.metrics);
                        (self.audit)(&reply.events, &ctx.request_id);
                    }
                    if let Some(note) = reply.note {
                        ctx.conclude("own", note.name());
                    }
                    log_portal_fault(&reply, ctx);
                    return (reply.response, true);
                }
                None => (PortalError::BadRequest, "malformed_target"),
            },
            BodyRead::TooLarge => (PortalError::TooLarge { limit: cap as u64 }, "body_too_large"),
            BodyRead::TooSlow => (PortalError::TooSlow, "body_too_slow"),
            BodyRead::Broken => (PortalError::BadRequest, "body_broken"),
        };
        ctx.conclude("fault", reason);
        (ctx.snapshot.portal.error(&facts(session, ctx), fault), reason == "body_too_large")
    }

    /// What is said in the clear to whom nothing is served so: come back by https. Forms that were sent in the clear are not repeated.
    fn redirect(&self, session: &Session, ctx: &mut Ctx, host: &str, resource: &Resource) -> Response<Bytes> {
        let port = if ctx.snapshot.https_port == 443 { String::new() } else { format!(":{}", ctx.snapshot.https_port) };
        let location = HeaderValue::from_str(&format!("https://{host}{port}{}", resource.ascii_target()));
        let safe = matches!(session.req_header().method.as_str(), "GET" | "HEAD");
        match location {
            Ok(location) if safe => {
                ctx.conclude("own", "to_https");
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
                response.headers_mut().insert(header::LOCATION, location);
                response.headers_mut().insert("x-stepgate-response", HeaderValue::from_static("https"));
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response.headers_mut().insert(header::VARY, HeaderValue::from_static(crate::portal::DEPENDS_ON));
                response
            }
            _ => {
                ctx.conclude("fault", "plain_http");
                ctx.snapshot.portal.error(&facts(session, ctx), PortalError::MethodNotAllowed("GET, HEAD"))
            }
        }
    }

    /// Answers for an app that cannot.
    pub(crate) async fn respond_to_error(&self, session: &mut Session, error: &Error, ctx: &mut Ctx) -> FailToProxy {
        let limit = ctx.site.as_ref().and_then(|site| site.settings.max_body);
        let malformed = ctx.connection.as_ref().is_some_and(|connection| connection.is_malformed());
        let told = match &ctx.connection {
            _ if ctx.cut() == Some(EndReason::Silence) => Some((PortalError::GatewayTimeout, "read_timeout")),
            Some(connection) if connection.is_malformed() => Some((PortalError::BadRequest, "malformed_chunk")),
            Some(connection) if connection.is_slow() => Some((PortalError::TooSlow, "body_too_slow")),
            _ => error_response::fault(error, limit),
        };
        // After a 101 the connection no longer speaks HTTP: nothing of ours may be written into it.
        let begun = session.response_written().is_some_and(|answer| {
            !answer.status.is_informational() || answer.status == StatusCode::SWITCHING_PROTOCOLS
        });
        match told {
            Some((fault, reason)) => {
                ctx.conclude("fault", reason);
                tracing::warn!(target: "proxy", request_id = %ctx.request_id, reason, cause = %error, begun, "request failed");
                if !begun {
                    let mut response = ctx.snapshot.portal.error(&facts(session, ctx), fault);
                    error_response::finish(&mut response, &ctx.request_id, ctx.https);
                    // Pingora closes the connection after an error, whatever we think of it; who is not told would
                    // lose the next request.
                    session.set_keepalive(None);
                    // The client may be gone by now; nothing is left to be done then.
                    let _ = convert::send(session, response, !malformed).await;
                }
            }
            None if ctx.cut().is_some() => ctx.outcome.reason = "session_ended",
            None => ctx.outcome.reason = "client_gone",
        }
        let code = session.response_written().map_or(0, |answer| answer.status.as_u16());
        FailToProxy { error_code: code, can_reuse_downstream: false }
    }
}

/// What a request is about: its target, by every method that it may be taken for, and the other resources that it names.
fn resource(request: &RequestHeader, ctx: &mut Ctx, site: &Site) -> std::result::Result<Resource, Rejection> {
    let tolerate = site.policy.tolerate;
    let parsed = Resource::parse(&site.host, request.method.as_str(), request.raw_path(), tolerate);
    let parsed = parsed.map_err(|malformed| {
        if malformed.tolerance().is_some() {
            ctx.lacking = tolerate.lacking(request.raw_path());
        }
        let fault = if malformed == Malformed::OddMethod { PortalError::BadRequest } else { PortalError::OddAddress };
        reject(fault, malformed.code())
    })?;
    let all = convert::other_methods(&request.headers).try_fold(parsed, Resource::taken_for);
    let resource = all.map_err(|malformed| reject(PortalError::BadRequest, malformed.code()))?;
    related::read(resource, &request.headers, site, ctx)
}

/// `OPTIONS *` asks about the server, not about an app (RFC 9110 §9.3.7).
fn options() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(SERVED));
    response.headers_mut().insert("x-stepgate-response", HeaderValue::from_static("options"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What answers of ours need to know of the request.
pub(super) fn facts(session: &Session, ctx: &Ctx) -> RequestInfo {
    let request = session.req_header();
    let unspecified = std::net::IpAddr::from([0, 0, 0, 0]);
    RequestInfo {
        request_id: ctx.request_id.clone(),
        scheme: if ctx.https { "https" } else { "http" },
        authority: ctx.authority.as_ref().map(|a| a.text().into_owned()).unwrap_or_default(),
        host: ctx.authority.as_ref().map(|a| a.host.clone()).unwrap_or_default(),
        client_ip: ctx.client.unwrap_or(unspecified),
        method: request.method.clone(),
        target: String::from_utf8_lossy(request.raw_path()).into_owned(),
        headers: request.headers.clone(),
        cookies: Cookies::read(&request.headers),
    }
}

/// The style sheet or the logo of our pages, plainly asked for. They are served on any host: the page that says
/// that a host is not served here needs them too.
fn asset(request: &RequestHeader) -> Option<String> {
    let target = std::str::from_utf8(request.raw_path()).ok()?;
    let name = target.strip_prefix(PREFIX)?.strip_prefix("assets/")?;
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    let looks = matches!(request.method, http::Method::GET | http::Method::HEAD);
    (plain && looks).then(|| target.to_owned())
}

/// Tells the cause of a 503 of the portal, once. The person sees a coarse word and the request id.
fn log_portal_fault(reply: &Reply, ctx: &mut Ctx) {
    let request_id = ctx.request_id.as_str();
    let reason = match &reply.cause {
        Some(Cause::Store(cause)) => {
            tracing::error!(target: "proxy", request_id, %cause, "a store did not answer: see that it is up");
            "store"
        }
        Some(Cause::Busy) => {
            tracing::warn!(target: "proxy", request_id, "more passwords at once than this machine can hash: add cores or nodes");
            "busy"
        }
        None if reply.response.status().is_server_error() => {
            tracing::error!(target: "proxy", request_id, status = reply.response.status().as_u16(), "a page could not be made");
            "internal"
        }
        None => return,
    };
    ctx.conclude("fault", reason);
}

const fn lack_word(lack: crate::auth::proof::Lack) -> &'static str {
    use crate::auth::proof::Lack;
    match lack {
        Lack::Login => "login",
        Lack::Stronger => "stronger",
        Lack::Fresher => "fresher",
    }
}
