//! Looks at a database without changing it: how far its schema is, and whether secrets are in it.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::migrate::NEWER;
use super::{fault, postgres, sqlite};
use crate::flow::ports::Answer;

/// What a status found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DatabaseStatus {
    /// How far its schema is.
    pub(crate) schema: Schema,
    /// Whether anything in it was sealed by a vault.
    pub(crate) sealed: bool,
    /// Whether a pooler stands before it that gives the server away after each transaction.
    pub(crate) pooled: bool,
}

/// How far a schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// There is none, or not even the file.
    Absent,
    /// Older than this program.
    Behind,
    /// As this program needs it.
    Current,
}

const NOTHING: DatabaseStatus = DatabaseStatus { schema: Schema::Absent, sealed: false, pooled: false };
/// How many rows a vault has sealed.
pub(super) const SEALED: &str = "select (select count(*) from totp) + (select count(*) from signing_keys)";

/// Looks at the accounts that a URL names.
///
/// # Errors
/// It cannot be reached or read, or its schema is newer than this program.
pub(crate) async fn inspect_accounts(url: &str) -> Answer<DatabaseStatus> {
    let migrator = sqlx::migrate!("./migrations");
    if url.starts_with("sqlite:") {
        return inspect_file(&super::sqlite_path(url)?, &migrator).await;
    }
    let mut first = postgres::first(url).await?;
    // In one transaction and unnamed, for whoever may stand in between.
    let mut tx = first.connection.begin().await.map_err(fault)?;
    let there = sqlx::query_as("select to_regclass('_sqlx_migrations') is not null").persistent(false);
    let (there,): (bool,) = there.fetch_one(&mut *tx).await.map_err(fault)?;
    let mut status = DatabaseStatus { pooled: first.pooled, ..NOTHING };
    if there {
        let versions = sqlx::query_as("select version from _sqlx_migrations").persistent(false);
        let versions: Vec<(i64,)> = versions.fetch_all(&mut *tx).await.map_err(fault)?;
        status.schema = compare(&migrator, &versions)?;
        let sealed: Result<(i64,), _> = sqlx::query_as(SEALED).persistent(false).fetch_one(&mut *tx).await;
        status.sealed = sealed.is_ok_and(|(n,)| n > 0);
    }
    tx.rollback().await.map_err(fault)?;
    first.connection.close().await.map_err(fault)?;
    Ok(status)
}

/// Looks at the tables of one migrator in a SQLite file.
///
/// # Errors
/// As [`inspect_accounts`].
pub(crate) async fn inspect_file(path: &Path, migrator: &Migrator) -> Answer<DatabaseStatus> {
    let at = |cause: sqlx::Error| fault(format!("cannot read {}: {cause}", path.display()));
    if !path.try_exists().map_err(|e| fault(format!("{}: {e}", path.display())))? {
        return Ok(NOTHING);
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(true)
        // nobody has it open, and to read it needs no files beside it
        .immutable(!Path::new(&log).exists())
        .busy_timeout(sqlite::BUSY)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(at)?;
    let table = &migrator.table_name;
    let there = "select count(*) from sqlite_master where type = 'table' and name = $1";
    let (there,): (i64,) = sqlx::query_as(there).bind(table.as_ref()).fetch_one(&mut connection).await.map_err(at)?;
    let mut status = NOTHING;
    if there > 0 {
        let query = if table == "state_migrations" {
            "select version from state_migrations"
        } else {
            "select version from _sqlx_migrations"
        };
        let versions: Vec<(i64,)> = sqlx::query_as(query).fetch_all(&mut connection).await.map_err(at)?;
        let sealed: Result<(i64,), _> = sqlx::query_as(SEALED).fetch_one(&mut connection).await;
        status = DatabaseStatus {
            schema: compare(migrator, &versions)?,
            sealed: sealed.is_ok_and(|(n,)| n > 0),
            pooled: false,
        };
        let (found,): (String,) =
            sqlx::query_as("pragma quick_check(1)").fetch_one(&mut connection).await.map_err(at)?;
        if found != "ok" {
            return Err(fault(format!("{} is damaged ({found}); bring back a copy of it", path.display())));
        }
    }
    connection.close().await.map_err(at)?;
    Ok(status)
}

fn compare(migrator: &Migrator, versions: &[(i64,)]) -> Answer<Schema> {
    if versions.iter().any(|(v,)| migrator.iter().all(|m| m.version != *v)) {
        return Err(fault(NEWER));
    }
    let current = migrator.iter().all(|m| versions.iter().any(|(v,)| m.version == *v));
    Ok(match versions {
        [] => Schema::Absent,
        _ if current => Schema::Current,
        _ => Schema::Behind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which pages are hit does not matter: `run` could not serve from any of these files.
    #[tokio::test]
    async fn a_damaged_file_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stepgate.db");
        let url = format!("sqlite://{}", path.display());
        sqlite::migrate(&path, sqlx::migrate!("./migrations")).await.unwrap();
        assert_eq!(inspect_accounts(&url).await.unwrap().schema, Schema::Current);
        let whole = std::fs::read(&path).unwrap();
        for page in 1..whole.len() / 4096 {
            let mut bytes = whole.clone();
            bytes[page * 4096..][..64].fill(0xff);
            std::fs::write(&path, bytes).unwrap();
            let told = inspect_accounts(&url).await.err();
            assert!(told.is_some(), "page {page}");
        }
    }

    #[test]
    fn versions_say_how_far_a_schema_is() {
        let mut migrator = sqlx::migrate!("./migrations");
        migrator.migrations.to_mut().truncate(1);
        let mut second = migrator.migrations[0].clone();
        second.version += 1;
        let (one, two) = ((second.version - 1,), (second.version,));
        migrator.migrations.to_mut().push(second);
        assert_eq!(compare(&migrator, &[]).unwrap(), Schema::Absent);
        assert_eq!(compare(&migrator, &[one]).unwrap(), Schema::Behind);
        assert_eq!(compare(&migrator, &[one, two]).unwrap(), Schema::Current);
        let fault = compare(&migrator, &[one, two, (999,)]).unwrap_err();
        assert!(fault.to_string().contains("newer than this program"));
    }
}
