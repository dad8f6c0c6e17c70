//! The audit trail: what happened, in the order in which it was written. Rows are never changed, but that the name of somebody
//! whose account is gone is taken out of them.

use serde_json::Value;

use super::row::{rows, time_of};
use super::{Database, fault, in_transaction};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, AuditEntry};

/// The writer of the audit trail.
#[derive(Clone)]
pub struct Audit {
    database: Database,
}

impl Audit {
    pub(crate) const fn new(database: Database) -> Self {
        Self { database }
    }

    /// The last assessment of a person that is not later than `until`: when, and the event as JSON.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_assessment(&self, user: &UserId, until: Timestamp) -> Answer<Option<(Timestamp, Value)>> {
        const SQL: &str = "select user_id, at, event from audit where user_id = $1 and action = 'sign_in_assessed' and at <= $2 \
             order by at desc limit 1";
        let until = time_of(until)?;
        let found = rows!(self.database, "audit", sqlx::query(SQL).bind(&user.0).bind(until), (String, i64, String))?;
        let read = |(_, at, event): (String, i64, String)| {
            Some((Timestamp::from_millis(u64::try_from(at).ok()?), serde_json::from_str(&event).ok()?))
        };
        Ok(found.into_iter().find_map(read))
    }

    /// Adds events: when, in which request (if in one), what. All of them or none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn append(&self, entries: &[AuditEntry]) -> Answer<()> {
        let rows = rows_of(entries)?;
        if rows.is_empty() {
            return Ok(());
        }
        in_transaction!(self.database, tx => {
            record!(tx, entries, rows);
            tx.commit().await?;
            Ok(())
        })
    }
}

pub(super) const INSERT: &str = "insert into audit (at, request_id, action, user_id, username, client_ip, session, event) \
     values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Writes entries in a transaction that is under way.
macro_rules! record {
    ($tx:ident, $entries:expr, $rows:expr) => {
        for ((_, request, event), (at, json)) in $entries.iter().zip(&$rows) {
            let query = sqlx::query($crate::store::sql::audit::INSERT).bind(at).bind(request.as_deref());
            let query = query.bind(event.what.action());
            let query = query.bind(event.user.as_ref().map(|user| user.0.as_str()));
            let query = query.bind(event.username.as_ref().map(|name| name.as_str()));
            let query = query.bind(event.client_ip.map(|ip| ip.to_string())).bind(event.session.as_deref());
            query.bind(json).execute(&mut *$tx).await?;
        }
    };
}
pub(super) use record;

/// The time of each entry, and the whole event as JSON.
pub(super) fn rows_of(entries: &[AuditEntry]) -> Answer<Vec<(i64, String)>> {
    let row = |(at, _, event): &AuditEntry| Ok((time_of(*at)?, serde_json::to_string(event).map_err(fault)?));
    entries.iter().map(row).collect()
}
