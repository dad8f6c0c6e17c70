//! What is written with a change: in its transaction, or not at all.

use super::audit::rows_of;
use super::row::time_of;
use crate::flow::ports::{Answer, AuditEntry, Records, SealedLetter};

pub(super) const LETTER: &str = "insert into outbox (id, letter, due_at, expires_at) values ($1, $2, $3, $4)";
pub(super) const LETTER_GONE: &str = "delete from outbox where id = $1";

/// Records as columns.
pub(super) struct RecordRows<'a> {
    pub(super) entries: &'a [AuditEntry],
    pub(super) audit: Vec<(i64, String)>,
    pub(super) letters: Vec<(&'a SealedLetter, i64, i64)>,
}

impl<'a> RecordRows<'a> {
    pub(super) fn of(records: &'a Records) -> Answer<Self> {
        let times = |letter: &'a SealedLetter| Ok((letter, time_of(letter.due_at)?, time_of(letter.expires_at)?));
        Ok(Self {
            entries: &records.entries,
            audit: rows_of(&records.entries)?,
            letters: records.letters.iter().map(times).collect::<Answer<_>>()?,
        })
    }
}

/// Writes records and commits the transaction of their change, which wakes the sender.
macro_rules! commit_with {
    ($db:expr, $tx:ident, $rows:expr) => {{
        $crate::store::sql::audit::record!($tx, $rows.entries, $rows.audit);
        for (letter, due_at, expires_at) in &$rows.letters {
            let query = sqlx::query($crate::store::sql::records::LETTER).bind(&letter.id);
            let query = query.bind($crate::store::sql::row::text_of(&letter.sealed.0)).bind(due_at).bind(expires_at);
            query.execute(&mut *$tx).await?;
        }
        $tx.commit().await?;
        if !$rows.letters.is_empty() {
            $db.letters.notify_one();
        }
    }};
}

pub(super) use commit_with;
