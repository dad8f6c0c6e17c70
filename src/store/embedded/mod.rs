//! The state ports on one SQLite file, for one machine without Redis.
//!
//! Several processes may hold the file open, as a gateway and a command do. Each verb is one statement or one
//! transaction that takes the lock for writing first, so that "were you first?" has one answer.
//!
//! RecordCipher are sealed, and people and networks are named by keyed digests (`store::record_cipher`).

mod cache;
mod counters;
mod sessions;
mod sweep;
#[cfg(test)]
mod tests;
mod transient;
mod unsealed;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sqlx::SqlitePool;

use super::endings::Endings;
use super::record_cipher::RecordCipher;
use super::sql::sqlite::{self, Durable, PATIENCE};
use super::sql::write_queue::WriteQueue;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Clock, REMEMBERED, StoreError};

/// After how many writes the ended rows are swept.
const PURGE_EVERY: u64 = 128;

/// State in a SQLite file. Implements every state port.
pub(crate) struct Embedded {
    writer: SqlitePool,
    readers: SqlitePool,
    write_queue: Arc<WriteQueue>,
    cipher: RecordCipher,
    clock: Arc<dyn Clock>,
    cache: cache::EpochCache,
    endings: Endings,
    /// Sessions that ended by this process.
    own_ends: Arc<AtomicI64>,
    writes: AtomicU64,
}

impl Embedded {
    /// Opens the file, which may be the accounts' own, and brings its tables up to date. `turns`: of that file.
    ///
    /// # Errors
    /// It cannot be opened or made.
    pub(crate) async fn open(
        path: &Path,
        write_queue: Arc<WriteQueue>,
        cipher: RecordCipher,
        clock: Arc<dyn Clock>,
    ) -> Answer<Self> {
        sqlite::migrate(path, Self::migrator()).await?;
        let options = sqlite::options(path, Durable::Process);
        let store = Self {
            // One connection: writers take turns.
            writer: sqlite::pool(options.clone(), 1),
            readers: sqlite::pool(options.pragma("query_only", "true"), 4),
            write_queue,
            cipher,
            clock,
            cache: cache::EpochCache::new(),
            endings: Endings::default(),
            own_ends: Arc::default(),
            writes: AtomicU64::new(0),
        };
        store.end_unsealed().await?;
        Ok(store)
    }

    /// What brings its tables up to date.
    pub(crate) fn migrator() -> sqlx::migrate::Migrator {
        let mut migrator = sqlx::migrate!("./migrations/embedded");
        migrator.dangerous_set_table_name("state_migrations");
        migrator
    }

    /// Whether it answers, and takes writes.
    pub(crate) async fn probe(&self) -> Answer<()> {
        self.generation().await?;
        self.write(sqlite::try_write(&self.writer)).await
    }

    /// Does what writes, in turn.
    async fn write<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>> + Send) -> Answer<T> {
        within(self.write_queue.write(work)).await
    }

    /// How many sessions ever ended here, by whatever process.
    async fn generation(&self) -> Answer<i64> {
        generation(&self.readers).await
    }

    fn now(&self) -> Answer<i64> {
        millis(self.clock.now())
    }

    /// Once in a while removes rows that have ended; bounded, so that no caller pays for all of them.
    async fn purge_expired(&self) -> Answer<()> {
        const PURGES: [&str; 6] = [
            "delete from state_sessions where key in (select key from state_sessions where ends_at <= $1 limit 500)",
            "delete from state_transient where (kind, key) in \
             (select kind, key from state_transient where ends_at <= $1 limit 500)",
            "delete from state_codes where key in (select key from state_codes where ends_at <= $1 limit 500)",
            "delete from state_marks where mark in (select mark from state_marks where ends_at <= $1 limit 500)",
            "delete from state_counters where key in (select key from state_counters where ends_at <= $1 limit 500)",
            "delete from state_quotas where (quota, name) in \
             (select quota, name from state_quotas where ends_at <= $1 limit 500)",
        ];
        if self.writes.fetch_add(1, Ordering::Relaxed) % PURGE_EVERY != PURGE_EVERY - 1 {
            return Ok(());
        }
        let now = self.now()?;
        // How a session ended is told for a while.
        let told = now.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
        for (nth, sql) in PURGES.into_iter().enumerate() {
            let before = if nth == 0 { told } else { now };
            let purged = self.write(sqlx::query(sql).bind(before).execute(&self.writer)).await?.rows_affected();
            if nth == 0 {
                self.own_ends.fetch_add(i64::try_from(purged).unwrap_or(i64::MAX), Ordering::SeqCst);
            }
        }
        Ok(())
    }
}

async fn generation(readers: &SqlitePool) -> Answer<i64> {
    const SQL: &str = "select n from state_generation";
    let (n,): (i64,) = within(sqlx::query_as(SQL).fetch_one(readers)).await?;
    Ok(n)
}

async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>> + Send) -> Answer<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(fault),
        Err(_) => Err(fault(format!("no answer within {} ms", PATIENCE.as_millis()))),
    }
}

fn fault(cause: impl std::fmt::Display) -> StoreError {
    StoreError::new("state", cause)
}

fn broken(table: &str, id: &str, what: impl std::fmt::Display) -> StoreError {
    fault(format!("broken row in `{table}`, id `{id}`: {what}"))
}

fn millis(at: Timestamp) -> Answer<i64> {
    i64::try_from(at.as_millis()).map_err(|_| fault("a time is too far away to keep"))
}

fn time(table: &str, id: &str, value: i64) -> Answer<Timestamp> {
    u64::try_from(value).map(Timestamp::from_millis).map_err(|_| broken(table, id, "a time is negative"))
}
