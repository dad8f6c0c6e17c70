//! The connection to Redis: one, multiplexed; every command with a deadline of its own.
//!
//! While Redis is away a command waits for no more than that deadline, and the next one that is asked tries to
//! connect anew, so the gateway recovers without a restart.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, ScriptInvocation, TlsCertificates};
use tokio::time::timeout;

use super::NAME;
use crate::auth::secret::SecretText;
use crate::flow::ports::{Answer, StoreError};

/// A connection that renews itself.
pub(super) struct Link {
    client: Client,
    deadline: Duration,
    current: Mutex<Current>,
    /// Held while connecting, so that a burst of commands makes one connection.
    connecting: tokio::sync::Mutex<()>,
}

/// The connection in use, and how many there were before it.
#[derive(Default)]
struct Current {
    number: u64,
    connection: Option<MultiplexedConnection>,
}

/// A client for a URL. No I/O.
pub(super) fn client(url: &SecretText, ca: Option<&Path>) -> Answer<Client> {
    // The cause may quote the URL, which may hold a password: it is not repeated.
    let unusable = || StoreError::new(NAME, "the state URL cannot be used; write redis://[user:password@]host[:port][/db]");
    let info = url.expose().into_connection_info().map_err(|_| unusable())?;
    let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    match ca {
        None => Client::open(info).map_err(|_| unusable()),
        Some(file) => {
            let pem = std::fs::read(file)
                .map_err(|cause| StoreError::new(NAME, format!("cannot read the CA file {}: {cause}", file.display())))?;
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
            Client::build_with_tls(info, certificates)
                .map_err(|cause| StoreError::new(NAME, format!("cannot use the CA file {}: {cause}", file.display())))
        }
    }
}

impl Link {
    /// A link that is not connected yet.
    pub(super) fn new(client: Client, deadline: Duration) -> Self {
        Self { client, deadline, current: Mutex::default(), connecting: tokio::sync::Mutex::default() }
    }

    /// Asks one command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Answer<T> {
        self.within(async |mut connection| command.query_async(&mut connection).await).await
    }

    /// Runs one script.
    pub(super) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Answer<T> {
        self.within(async |mut connection| script.invoke_async(&mut connection).await).await
    }

    async fn within<T>(&self, ask: impl AsyncFnOnce(MultiplexedConnection) -> ::redis::RedisResult<T>) -> Answer<T> {
        let late = || StoreError::new(NAME, format!("no answer within {} ms", self.deadline.as_millis()));
        let answered = timeout(self.deadline, async {
            let (number, connection) = self.connection().await.map_err(|cause| StoreError::new(NAME, cause))?;
            Ok((number, ask(connection).await))
        })
        .await;
        match answered {
            Ok(Ok((_, Ok(value)))) => Ok(value),
            Ok(Ok((number, Err(cause)))) => {
                // An answer that Redis gave leaves the connection in order; anything else ends it.
                if cause.is_unrecoverable_error() || cause.is_io_error() || cause.is_timeout() {
                    self.drop_connection(Some(number));
                }
                Err(StoreError::new(NAME, cause))
            }
            Ok(Err(cause)) => Err(cause),
            Err(_) => {
                self.drop_connection(None);
                Err(late())
            }
        }
    }

    async fn connection(&self) -> ::redis::RedisResult<(u64, MultiplexedConnection)> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.deadline))
            .set_response_timeout(Some(self.deadline));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }

    fn known(&self) -> Option<(u64, MultiplexedConnection)> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.connection.clone().map(|connection| (current.number, connection))
    }

    /// Gives up the connection of that number, or whichever is in use.
    fn drop_connection(&self, number: Option<u64>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if number.is_none_or(|number| number == current.number) {
            current.connection = None;
        }
    }
}

/// A second connection for what is pushed.
pub(super) async fn pubsub(client: &Client, deadline: Duration) -> Option<(::redis::aio::PubSubSink, ::redis::aio::PubSubStream)> {
    let connection = timeout(deadline, client.get_async_pubsub()).await.ok()?.ok()?;
    Some(connection.split())
}

