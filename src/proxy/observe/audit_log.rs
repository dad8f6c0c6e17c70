//! The audit events of the portal, as they are logged and counted.

use super::metrics::Metrics;
use crate::auth::event::{Deed, Event, RejectReason, ThrottleScope, What};
use crate::auth::proof::Method;
use crate::proxy::clock;
use crate::proxy::context::Ctx;

/// Writes audit events and counts them.
pub(crate) fn audit(events: &[Event], ctx: &Ctx, metrics: &Metrics) {
    let (request_id, took) = (ctx.request_id.as_str(), clock::now().duration_since(ctx.started));
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
