//! What is written down of a request: one access event, and the audit events of the portal. Never a query, a
//! cookie, a body or a credential.

use std::cell::RefCell;

use http::StatusCode;
use pingora_error::Error;
use pingora_proxy::Session;
use tokio::time::Instant;
use ulid::Ulid;

use super::metrics::{Metrics, method_word};
use crate::auth::event::{Deed, Event, RejectReason, ThrottleScope, What};
use crate::auth::proof::Method;
use crate::flow::ports::{Clock, Entropy};
use crate::portal::request_info::RequestInfo;
use crate::proxy::context::Ctx;

/// The monotonic clock, for timings only; decisions get their time from the port.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The random part of a ULID, in bytes.
const ID_BYTES: usize = 10;
/// How many ids one draw is for: randomness costs a system call.
const DRAWN: usize = 64;

thread_local! {
    /// Random bytes for the ids that this thread makes next, and how many are left. Ids are no secrets.
    static DRAW: RefCell<([u8; ID_BYTES * DRAWN], usize)> = const { RefCell::new(([0; ID_BYTES * DRAWN], 0)) };
}

/// A new request id: a ULID. Should randomness fail, the id is still unique enough to find a log line by.
pub(crate) fn request_id(clock: &dyn Clock, entropy: &dyn Entropy) -> String {
    let mut random = [0; 16];
    if let Some(tail) = random.last_chunk_mut() {
        *tail = draw(entropy);
    }
    Ulid::from_parts(clock.now().as_millis(), u128::from_be_bytes(random)).to_string()
}

fn draw(entropy: &dyn Entropy) -> [u8; ID_BYTES] {
    DRAW.with_borrow_mut(|(bytes, left)| {
        if *left == 0 {
            if entropy.fill(bytes).is_err() {
                return [0; ID_BYTES];
            }
            *left = DRAWN;
        }
        *left -= 1;
        bytes.as_chunks().0.get(*left).copied().unwrap_or_default()
    })
}

/// The access event and the counters of a finished request.
pub(crate) fn access(session: &Session, error: Option<&Error>, ctx: &Ctx, metrics: &Metrics) {
    let took = now().duration_since(ctx.started);
    let head = session.req_header();
    let status = session.response_written().map_or(0, |answer| answer.status.as_u16());
    match &ctx.site {
        Some(site) => site.metrics.count(&head.method, status, took),
        None => metrics.count_stray(&head.method, status, took),
    }
    let upstream = ctx.upstream_answered.zip(ctx.upstream_started).map(|(end, start)| end.duration_since(start));
    if let (Some(site), Some(upstream)) = (&ctx.site, upstream) {
        site.metrics.upstream(upstream);
    }
    if !tracing::enabled!(target: "access", tracing::Level::INFO) {
        return;
    }
    let subject = match &ctx.pass {
        crate::proxy::context::Pass::Permit(permit) => permit.subject(),
        _ => ctx.subject.as_ref(),
    };
    tracing::info!(
        target: "access",
        request_id = %ctx.request_id,
        client_ip = ctx.client.map(tracing::field::display),
        host = ctx.site.as_ref().map(|site| site.host.as_str()),
        method = %head.method,
        path = %path_of(ctx, head.raw_path()),
        version = ?head.version,
        status,
        bytes = session.body_bytes_sent(),
        body = session.body_bytes_read(),
        decision = ctx.outcome.decision,
        reason = ctx.outcome.reason,
        tolerate = (!ctx.lacking.is_empty()).then(|| ctx.lacking.join(", ")),
        rule = ctx.rule.as_deref(),
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
    let took = now().duration_since(started);
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
    match &ctx.resource {
        Some(resource) => resource.path().to_owned(),
        None => escaped(raw),
    }
}

fn escaped(target: &[u8]) -> String {
    let path = target.split(|b| *b == b'?').next().unwrap_or_default();
    path.iter().take(512).copied().flat_map(std::ascii::escape_default).map(char::from).collect()
}

/// Writes audit events and counts them.
pub(crate) fn audit(events: &[Event], ctx: &Ctx, metrics: &Metrics) {
    let (request_id, took) = (ctx.request_id.as_str(), now().duration_since(ctx.started));
    for event in events {
        let fields = describe(event.what);
        count(event.what, took, metrics);
        tracing::info!(
            target: "audit",
            request_id,
            action = fields.action,
            method = fields.method.map(Method::name),
            reason = fields.reason,
            user = event.user.as_ref().map(|u| u.0.as_str()),
            username = event.username.as_ref().map(|u| u.as_str()),
            client_ip = event.client_ip.map(tracing::field::display),
            session = event.session.as_deref(),
            browser = event.browser.as_deref(),
            "audit"
        );
    }
}

struct AuditFields {
    action: &'static str,
    method: Option<Method>,
    reason: Option<&'static str>,
}

fn describe(what: What) -> AuditFields {
    let (action, method, reason) = match what {
        What::ProofAccepted { method } => ("proof_accepted", Some(method), None),
        What::ProofRejected { method, reason } => ("proof_rejected", Some(method), Some(reject_word(reason))),
        What::Throttled { method, scope } => ("throttled", Some(method), Some(scope_word(scope))),
        What::SessionOpened => ("session_opened", None, None),
        What::SessionElevated => ("session_elevated", None, None),
        What::SessionRevoked => ("session_revoked", None, None),
        What::SessionsRevoked => ("sessions_revoked", None, None),
        What::AuthenticatorAdded { method } => ("authenticator_added", Some(method), None),
        What::AuthenticatorRemoved { method } => ("authenticator_removed", Some(method), None),
        What::BackupCodesMade => ("backup_codes_made", None, None),
        What::PasswordRehashed => ("password_rehashed", None, None),
        What::AccountCreated => ("account_created", None, None),
        What::AccountDisabled => ("account_disabled", None, None),
        What::AccountEnabled => ("account_enabled", None, None),
        What::AccountDeleted => ("account_deleted", None, None),
        What::FactorLocked { method } => ("factor_locked", Some(method), None),
        What::FactorUnlocked { method } => ("factor_unlocked", Some(method), None),
        What::PasswordSet => ("password_set", None, None),
        What::PasswordForced => ("password_forced", None, None),
        What::ProfileSet => ("profile_set", None, None),
        What::GroupsSet => ("groups_set", None, None),
        What::Unsettled { deed, method } => ("unsettled", method, Some(deed_word(deed))),
    };
    AuditFields { action, method, reason }
}

/// Counts a proof, and how long the request took that it came in.
fn count(what: What, took: std::time::Duration, metrics: &Metrics) {
    let (method, outcome, reason) = match what {
        What::ProofAccepted { method } => (method, "accepted", ""),
        What::ProofRejected { method, reason } => (method, "rejected", reject_word(reason)),
        What::Throttled { method, scope } => {
            metrics.rate_limited.with_label_values(&[scope_word(scope)]).inc();
            (method, "throttled", "")
        }
        What::FactorLocked { method } => {
            metrics.factors_locked.with_label_values(&[method.name()]).inc();
            return;
        }
        _ => return,
    };
    metrics.attempts.with_label_values(&[method.name(), outcome, reason]).inc();
    metrics.attempt_durations.with_label_values(&[method.name(), outcome]).observe(took.as_secs_f64());
}

const fn reject_word(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::UnknownUser => "unknown_user",
        RejectReason::Disabled => "disabled",
        RejectReason::NotEnrolled => "not_enrolled",
        RejectReason::Locked => "locked",
        RejectReason::Mismatch => "mismatch",
        RejectReason::AlreadySpent => "already_spent",
        RejectReason::ClockSkew => "clock_skew",
        RejectReason::Malformed => "malformed",
        RejectReason::NoCeremony => "no_ceremony",
        RejectReason::NoSession => "no_session",
    }
}

const fn scope_word(scope: ThrottleScope) -> &'static str {
    match scope {
        ThrottleScope::Browser => "browser",
        ThrottleScope::AccountNetwork => "account_network",
        ThrottleScope::Account => "account",
        ThrottleScope::Factor => "factor",
        ThrottleScope::Network => "network",
        ThrottleScope::Hashing => "hashing",
    }
}

const fn deed_word(deed: Deed) -> &'static str {
    match deed {
        Deed::Spending => "spending",
        Deed::Rehash => "rehash",
        Deed::Opening => "opening",
        Deed::Ending => "ending",
        Deed::Binding => "binding",
        Deed::BackupCodes => "backup_codes",
    }
}
