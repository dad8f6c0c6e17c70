//! What commands did to accounts and sessions, for the audit trail: in the database, and on stderr.

use crate::auth::event::{Event, What};
use crate::auth::user::Identity;
use crate::store::Stores;

/// Records what an operator did to somebody's account.
pub(crate) async fn record(stores: &Stores, what: What, who: &Identity, session: Option<String>) {
    let event = Event {
        what,
        user: Some(who.id.clone()),
        username: Some(who.username.clone()),
        client_ip: None,
        session,
        browser: None,
    };
    // The same members as in the gateway's own audit lines.
    let told = serde_json::to_value(event.what).unwrap_or_default();
    let word = |member: &str| told.get(member).and_then(serde_json::Value::as_str);
    tracing::info!(
        target: "audit",
        action = word("action"),
        method = word("method"),
        user = who.id.0.as_str(),
        username = who.username.as_str(),
        session = event.session.as_deref(),
        by = "operator",
        "audit"
    );
    // What was done is done: a trail that cannot be written is told, and does not undo it.
    if let Err(fault) = stores.audit.append(&[(stores.ports.clock.now(), None, event)]).await {
        tracing::error!(target: "audit", %fault, "the audit trail cannot be written");
    }
}
