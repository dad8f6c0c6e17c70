//! The audit events of the portal, as they are logged and counted.

use std::net::IpAddr;

use super::metrics::Metrics;
use crate::auth::event::{Event, RiskRecord, What};
use crate::auth::proof::Method;
use crate::proxy::clock;
use crate::proxy::context::Ctx;

/// Writes audit events and counts them.
pub(crate) fn audit(events: &[Event], ctx: &Ctx, metrics: &Metrics) {
    let (request_id, took) = (ctx.arrival.request_id.as_str(), clock::now().duration_since(ctx.timing.started));
    for event in events {
        count(event.what, took, metrics);
        if let Some(risk) = &event.risk {
            for reason in risk.reasons().into_iter().take(TOP) {
                metrics.risk_reasons.with_label_values(&[reason.signal]).inc();
            }
        }
        let reasons = event.risk.as_ref().map(|risk| texts(risk));
        tracing::info!(
            target: "audit",
            request_id,
            action = event.what.action(),
            method = event.what.method().map(Method::name),
            reason = event.what.reason(),
            user = event.user.as_ref().map(|u| u.0.as_str()),
            username = event.username.as_ref().map(|u| u.as_str()),
            client_ip = event.client_ip.map(tracing::field::display),
            session = event.session.as_deref(),
            browser = event.browser.as_deref(),
            risk_score = event.risk.as_ref().map(|risk| f64::from(risk.score)),
            risk_action = event.risk.as_ref().map(|risk| risk.action),
            risk_reasons = reasons,
            form_rule = event.form.as_ref().and_then(|form| form.rule.as_deref()),
            form_host = event.form.as_ref().map(|form| form.host.as_str()),
            form_method = event.form.as_ref().map(|form| form.method.as_str()),
            form_path = event.form.as_ref().map(|form| form.path.as_str()),
            form_hmac_sha256 = event.form.as_ref().map(|form| form.hmac_sha256.as_str()),
            form_size = event.form.as_ref().map(|form| form.size),
            "audit"
        );
    }
    if events.iter().any(|event| matches!(event.what, What::SessionOpened { .. })) {
        tell_shared_address(ctx.snapshot.flows.shared_address(), metrics);
    }
}

/// Tells once that all people come from one address, and once that they no longer do.
fn tell_shared_address(shared: Option<IpAddr>, metrics: &Metrics) {
    let was = metrics.risk_shared_address.get() == 1;
    metrics.risk_shared_address.set(i64::from(shared.is_some()));
    match shared {
        Some(address) if !was => tracing::warn!(
            target: "risk",
            %address,
            "everybody who signed in of late came from one address: what it says of networks counts for nothing; is a proxy \
             before this gateway missing in `trusted_proxies`?"
        ),
        None if was => tracing::info!(target: "risk", "people come from different addresses again: networks count"),
        _ => {}
    }
}

/// Counts a proof, and how long the request took that it came in.
fn count(what: What, took: std::time::Duration, metrics: &Metrics) {
    let (method, outcome, reason) = match what {
        What::ProofAccepted { method } => (method, "accepted", ""),
        What::ProofRejected { method, reason } => (method, "rejected", reason.name()),
        What::Throttled { method, scope } => {
            metrics.rate_limited.with_label_values(&[scope.name()]).inc();
            (method, "throttled", "")
        }
        What::SignInAssessed { level } => {
            metrics.risk_assessments.with_label_values(&[level.name()]).inc();
            return;
        }
        What::SessionAssessed { level } => {
            metrics.risk_session_assessments.with_label_values(&[level.name()]).inc();
            return;
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

/// How many reasons are told of an assessment; the trail has them all.
const TOP: usize = 3;

/// The strongest reasons, as sentences.
fn texts(risk: &RiskRecord) -> String {
    let reasons: Vec<&str> = risk.reasons().into_iter().take(TOP).map(|reason| reason.text.as_str()).collect();
    reasons.join(" ")
}
