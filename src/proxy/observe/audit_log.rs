//! The audit events of the portal, as they are logged and counted.

use super::metrics::Metrics;
use crate::auth::event::{Event, What};
use crate::auth::proof::Method;
use crate::proxy::clock;
use crate::proxy::context::Ctx;

/// Writes audit events and counts them.
pub(crate) fn audit(events: &[Event], ctx: &Ctx, metrics: &Metrics) {
    let (request_id, took) = (ctx.arrival.request_id.as_str(), clock::now().duration_since(ctx.timing.started));
    for event in events {
        count(event.what, took, metrics);
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
            "audit"
        );
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
        What::FactorLocked { method } => {
            metrics.factors_locked.with_label_values(&[method.name()]).inc();
            return;
        }
        _ => return,
    };
    metrics.attempts.with_label_values(&[method.name(), outcome, reason]).inc();
    metrics.attempt_durations.with_label_values(&[method.name(), outcome]).observe(took.as_secs_f64());
}
