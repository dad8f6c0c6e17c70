//! What commands did to accounts and sessions, for the audit trail: in the database, and on stderr.

use crate::auth::event::{Event, What};
use crate::auth::user::Identity;
use crate::store::Stores;

/// Records what an operator did to somebody's account.
pub(crate) async fn record(stores: &Stores, what: What, who: &Identity, session: Option<String>) {
    let event =
        Event { what, user: Some(who.id.clone()), username: Some(who.username.clone()), client_ip: None, session };
    // The event is made of plain texts and closed enums; turning it into JSON cannot fail.
    let text = serde_json::to_string(&event).unwrap_or_default();
    tracing::info!(target: "audit", event = text, by = "operator", "account changed");
    // What was done is done: a trail that cannot be written is told, and does not undo it.
    if let Err(fault) = stores.audit.append(&[(stores.ports.clock.now(), None, event)]).await {
        tracing::error!(target: "audit", %fault, "the audit trail cannot be written");
    }
}
