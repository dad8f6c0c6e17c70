//! What commands did to accounts and sessions, for the audit trail: in the database, and on stderr.

use crate::auth::event::{Event, What};
use crate::auth::proof::Method;
use crate::auth::user::Identity;
use crate::flow::ports::{Clock, Records};
use crate::store::Stores;

/// What an operator does to somebody's account, to be written with the change.
pub(crate) fn records(clock: &dyn Clock, whats: &[What], who: &Identity) -> Records {
    Records::entries(whats.iter().map(|what| (clock.now(), None, event(*what, who, None))).collect())
}

/// What an operator does before there is an account.
pub(crate) fn of_nobody(clock: &dyn Clock, what: What) -> Records {
    let event = Event { by: Some(operator()), ..Event::of(what, None) };
    Records::entries(vec![(clock.now(), None, event)])
}

/// What is kept of an account that goes: that it did, and an id that says nothing.
pub(crate) fn tombstone(clock: &dyn Clock, who: &Identity) -> Records {
    let mut records = records(clock, &[What::AccountDeleted], who);
    records.entries.iter_mut().for_each(|(_, _, event)| event.username = None);
    records
}

/// Logs what was written with the change.
pub(crate) fn log(records: &Records) {
    records.entries.iter().for_each(|(_, _, event)| log_event(event));
}

/// Records what an operator did to somebody's account, after the deed.
pub(crate) async fn record(stores: &Stores, what: What, who: &Identity, session: Option<String>) {
    let event = event(what, who, session);
    log_event(&event);
    // What was done is done: a trail that cannot be written is told, and does not undo it.
    if let Err(fault) = stores.audit.append(&[(stores.ports.clock.now(), None, event)]).await {
        tracing::error!(target: "audit", %fault, "the audit trail cannot be written");
    }
}

fn event(what: What, who: &Identity, session: Option<String>) -> Event {
    Event { session, by: Some(operator()), ..Event::of(what, Some(who)) }
}

/// Who runs this command, as the machine knows them: who took another's rights by `sudo` is named, not whose they are.
fn operator() -> String {
    let named = |name| std::env::var(name).ok().filter(|name: &String| !name.is_empty());
    let name = named("SUDO_USER").or_else(|| named("USER")).or_else(|| named("LOGNAME"));
    // Anybody may set these: they are kept as they stand, without what would change a line of the log.
    let shown = |name: String| name.chars().filter(|c| !c.is_control()).take(64).collect::<String>();
    name.map_or_else(|| "unknown".to_owned(), shown)
}

fn log_event(event: &Event) {
    tracing::info!(
        target: "audit",
        action = event.what.action(),
        method = event.what.method().map(Method::name),
        user = event.user.as_ref().map(|user| user.0.as_str()),
        username = event.username.as_ref().map(|name| name.as_str()),
        session = event.session.as_deref(),
        by = event.by.as_deref(),
        "audit"
    );
}
