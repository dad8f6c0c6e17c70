//! What is written down of a request: one access event. Never a query, a cookie, a body or a
//! credential.

use http::StatusCode;
use pingora_error::Error;
use pingora_proxy::Session;
use tokio::time::Instant;

use super::metrics::{Metrics, method_word};
use crate::portal::request_info::RequestInfo;
use crate::proxy::clock;
use crate::proxy::context::Ctx;

/// The access event and the counters of a finished request.
pub(crate) fn access(session: &Session, error: Option<&Error>, ctx: &Ctx, metrics: &Metrics) {
    let took = clock::now().duration_since(ctx.timing.started);
    let head = session.req_header();
    let status = session.response_written().map_or(0, |answer| answer.status.as_u16());
    match &ctx.judgement.site {
        Some(site) => site.metrics.count(&head.method, status, took),
        None => metrics.count_stray(&head.method, status, took),
    }
    let upstream =
        ctx.timing.upstream_answered.zip(ctx.timing.upstream_started).map(|(end, start)| end.duration_since(start));
    if let (Some(site), Some(upstream)) = (&ctx.judgement.site, upstream) {
        site.metrics.upstream(upstream);
    }
    if !tracing::enabled!(target: "access", tracing::Level::INFO) {
        return;
    }
    let (sent, said) = ctx.upstream.relayed;
    let subject = ctx.judgement.subject();
    let portal =
        ctx.arrival.authority.as_ref().map(|a| a.host.as_str()).filter(|host| ctx.snapshot.sites.is_portal(host));
    tracing::info!(
        target: "access",
        request_id = %ctx.arrival.request_id,
        client_ip = ctx.arrival.client.map(tracing::field::display),
        host = ctx.judgement.site.as_ref().map(|site| site.host.as_str()).or(portal),
        method = %head.method,
        path = %path_of(ctx, head.raw_path()),
        version = ?head.version,
        status,
        bytes = session.body_bytes_sent() as u64 + said,
        body = session.body_bytes_read() as u64 + sent,
        decision = ctx.outcome.decision,
        reason = ctx.outcome.reason,
        tolerate = (!ctx.judgement.lacking.is_empty()).then(|| ctx.judgement.lacking.join(", ")),
        rule = ctx.judgement.rule().map(|rule| &*rule.id.0),
        user = subject.map(|s| s.identity.username.as_str()),
        session = subject.map(|s| s.id.as_str()),
        duration_ms = took.as_millis() as u64,
        upstream_ms = upstream.map(|u| u.as_millis() as u64),
        error = error.map(|e| e.etype().as_str()),
        "request"
    );
}

/// The access event and the counters of what never became a request.
pub(crate) fn protocol_error(
    facts: &RequestInfo,
    status: StatusCode,
    reason: &str,
    started: Instant,
    metrics: &Metrics,
) {
    let took = clock::now().duration_since(started);
    metrics.count_stray(&facts.method, status.as_u16(), took);
    // It may be the rest of a body that was longer than announced: only what looks like a request is told.
    let target = Some(facts.target.as_bytes()).filter(|target| target.starts_with(b"/"));
    tracing::info!(
        target: "access",
        request_id = %facts.request_id,
        client_ip = %facts.client_ip,
        method = method_word(&facts.method),
        path = %escaped(target.unwrap_or_default()),
        status = status.as_u16(),
        decision = "fault",
        reason,
        duration_ms = took.as_millis() as u64,
        "request"
    );
}

/// The path for the log: canonical if it was judged, else as received with everything odd escaped; no query.
fn path_of(ctx: &Ctx, raw: &[u8]) -> String {
    match &ctx.judgement.resource {
        Some(resource) => resource.path().to_owned(),
        None => escaped(raw),
    }
}

fn escaped(target: &[u8]) -> String {
    let path = target.split(|b| *b == b'?').next().unwrap_or_default();
    path.iter().take(512).copied().flat_map(std::ascii::escape_default).map(char::from).collect()
}
