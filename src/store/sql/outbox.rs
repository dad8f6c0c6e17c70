//! The rows of letters that wait. A lease is a conditional write: of several nodes, one gets a row.

use super::records::{LETTER, LETTER_GONE};
use super::row::{RowRef, text_of, time_of};
use super::{Database, on, on_write};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Fate, SealedLetter};

/// A letter as it lies there, leased.
pub(crate) struct OutboxRow {
    pub(crate) id: String,
    pub(crate) letter: Answer<Sealed>,
    pub(crate) attempts: u32,
    pub(crate) expires_at: Timestamp,
}

type LeasedRow = (String, String, i64, i64);

impl Database {
    pub(crate) async fn put_letter(&self, letter: &SealedLetter) -> Answer<()> {
        let (due_at, expires_at) = (time_of(letter.due_at)?, time_of(letter.expires_at)?);
        on_write!(self, pool => async {
            let query = sqlx::query(LETTER).bind(&letter.id).bind(text_of(&letter.sealed.0));
            query.bind(due_at).bind(expires_at).execute(pool).await.map(|_| ())
        })?;
        self.letters.notify_one();
        Ok(())
    }

    pub(crate) async fn lease_letters(&self, now: Timestamp, until: Timestamp, most: u32) -> Answer<Vec<OutboxRow>> {
        // The condition stands outside as well: whoever waited for another's write looks again at what it wrote.
        const SQL: &str = "update outbox set due_at = $2, attempts = attempts + 1 where due_at <= $1 and id in \
             (select id from outbox where due_at <= $1 and expires_at > $1 order by due_at, id limit $3) \
             returning id, letter, attempts, expires_at";
        let (now, until, most) = (time_of(now)?, time_of(until)?, i64::from(most));
        let rows: Vec<LeasedRow> = on_write!(self, pool => async {
            sqlx::query_as(SQL).bind(now).bind(until).bind(most).fetch_all(pool).await
        })?;
        rows.into_iter().map(leased).collect()
    }

    pub(crate) async fn settle_letter(&self, id: &str, attempts: u32, fate: Fate) -> Answer<()> {
        // Whoever leased it since has counted on.
        const AGAIN: &str = "update outbox set due_at = $2 where id = $1 and attempts = $3";
        match fate {
            Fate::Gone => {
                on_write!(self, pool => async { sqlx::query(LETTER_GONE).bind(id).execute(pool).await.map(|_| ()) })
            }
            Fate::Again(at) => {
                let at = time_of(at)?;
                on_write!(self, pool => async {
                    let query = sqlx::query(AGAIN).bind(id).bind(at).bind(i64::from(attempts));
                    query.execute(pool).await.map(|_| ())
                })
            }
        }
    }

    pub(crate) async fn drop_expired_letters(&self, now: Timestamp) -> Answer<u64> {
        const SQL: &str = "delete from outbox where expires_at <= $1";
        let now = time_of(now)?;
        on_write!(self, pool => async { sqlx::query(SQL).bind(now).execute(pool).await.map(|d| d.rows_affected()) })
    }

    /// All that wait, by their ids.
    pub(crate) async fn kept_letters(&self) -> Answer<Vec<(String, Answer<Sealed>)>> {
        const SQL: &str = "select id, letter from outbox";
        let rows: Vec<(String, String)> = on!(self, pool => sqlx::query_as(SQL).fetch_all(pool))?;
        let read = |(id, letter): (String, String)| {
            let sealed = RowRef { table: "outbox", id: &id }.bytes("letter", &letter).map(Sealed);
            (id, sealed)
        };
        Ok(rows.into_iter().map(read).collect())
    }

    pub(crate) async fn letters_waiting(&self) -> Answer<(u64, Option<Timestamp>)> {
        const SQL: &str = "select count(*), min(due_at) from outbox";
        let (count, due): (i64, Option<i64>) = on!(self, pool => sqlx::query_as(SQL).fetch_one(pool))?;
        let place = RowRef { table: "outbox", id: "?" };
        Ok((place.number("count", count)?, due.map(|due| place.time("due_at", due)).transpose()?))
    }
}

fn leased((id, letter, attempts, expires_at): LeasedRow) -> Answer<OutboxRow> {
    let place = RowRef { table: "outbox", id: &id };
    Ok(OutboxRow {
        letter: place.bytes("letter", &letter).map(Sealed),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        expires_at: place.time("expires_at", expires_at)?,
        id,
    })
}
