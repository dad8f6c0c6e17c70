//! PostgreSQL, shared by all nodes, directly or behind a pooler. TLS is as the URL's `sslmode` says.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::migrate::migration_error;
use super::pooler::Postgres;
use super::{Database, Pool, fault};
use crate::flow::ports::{Answer, StoreError};

/// How long a caller waits in all, in milliseconds, unless the URL says `timeout_ms=…`: an outage must be told
/// within a second. Most of it may go to waiting for a connection, a little more to the server's work.
const PATIENCE: u32 = 900;
/// How long the first connection and the migrations may take.
const START: Duration = Duration::from_secs(5);
const MIGRATE: Duration = Duration::from_secs(60);
/// Connections of one process unless the URL says `max_connections=…`.
const CONNECTIONS: u32 = 10;

/// What a URL says to us: the size of the pool, and how long callers wait.
struct Own {
    connections: u32,
    patience: u32,
}

impl Own {
    /// How long a statement may take, in milliseconds.
    const fn statement(&self) -> u32 {
        self.patience - self.patience / 10
    }
}

/// Opens it. `max_connections=…` and `timeout_ms=…` in the URL are ours; the rest is as libpq reads it.
pub(super) async fn open(url: &str) -> Answer<Database> {
    let (options, own) = read(url)?;
    let server = place(&options);
    let First { mut connection, options, pooled } = reach(options, &own).await?;
    let failed = |cause: &dyn std::fmt::Display| fault(format!("cannot migrate postgres at {server}: {cause}"));
    let migrated = tokio::time::timeout(MIGRATE, migrate(&mut connection)).await;
    migrated.map_err(|_| failed(&"no end in sight"))?.map_err(|e| failed(&migration_error(&e)))?;
    connection.close().await.map_err(|e| unreachable(&server, &e))?;
    let pool = PgPoolOptions::new()
        .max_connections(own.connections)
        .acquire_timeout(millis(own.patience - own.patience / 5))
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(Duration::from_secs(1800))
        .connect_lazy_with(options);
    let pool = Postgres { pool, pooled: pooled.then(|| own.statement()) };
    Ok(Database {
        pool: Pool::Postgres(pool),
        patience: millis(own.patience),
        write_queue: std::sync::Arc::default(),
        letters: std::sync::Arc::default(),
    })
}

/// Brings the schema up to date in one transaction, so that it works behind a pooler as well. Nodes that start at once
/// take turns.
async fn migrate(connection: &mut PgConnection) -> Result<(), MigrateError> {
    // What others left under the names that the migrator takes would be in its way, and its own in that of others.
    const BEGIN: &str = "deallocate all; set local statement_timeout = 0; select pg_advisory_xact_lock(7163521994)";
    let mut migrations = sqlx::migrate!("./migrations");
    migrations.set_locking(false);
    let mut tx = connection.begin().await?;
    sqlx::raw_sql(BEGIN).execute(&mut *tx).await?;
    migrations.run_direct(None, &mut *tx, false).await?;
    sqlx::raw_sql("deallocate all").execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// A connection, and what was found out by it.
pub(super) struct First {
    pub(super) connection: PgConnection,
    /// As later connections are to be made.
    options: PgConnectOptions,
    /// Whether there is a pooler that gives the server away after each transaction.
    pub(super) pooled: bool,
}

/// Connects, and finds out whether what a session keeps is kept: a setting that was asked for with the connection.
async fn reach(options: PgConnectOptions, own: &Own) -> Answer<First> {
    const ASKED: &str = "select setting from pg_settings where name = 'statement_timeout'";
    let options = options.application_name("stepgate").disable_statement_logging();
    let server = place(&options);
    let wanted = own.statement().to_string();
    let timed = options.clone().options([("statement_timeout", wanted.as_str())]);
    let mut connection = match connect(&timed).await {
        Ok(connection) => connection,
        // What pgbouncer says to a setting that it cannot keep.
        Err(Unreached::Refused(told)) if told.message().contains("startup parameter") => {
            let connection = connect(&options).await.map_err(|e| e.told(&options))?;
            return Ok(First { connection, options, pooled: true });
        }
        Err(why) => return Err(why.told(&options)),
    };
    let row = sqlx::raw_sql(ASKED).fetch_one(&mut connection).await.map_err(|e| unreachable(&server, &e))?;
    let setting: String = row.try_get(0).map_err(|e| unreachable(&server, &e))?;
    let pooled = setting != wanted;
    Ok(First { connection, options: if pooled { options } else { timed }, pooled })
}

/// Whether a URL can be used; nothing is connected.
///
/// # Errors
/// It cannot be read, or names a setting or a file that is not there. The text repeats no value.
pub(crate) fn judge(url: &str) -> Answer<()> {
    read(url).map(|_| ())
}

/// Settings that the library takes from the query of a URL; of others it would only log the value.
const KNOWN: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
];

fn read(url: &str) -> Answer<(PgConnectOptions, Own)> {
    let (url, own) = own_settings(url)?;
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if !KNOWN.contains(&name) && name != "application_name" && !name.starts_with("options[") {
            // not named: what stands there may be a part of the password
            return Err(fault("the `postgres://` URL has a setting behind its `?` that is not known"));
        }
        let file = name.starts_with("ssl") && !name.ends_with("mode") && !value.contains(['%', '+']);
        if file && !value.starts_with("-----") && !std::path::Path::new(value).is_file() {
            return Err(fault(format!("the file that `{name}` of the `postgres://` URL names is not there")));
        }
    }
    // The parser's own words might repeat a part of the URL, and with it the password.
    let options = PgConnectOptions::from_str(&url).map_err(|_| {
        fault("the `postgres://` URL cannot be read: is every setting behind its `?` one that is possible?")
    })?;
    Ok((options, own))
}

/// One connection, as the URL says, with which nothing was changed yet.
pub(super) async fn first(url: &str) -> Answer<First> {
    let (options, own) = read(url)?;
    reach(options, &own).await
}

/// Why there is no connection.
enum Unreached {
    /// The server, or what stands before it, says no.
    Refused(Box<dyn DatabaseError>),
    Other(String),
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Unreached> {
    match tokio::time::timeout(START, PgConnection::connect_with(options)).await {
        Err(_) => Err(Unreached::Other("no answer in time".to_owned())),
        Ok(Err(sqlx::Error::Database(told))) => Err(Unreached::Refused(told)),
        Ok(connected) => connected.map_err(|e| Unreached::Other(e.to_string())),
    }
}

impl Unreached {
    /// In words for who wrote the URL. Of the URL it tells who, where and to which database, never the password.
    fn told(self, options: &PgConnectOptions) -> StoreError {
        let server = place(options);
        let told = match self {
            Self::Other(cause) => return unreachable(&server, &cause),
            Self::Refused(told) => told,
        };
        let user = options.get_username();
        let database = options.get_database().unwrap_or(user);
        let says = told.message();
        let what = match told.code().as_deref() {
            // invalid_password, invalid_authorization_specification (also a rule of pg_hba.conf)
            Some("28P01") => format!("the user `{user}` was refused for the database `{database}`: wrong password"),
            Some("28000") => format!("the user `{user}` was refused for the database `{database}`: {says}"),
            // invalid_catalog_name
            Some("3D000") => format!("there is no database `{database}` (asked for by the user `{user}`)"),
            _ => format!("refused for the user `{user}` and the database `{database}`: {says}"),
        };
        fault(format!("postgres at {server}: {what}"))
    }
}

fn unreachable(server: &str, cause: &dyn std::fmt::Display) -> StoreError {
    fault(format!("cannot reach postgres at {server}: {cause}"))
}

fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(directory) => directory.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

fn millis(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

/// The URL without our own settings, and these.
fn own_settings(url: &str) -> Result<(String, Own), StoreError> {
    let mut own = Own { connections: CONNECTIONS, patience: PATIENCE };
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), own)) };
    let number = |name: &str, text: &str, most: u32| {
        let number = text.parse().ok().filter(|n| (1..=most).contains(n));
        number.ok_or_else(|| fault(format!("`{name}` must be a number from 1 to {most}")))
    };
    let mut kept = Vec::new();
    for part in query.split('&') {
        match part.split_once('=') {
            Some((name @ "max_connections", text)) => own.connections = number(name, text, 1000)?,
            Some((name @ "timeout_ms", text)) => own.patience = number(name, text, 60_000)?,
            _ => kept.push(part),
        }
    }
    Ok((format!("{base}?{}", kept.join("&")), own))
}
