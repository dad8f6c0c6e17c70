//! PostgreSQL, shared by all nodes. TLS is as the URL's `sslmode` says.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Database, Pool, fault};
use crate::flow::ports::{Answer, StoreError};

/// How long a caller waits in all: an outage must be told within a second.
const PATIENCE: Duration = Duration::from_millis(900);
/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_millis(700);
/// How long the server may work on one statement, in milliseconds.
const STATEMENT: &str = "800";
/// How long the first connection and the migrations may take.
const START: Duration = Duration::from_secs(5);
const MIGRATE: Duration = Duration::from_secs(60);
/// Connections of one process unless the URL says `max_connections=…`.
const CONNECTIONS: u32 = 10;

/// Opens it. `max_connections=…` in the URL sets the size of the pool; the rest is as libpq reads it.
pub(super) async fn open(url: &str) -> Answer<Database> {
    let (url, size) = pool_size(url)?;
    // The parser's own words might repeat a part of the URL, and with it the password.
    let options = PgConnectOptions::from_str(&url).map_err(|_| fault("the `postgres://` URL cannot be read"))?;
    let options = options.application_name("stepgate").disable_statement_logging();
    let server = place(&options);
    let unreachable = |cause: &dyn std::fmt::Display| fault(format!("cannot reach postgres at {server}: {cause}"));
    let connected = tokio::time::timeout(START, PgConnection::connect_with(&options)).await;
    let mut first = connected.map_err(|_| unreachable(&"no answer in time"))?.map_err(|e| unreachable(&e))?;
    // Nodes that start at once take turns here: the migrator holds an advisory lock.
    let migrations = sqlx::migrate!("./migrations");
    let migrated = tokio::time::timeout(MIGRATE, migrations.run_direct(None, &mut first, false)).await;
    let failed = |cause: &dyn std::fmt::Display| fault(format!("cannot migrate postgres at {server}: {cause}"));
    migrated.map_err(|_| failed(&"no end in sight"))?.map_err(|e| failed(&e))?;
    first.close().await.map_err(|e| unreachable(&e))?;
    let pool = PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(Duration::from_secs(1800))
        .connect_lazy_with(options.options([("statement_timeout", STATEMENT)]));
    Ok(Database { pool: Pool::Postgres(pool), patience: PATIENCE })
}

fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(directory) => directory.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

/// The URL without our own setting, and the setting.
fn pool_size(url: &str) -> Result<(String, u32), StoreError> {
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), CONNECTIONS)) };
    let mut size = CONNECTIONS;
    let mut kept = Vec::new();
    for part in query.split('&') {
        match part.strip_prefix("max_connections=") {
            Some(text) => {
                let number = text.parse().ok().filter(|n| (1..=1000).contains(n));
                size = number.ok_or_else(|| fault("`max_connections` must be a number from 1 to 1000"))?;
            }
            None => kept.push(part),
        }
    }
    Ok((format!("{base}?{}", kept.join("&")), size))
}
