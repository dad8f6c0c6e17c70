//! PostgreSQL, shared by all nodes. TLS is as the URL's `sslmode` says.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::look::unmigrated;
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

/// Opens it. `max_connections=…` and `timeout_ms=…` in the URL are ours; the rest is as libpq reads it.
pub(super) async fn open(url: &str) -> Answer<Database> {
    let (options, own) = read(url)?;
    let options = options.application_name("stepgate").disable_statement_logging();
    let server = place(&options);
    let unreachable = |cause: &dyn std::fmt::Display| fault(format!("cannot reach postgres at {server}: {cause}"));
    let mut first = connect(&options).await?;
    // Nodes that start at once take turns here: the migrator holds an advisory lock.
    let migrations = sqlx::migrate!("./migrations");
    let migrated = tokio::time::timeout(MIGRATE, migrations.run_direct(None, &mut first, false)).await;
    let failed = |cause: &dyn std::fmt::Display| fault(format!("cannot migrate postgres at {server}: {cause}"));
    migrated.map_err(|_| failed(&"no end in sight"))?.map_err(|e| failed(&unmigrated(&e)))?;
    first.close().await.map_err(|e| unreachable(&e))?;
    let pool = PgPoolOptions::new()
        .max_connections(own.connections)
        .acquire_timeout(millis(own.patience - own.patience / 5))
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(Duration::from_secs(1800))
        .connect_lazy_with(options.options([("statement_timeout", (own.patience - own.patience / 10).to_string())]));
    Ok(Database { pool: Pool::Postgres(pool), patience: millis(own.patience), turns: std::sync::Arc::default() })
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

/// One connection, as the URL says, and nothing done with it yet.
pub(super) async fn first(url: &str) -> Answer<PgConnection> {
    let (options, _) = read(url)?;
    connect(&options.application_name("stepgate").disable_statement_logging()).await
}

async fn connect(options: &PgConnectOptions) -> Answer<PgConnection> {
    let server = place(options);
    let unreachable = |cause: &dyn std::fmt::Display| fault(format!("cannot reach postgres at {server}: {cause}"));
    let connected = tokio::time::timeout(START, PgConnection::connect_with(options)).await;
    connected.map_err(|_| unreachable(&"no answer in time"))?.map_err(|e| unreachable(&e))
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
