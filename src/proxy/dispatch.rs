//! The way of one request: judged, and then to the app, to the portal, or to an answer of ours.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use pingora_error::{Error, Result};
use pingora_proxy::{FailToProxy, Session};

use super::cancellation::EndReason;
use super::context::Ctx;
use super::convert::{self, BodyRead};
use super::gateway::Gateway;
use super::observe::audit_log;
use super::observe::metrics::DecisionKind;
use super::request::arrival::Arrival;
use super::request::client_address::Peer;
use super::request::head::reject;
use super::request::judge::{Judgement, OwnAnswer, Pass, Verdict};
use super::request::request_id;
use super::request_view::request_info;
use super::snapshot::Snapshot;
use super::{error_response, held_form, upstream};
use crate::auth::event::Event;
use crate::auth::policy::cors::Preflights;
use crate::auth::proof::RiskAction;
use crate::auth::proof::evaluation::Circumstances;
use crate::flow::admit::{Admission, Compared};
use crate::portal::error::PortalError;
use crate::portal::reply::{Cause, Note, Reply};
use crate::portal::seen::SeenHead;

/// What is to be counted and written down beside a decision.
pub(super) struct Observations {
    /// What risk would have done, where it is only counted.
    pub(super) risk: Option<RiskAction>,
    pub(super) events: Vec<Event>,
    pub(super) compared: Compared,
}

impl Gateway {
    /// Judges a request and answers it, or lets the app answer by the short way; `false`: it goes on to the app by
    /// Pingora's.
    pub(crate) async fn handle(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        let mut observed = self.judge(session, ctx).await;
        let unread = match ctx.judgement.awaits_body.take() {
            Some(slip) => Box::pin(self.decide_by_body(session, ctx, &slip, &mut observed)).await,
            None => None,
        };
        self.record(observed, ctx);
        held_form::examine(session, ctx);
        let instead = match ctx.judgement.may_stand_for_form && ctx.judgement.permit().is_some() {
            true => Box::pin(self.take_form(session, ctx)).await,
            false => None,
        };
        let instead = unread.or(instead);
        let (mut response, keep) = match &mut ctx.judgement.verdict {
            _ if let Some(instead) = instead => instead,
            Verdict::Forward(_) => {
                let chosen = upstream::reuse::choose_connection(session, ctx).await;
                if chosen && ctx.judgement.websocket {
                    Box::pin(self.open_websocket(session, ctx)).await?;
                    return Ok(true);
                }
                let answered = !chosen || (ctx.sends_as_received() && self.ask_directly(session, ctx).await?);
                if !answered {
                    ctx.guard();
                }
                return Ok(answered);
            }
            Verdict::Respond(_) => (self.respond(session, ctx), true),
            Verdict::Hold(..) => Box::pin(self.hold_form(session, ctx)).await,
            // Boxed, as is sending: what is seldom needed must not make the state of every request large.
            Verdict::Portal(target) => {
                let target = std::mem::take(target);
                Box::pin(self.ask_portal(session, ctx, &target)).await
            }
            Verdict::Reject(rejection) => {
                let (fault, keep) = (rejection.fault, !rejection.framing);
                (ctx.snapshot.portal.error(&request_info(session, ctx), fault), keep)
            }
        };
        error_response::finish(&mut response, &ctx.arrival.request_id, ctx.arrival.https);
        // What fails now is the client's end, not ours.
        Box::pin(convert::send(session, response, keep)).await.map_err(Error::into_down)?;
        Ok(true)
    }

    /// Sets what came in and what is decided of it.
    async fn judge(&self, session: &mut Session, ctx: &mut Ctx) -> Observations {
        let mut observed = Observations { risk: None, events: Vec::new(), compared: Compared::alike() };
        let ports = &ctx.snapshot.flows.ports;
        let request_id = request_id::request_id(ports.clock.as_ref(), ports.entropy.as_ref());
        let Some(connection) = &ctx.connection else {
            ctx.arrival = Arrival::new(request_id);
            ctx.judgement = Judgement::rejected(reject(PortalError::BadRequest, "no_link"));
            ctx.outcome = ctx.judgement.outcome();
            return observed;
        };
        // HTTP/2 announces nothing; there the end of the stream must have come with the head.
        let is_whole = session.req_header().method == Method::OPTIONS && session.as_mut().is_body_empty();
        let (arrival, mut judgement, open) = read(session, &connection.peer, &ctx.snapshot, request_id, is_whole);
        if let (Some(circumstances), Some(site), Some(resource)) = (&open, &judgement.site, &judgement.resource) {
            let seen = SeenHead { headers: &session.req_header().headers, client: circumstances.client };
            let presented = judgement.credential.token();
            match ctx.snapshot.flows.admit(&site.policy, resource, circumstances, presented, &seen).await {
                Ok(Admission { decision, risk, shadow, assessed, events, compared }) => {
                    (judgement.risk, judgement.assessed) = (risk, assessed);
                    judgement.decide(decision);
                    observed = Observations { risk: shadow, events, compared };
                }
                Err(cause) => {
                    tracing::error!(target: "proxy", request_id = %arrival.request_id, %cause, "cannot decide");
                    judgement.verdict = Verdict::Reject(reject(PortalError::Unavailable, "store"));
                }
            }
        }
        judgement.circumstances = open;
        if judgement.wants_slip() {
            Box::pin(self.present_slip(session, ctx, (&mut judgement, &arrival.request_id), &mut observed)).await;
        }
        if judgement.awaits_body.is_none() {
            count(&judgement);
        }
        (ctx.outcome, ctx.arrival, ctx.judgement) = (judgement.outcome(), arrival, judgement);
        observed
    }

    /// Counts and writes down what belongs to the decision that stands.
    fn record(&self, observed: Observations, ctx: &Ctx) {
        self.tell_differences(ctx, observed.compared);
        if let Some(action) = observed.risk {
            self.metrics.risk_shadow.with_label_values(&[action.name()]).inc();
        }
        self.remember(&observed.events, ctx);
    }

    /// Writes down what happened: in the log, in numbers, and in the trail.
    pub(crate) fn remember(&self, events: &[Event], ctx: &Ctx) {
        if !events.is_empty() {
            audit_log::audit(events, ctx, &self.metrics);
            (self.audit)(events, &ctx.arrival.request_id);
        }
    }

    /// An answer of ours, in words.
    fn respond(&self, session: &Session, ctx: &Ctx) -> Response<Bytes> {
        let Verdict::Respond(answer) = &ctx.judgement.verdict else { return Response::new(Bytes::new()) };
        let info = || request_info(session, ctx);
        match answer {
            OwnAnswer::Options => error_response::options(),
            OwnAnswer::ToHttps(location) => error_response::to_https(location),
            OwnAnswer::PlainHttp => ctx.snapshot.portal.error(&info(), PortalError::MethodNotAllowed("GET, HEAD")),
            OwnAnswer::Challenge(challenged) => {
                let reply = ctx.snapshot.portal.challenge(&info(), challenged);
                let form = reply.note.map_or("other", Note::name);
                self.metrics.challenges.with_label_values(&[form]).inc();
                reply.response
            }
            OwnAnswer::Refusal(refusal) => ctx.snapshot.portal.refusal(&info(), refusal),
            OwnAnswer::PreflightGranted(rule) => match &rule.cors.preflights {
                Preflights::Answered(allowed) => ctx.snapshot.portal.preflight_granted(&info(), allowed),
                Preflights::Judged | Preflights::Passed => ctx.snapshot.portal.error(&info(), PortalError::Unavailable),
            },
            OwnAnswer::PreflightForbidden(rule, why) => {
                ctx.snapshot.portal.preflight_forbidden(&info(), &rule.id.0, *why)
            }
        }
    }

    /// Hands a request under the reserved prefix to the portal. It never reaches the app.
    async fn ask_portal(&self, session: &mut Session, ctx: &mut Ctx, target: &str) -> (Response<Bytes>, bool) {
        let cap = ctx.snapshot.limits.portal_body;
        let (fault, reason) = match convert::read_body(session, cap, ctx.snapshot.limits.body_timeout).await {
            BodyRead::Whole(body) => match convert::request(session, target, body) {
                Some(request) => {
                    let reply = ctx.snapshot.portal.respond(request, &request_info(session, ctx)).await;
                    self.remember(&reply.events, ctx);
                    if reply.note == Some(Note::FormDiscarded) {
                        self.count_form("discarded");
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
        (ctx.snapshot.portal.error(&request_info(session, ctx), fault), reason == "body_too_large")
    }

    /// Answers for an app that cannot.
    pub(crate) async fn respond_to_error(&self, session: &mut Session, error: &Error, ctx: &mut Ctx) -> FailToProxy {
        let limit = ctx.judgement.site.as_ref().and_then(|site| site.settings.max_body);
        let malformed = ctx.connection.as_ref().is_some_and(|connection| connection.is_malformed());
        let returned = Box::pin(self.return_form(session, ctx)).await;
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
                tracing::warn!(target: "proxy", request_id = %ctx.arrival.request_id, reason, cause = %error, begun, "request failed");
                if !begun {
                    let (portal, info) = (&ctx.snapshot.portal, request_info(session, ctx));
                    let error = || match &ctx.form {
                        Some(_) => portal.form_unanswered(&info, fault),
                        None => portal.error(&info, fault),
                    };
                    let mut response = returned.unwrap_or_else(error);
                    error_response::finish(&mut response, &ctx.arrival.request_id, ctx.arrival.https);
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

/// All that is known of a request before anybody is asked.
fn read(
    session: &Session,
    peer: &Peer,
    snapshot: &Snapshot,
    request_id: String,
    is_whole: bool,
) -> (Arrival, Judgement, Option<Circumstances>) {
    let raw = || session.as_downstream().to_h1_raw().to_vec();
    let head = convert::head(session.req_header(), &raw);
    let (arrival, checked) = Arrival::read(request_id, &head, peer, &snapshot.trusted, snapshot.limits.header_bytes);
    let (judgement, open) = match checked {
        Ok(()) => {
            let (sites, port) = (&snapshot.sites, snapshot.https_port);
            Judgement::begin(&head, &arrival, &peer.accepted_on, sites, port, is_whole)
        }
        Err(rejection) => (Judgement::rejected(rejection), None),
    };
    (arrival, judgement, open)
}

/// Counts what the rules of an app decided.
pub(super) fn count(judgement: &Judgement) {
    let kind = match &judgement.verdict {
        Verdict::Forward(Pass::Permit(_)) => DecisionKind::Permit,
        Verdict::Respond(OwnAnswer::Challenge(_)) => DecisionKind::Challenge,
        Verdict::Respond(OwnAnswer::Refusal(_) | OwnAnswer::PreflightForbidden(..)) => DecisionKind::Refuse,
        _ => return,
    };
    if let Some(site) = &judgement.site {
        site.metrics.decided(kind, judgement.rule().map(|rule| &*rule.id.0));
    }
}

/// Tells the cause of a 503 of the portal, once. The person sees a coarse word and the request id.
fn log_portal_fault(reply: &Reply, ctx: &mut Ctx) {
    let request_id = ctx.arrival.request_id.as_str();
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
