//! The audit trail: what happened, in the order in which it was written. Rows are never changed.

use super::row::time_of;
use super::{Database, fault, in_transaction};
use crate::auth::event::Event;
use crate::auth::time::Timestamp;
use crate::flow::ports::Answer;

/// The writer of the audit trail.
#[derive(Clone)]
pub struct Audit {
    database: Database,
}

impl Audit {
    pub(crate) const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Adds events: when, in which request (if in one), what. All of them or none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn append(&self, events: &[(Timestamp, Option<String>, Event)]) -> Answer<()> {
        const SQL: &str = "insert into audit (at, request_id, action, user_id, username, client_ip, session, event) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let lines = events.iter().map(line).collect::<Answer<Vec<_>>>()?;
        if lines.is_empty() {
            return Ok(());
        }
        in_transaction!(self.database, tx => {
            for ((_, request, event), (at, action, json)) in events.iter().zip(&lines) {
                let query = sqlx::query(SQL).bind(at).bind(request.as_deref()).bind(action);
                let query = query.bind(event.user.as_ref().map(|user| user.0.as_str()));
                let query = query.bind(event.username.as_ref().map(|name| name.as_str()));
                let query = query.bind(event.client_ip.map(|ip| ip.to_string())).bind(event.session.as_deref());
                query.bind(json).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(())
        })
    }
}

/// The time, the action and the whole event as JSON.
fn line((at, _, event): &(Timestamp, Option<String>, Event)) -> Answer<(i64, String, String)> {
    let value = serde_json::to_value(event).map_err(fault)?;
    let action = value.get("action").and_then(|action| action.as_str());
    let action = action.ok_or_else(|| fault("an event has no action"))?.to_owned();
    Ok((time_of(*at)?, action, value.to_string()))
}
