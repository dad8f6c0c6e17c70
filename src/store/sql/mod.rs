//! Accounts, authenticators, signing keys and the audit trail, in SQLite or PostgreSQL, by one SQL.

mod accounts;
mod addresses;
mod audit;
mod authenticator_names;
mod authenticators;
mod erasures;
mod history;
mod lockouts;
mod migrate;
mod open;
mod outbox;
mod passkeys;
mod pooler;
mod postgres;
mod records;
mod recoveries;
mod removal;
mod row;
mod schema;
mod sealed_rows;
mod sign_ups;
mod signing_keys;
pub(crate) mod sqlite;
#[cfg(test)]
mod tests;
pub(crate) mod write_queue;

pub use audit::Audit;
pub(crate) use open::sqlite_path;
pub(crate) use outbox::OutboxRow;
pub(crate) use postgres::judge as judge_postgres;
pub(crate) use schema::{Schema, inspect_accounts, inspect_file};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::Notify;

use super::admin::counts::Counts;
use crate::auth::proof::Method;
use crate::flow::ports::{Answer, StoreError};
use write_queue::WriteQueue;

/// The database of accounts.
#[derive(Clone)]
pub(crate) struct Database {
    pool: Pool,
    patience: Duration,
    /// Of a SQLite file.
    write_queue: Arc<WriteQueue>,
    /// Letters were written.
    letters: Arc<Notify>,
}

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(pooler::Postgres),
}

/// Runs one future per kind of database; the text of `$body` is the same for both.
macro_rules! on {
    ($db:expr, $pool:ident => $body:expr) => {
        match &$db.pool {
            $crate::store::sql::Pool::Sqlite($pool) => $db.within($body).await,
            $crate::store::sql::Pool::Postgres($pool) => $db.within($body).await,
        }
    };
}

/// As `on`, for a statement that writes.
macro_rules! on_write {
    ($db:expr, $pool:ident => $body:expr) => {
        match &$db.pool {
            $crate::store::sql::Pool::Sqlite($pool) => $db.within($db.write_queue.write($body)).await,
            $crate::store::sql::Pool::Postgres($pool) => $db.within($body).await,
        }
    };
}

/// Runs statements in one transaction, which is rolled back unless `$body` commits it.
macro_rules! in_transaction {
    ($db:expr, $tx:ident => $body:block) => {
        match &$db.pool {
            // SQLite takes the lock for writing at once: a reader that turns writer could not wait for it.
            $crate::store::sql::Pool::Sqlite(pool) => {
                let work = async {
                    let mut $tx = pool.begin_with("begin immediate").await?;
                    $body
                };
                $db.within($db.write_queue.write(work)).await
            }
            $crate::store::sql::Pool::Postgres(pool) => {
                let work = async {
                    let mut $tx = pool.begin().await?;
                    $body
                };
                $db.within(work).await
            }
        }
    };
}

use {in_transaction, on, on_write};

impl Database {
    /// Waits for the database no longer than is decent.
    async fn within<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>> + Send) -> Answer<T> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(done) => done.map_err(fault),
            Err(_) => Err(fault(format!("no answer within {} ms", self.patience.as_millis()))),
        }
    }

    /// Whether it answers, and takes writes.
    pub(crate) async fn probe(&self) -> Answer<()> {
        const READ_ONLY: &str = "select current_setting('transaction_read_only')";
        match &self.pool {
            Pool::Sqlite(pool) => self.within(self.write_queue.write(sqlite::try_write(pool))).await,
            Pool::Postgres(pool) => {
                let (read_only,): (String,) = self.within(sqlx::query_as(READ_ONLY).fetch_one(pool)).await?;
                if read_only == "off" { Ok(()) } else { Err(fault("it takes no writes")) }
            }
        }
    }

    /// The turns of its file, for whoever else writes to it in this process.
    pub(crate) fn write_queue(&self) -> Arc<WriteQueue> {
        self.write_queue.clone()
    }

    /// Waits until a letter is written here.
    pub(crate) async fn letter_written(&self) {
        self.letters.notified().await;
    }

    /// How many accounts have which factor.
    pub(crate) async fn enrolled(&self) -> Answer<Counts> {
        const SQL: &str = "select (select count(*) from accounts where password_hash is not null), \
             (select count(*) from totp), (select count(distinct account_id) from backup_codes), \
             (select count(distinct account_id) from addresses where kind = 'email'), \
             (select count(distinct account_id) from addresses where kind = 'sms'), \
             (select count(distinct account_id) from passkeys)";
        let (password, totp, backup, mail, sms, passkey): (i64, i64, i64, i64, i64, i64) =
            on!(self, pool => sqlx::query_as(SQL).fetch_one(pool))?;
        let named = [
            (Method::Password, password),
            (Method::Totp, totp),
            (Method::BackupCode, backup),
            (Method::EmailCode, mail),
            (Method::SmsCode, sms),
            (Method::Passkey, passkey),
        ];
        Ok(named.map(|(method, count)| (method.name(), u64::try_from(count).unwrap_or(0))).to_vec())
    }

    /// Whether anything in it was sealed by a vault.
    pub(crate) async fn holds_sealed(&self) -> Answer<bool> {
        let (count,): (i64,) = on!(self, pool => sqlx::query_as(schema::SEALED).fetch_one(pool))?;
        Ok(count > 0)
    }
}

pub(super) fn fault(cause: impl std::fmt::Display) -> StoreError {
    StoreError::new("database", cause)
}
