//! Accounts that are gone: their names leave the audit trail, and what is left of them elsewhere is remembered until it is gone.

use async_trait::async_trait;

use super::row::time_of;
use super::{Database, Pool, in_transaction, on, on_write, sqlite};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, Erasures, Remainder};

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
    async fn remember_sessions(&self, user: &UserId, sessions: &[String]) -> Answer<()> {
        const SQL: &str = "insert into erased_sessions (user_id, session) select user_id, $2 from erasures \
             where user_id = $1 on conflict do nothing";
        if sessions.is_empty() {
            return Ok(());
        }
        in_transaction!(self, tx => {
            for session in sessions {
                sqlx::query(SQL).bind(&user.0).bind(session).execute(&mut *tx).await?;
            }
            tx.commit().await
        })
    }

    async fn lease(&self, now: Timestamp, before: Timestamp, until: Timestamp) -> Answer<Vec<Remainder>> {
        // The conditions stand outside as well: whoever waited for another's write looks again at what it wrote.
        const SQL: &str = "update erasures set leased_until = $3 where at <= $2 and leased_until <= $1 and user_id in \
             (select user_id from erasures where at <= $2 and leased_until <= $1 order by at limit 20) returning user_id, swept_at";
        const SESSIONS: &str = "select session from erased_sessions where user_id = $1";
        let (now, before, until) = (time_of(now)?, time_of(before)?, time_of(until)?);
        let leased: Vec<(String, Option<i64>)> = on_write!(self, pool => async {
            sqlx::query_as(SQL).bind(now).bind(before).bind(until).fetch_all(pool).await
        })?;
        let mut remainders = Vec::new();
        for (user, swept_at) in leased {
            let sessions: Vec<(String,)> = on!(self, pool => sqlx::query_as(SESSIONS).bind(&user).fetch_all(pool))?;
            let sessions = sessions.into_iter().map(|(session,)| session).collect();
            remainders.push(Remainder { user: UserId(user), sessions, is_swept: swept_at.is_some() });
        }
        Ok(remainders)
    }

    async fn renew(&self, old: Timestamp, new: Timestamp) -> Answer<()> {
        // The end of a lease, in milliseconds, says whose it is.
        const SQL: &str = "update erasures set leased_until = $2 where leased_until = $1";
        let (old, new) = (time_of(old)?, time_of(new)?);
        on_write!(self, pool => async { sqlx::query(SQL).bind(old).bind(new).execute(pool).await.map(|_| ()) })
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

    async fn remember_swept(&self, users: &[UserId], now: Timestamp) -> Answer<()> {
        const SQL: &str = "update erasures set swept_at = $2 where user_id = $1";
        let now = time_of(now)?;
        in_transaction!(self, tx => {
            for user in users {
                sqlx::query(SQL).bind(&user.0).bind(now).execute(&mut *tx).await?;
            }
            tx.commit().await
        })
    }

    async fn finish(&self, users: &[UserId]) -> Answer<()> {
        const SQL: &str = "delete from erasures where user_id = $1";
        // Before it is said that nothing is left.
        if let Pool::Sqlite(pool) = &self.pool {
            self.within(self.write_queue.write(sqlite::empty_log(pool))).await?;
        }
        in_transaction!(self, tx => {
            for user in users {
                sqlx::query(SQL).bind(&user.0).execute(&mut *tx).await?;
            }
            tx.commit().await
        })
    }
}
