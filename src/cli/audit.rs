//! What commands did to accounts and sessions, for the audit trail.

use crate::auth::event::{Event, What};
use crate::auth::user::Identity;

/// Records what an operator did to somebody's account.
pub(crate) fn record(what: What, who: &Identity, session: Option<String>) {
    let event =
        Event { what, user: Some(who.id.clone()), username: Some(who.username.clone()), client_ip: None, session };
    // The event is made of plain texts and closed enums; turning it into JSON cannot fail.
    let event = serde_json::to_string(&event).unwrap_or_default();
    tracing::info!(target: "audit", event, by = "operator", "account changed");
}
