//! Accounts that are gone: their names leave the audit trail, and what is left of them elsewhere is remembered until it is gone.

use async_trait::async_trait;

use super::row::{RowRef, rows};
use super::{Database, in_transaction, on_write};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, Erasures};

/// Takes the name out of the rows of somebody: `$3` is the name as the event has it.
pub(super) const NAMELESS: &str = "update audit set username = null, event = replace(event, $3, '\"username\":null') \
     where user_id = $1 and username = $2";
/// The same for attempts at that name of which nobody looked whose it is.
pub(super) const UNKNOWN: &str = "update audit set username = null, event = replace(event, $2, '\"username\":null') \
     where user_id is null and username = $1";
pub(super) const UNFINISHED: &str = "insert into erasures (user_id, at) values ($1, $2) on conflict do nothing";

/// The name of somebody, as the text of an event has it.
pub(super) fn member(name: &str) -> String {
    format!("\"username\":{}", serde_json::Value::from(name))
}

#[async_trait]
impl Erasures for Database {
    async fn unfinished(&self) -> Answer<Vec<(UserId, Timestamp)>> {
        const SQL: &str = "select user_id, at from erasures order by at limit 100";
        let found = rows!(self, "erasures", sqlx::query(SQL), (String, i64))?;
        let read = |(id, at): (String, i64)| {
            let at = RowRef { table: "erasures", id: &id }.time("at", at)?;
            Ok((UserId(id), at))
        };
        found.into_iter().map(read).collect()
    }

    async fn scrub(&self, user: &UserId) -> Answer<u64> {
        const NAMES: &str = "select distinct username from audit where user_id = $1 and username is not null";
        in_transaction!(self, tx => {
            let names: Vec<(String,)> = sqlx::query_as(NAMES).bind(&user.0).fetch_all(&mut *tx).await?;
            let mut scrubbed = 0;
            for (name,) in names {
                let query = sqlx::query(NAMELESS).bind(&user.0).bind(&name).bind(member(&name));
                scrubbed += query.execute(&mut *tx).await?.rows_affected();
            }
            tx.commit().await?;
            Ok(scrubbed)
        })
    }

    async fn finish(&self, user: &UserId) -> Answer<()> {
        const SQL: &str = "delete from erasures where user_id = $1";
        on_write!(self, pool => async { sqlx::query(SQL).bind(&user.0).execute(pool).await.map(|_| ()) })
    }
}
