//! SQLite: one file, with a write-ahead log.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

use super::migrate::migration_error;
use super::{Database, Pool, fault};
use crate::flow::ports::Answer;

/// How long a statement waits for another process that writes: callers are told within a second. Writers of this
/// process never wait for each other here, they take turns.
pub(super) const BUSY: Duration = Duration::from_millis(600);
/// How long a caller waits in all, its turn included: a slow disk is not an outage.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// How much a commit survives.
#[derive(Clone, Copy)]
pub(crate) enum Durable {
    /// `kill -9` and the loss of power: for what must never come back, as a spent time step.
    Power,
    /// `kill -9`. The loss of power may forget the last commits: for state, which a restart may forget.
    Process,
}

/// Opens the file with the tables of accounts.
pub(super) async fn open(path: &Path) -> Answer<Database> {
    migrate(path, sqlx::migrate!("./migrations")).await?;
    let pool = pool(options(path, Durable::Power), 4);
    Ok(Database { pool: Pool::Sqlite(pool), patience: PATIENCE, write_queue: Arc::default(), letters: Arc::default() })
}

/// How to connect to the file.
pub(crate) fn options(path: &Path, durable: Durable) -> SqliteConnectOptions {
    let synchronous = match durable {
        Durable::Power => SqliteSynchronous::Full,
        Durable::Process => SqliteSynchronous::Normal,
    };
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .synchronous(synchronous)
        .pragma("trusted_schema", "off")
        // What is deleted is overwritten, and not left in pages that are free.
        .pragma("secure_delete", "on")
        .disable_statement_logging()
}

/// A pool that opens its connections when they are needed.
pub(crate) fn pool(options: SqliteConnectOptions, size: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        // A full disk makes SQLite end a transaction by itself, and the driver then waits for the end for ever.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .connect_lazy_with(options)
}

/// Writes what stands there already: only a write tells of a disk that is full.
pub(crate) async fn try_write(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut work = pool.begin_with("begin immediate").await?;
    let (version,): (i64,) = sqlx::query_as("pragma user_version").fetch_one(&mut *work).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("pragma user_version = {version}"))).execute(&mut *work).await?;
    work.commit().await
}

/// Writes the log into the file and empties it: what was overwritten since is then in neither.
pub(crate) async fn empty_log(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let done: (i64, i64, i64) = sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(pool).await?;
    match done {
        (0, ..) => Ok(()),
        _ => Err(sqlx::Error::Protocol(
            "the write-ahead log cannot be emptied while another program, as a backup, holds the file open to read"
                .to_owned(),
        )),
    }
}

/// Makes the file if it is not there and brings a schema up to date; of several processes, one at a time.
pub(crate) async fn migrate(path: &Path, migrator: Migrator) -> Answer<()> {
    let at = |cause: &dyn std::fmt::Display| fault(format!("cannot open {}: {cause}", path.display()));
    let file = path.to_owned();
    let lock = tokio::task::spawn_blocking(move || make(&file)).await.map_err(|e| at(&e))?.map_err(|e| at(&e))?;
    let mut connection = options(path, Durable::Power).connect().await.map_err(|e| at(&e))?;
    migrator.run_direct(None, &mut connection, false).await.map_err(|e| at(&migration_error(&e)))?;
    connection.close().await.map_err(|e| at(&e))?;
    drop(lock);
    Ok(())
}

/// Makes the file, for its owner only, and takes the lock that stands beside it.
fn make(path: &Path) -> std::io::Result<std::fs::File> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.is_dir()) {
        let text = format!("the directory {} does not exist", parent.display());
        return Err(std::io::Error::new(ErrorKind::NotFound, text));
    }
    let private = |options: &mut OpenOptions| options.write(true).mode(0o600).clone();
    let lock = private(OpenOptions::new().create(true).truncate(false)).open(lock_path(path))?;
    lock.lock()?;
    // An existing file is not opened here: closing it would drop the locks that SQLite holds on it in this process.
    match private(OpenOptions::new().create_new(true)).open(path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(e),
        _ => Ok(lock),
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
