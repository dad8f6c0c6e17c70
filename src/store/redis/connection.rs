//! The connection for commands. One task keeps it; callers take it as it stands and never wait for a reconnect.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::STORE;
use super::metrics::{Counters, Verb};
use crate::flow::ports::{Answer, StoreError};

/// How long a connection with TLS and AUTH may take to stand. Callers do not wait for it.
const CONNECT: Duration = Duration::from_secs(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two looks at a connection that nobody complains of.
const BEAT: Duration = Duration::from_millis(250);

/// Where the connection stands.
#[derive(Clone)]
enum ConnectionStatus {
    /// The first attempt is under way: callers wait for it within their own deadline.
    Opening,
    Up(MultiplexedConnection),
    /// With the cause.
    Down(String),
}

pub(super) struct Connection {
    status: watch::Receiver<ConnectionStatus>,
    signal: Arc<ReconnectSignal>,
    timeout: Duration,
    counters: Arc<Counters>,
    task: JoinHandle<()>,
}

/// What callers tell the task.
#[derive(Default)]
struct ReconnectSignal {
    wake: Notify,
    /// The server answers, but is of no use (a replica after a failover): connect anew.
    unusable: AtomicBool,
}

impl Connection {
    /// Starts to connect, in a task on the current runtime.
    pub(super) fn start(client: Client, timeout: Duration, counters: Arc<Counters>) -> Self {
        let (sender, status) = watch::channel(ConnectionStatus::Opening);
        let signal = Arc::new(ReconnectSignal::default());
        let task = tokio::spawn(maintain(client, timeout, sender, signal.clone(), counters.clone()));
        Self { status, signal, timeout, counters, task }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(*self.status.borrow(), ConnectionStatus::Up(_))
    }

    /// Runs `work` on the connection. All of it, with waiting for a first connection, is under one deadline. A caller
    /// that goes away loses only its own reply: the connection hands each reply to the request it belongs to.
    pub(super) async fn run<T, F, W>(&self, verb: Verb, work: F) -> Answer<T>
    where
        F: FnOnce(MultiplexedConnection) -> W,
        W: Future<Output = RedisResult<T>>,
    {
        let began = Instant::now();
        let answer = match timeout(self.timeout, async {
            let connection = self.current().await?;
            work(connection).await.map_err(|e| self.classify_error(&e))
        })
        .await
        {
            Ok(answer) => answer,
            Err(_) => {
                self.signal.wake.notify_one();
                Err(StoreError::new(STORE, format!("no answer within {:?}", self.timeout)))
            }
        };
        self.counters.note(verb, began.elapsed(), answer.is_err());
        answer
    }

    async fn current(&self) -> Answer<MultiplexedConnection> {
        let mut status = self.status.clone();
        let status = status.wait_for(|s| !matches!(s, ConnectionStatus::Opening)).await.map(|s| s.clone());
        match status {
            Ok(ConnectionStatus::Up(connection)) => Ok(connection),
            Ok(ConnectionStatus::Down(cause)) => Err(StoreError::new(STORE, format!("not connected: {cause}"))),
            Ok(ConnectionStatus::Opening) | Err(_) => Err(StoreError::new(STORE, "not connected")),
        }
    }

    fn classify_error(&self, error: &RedisError) -> StoreError {
        let useless =
            matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
        if useless || error.is_unrecoverable_error() {
            self.signal.unusable.store(true, SeqCst);
            self.signal.wake.notify_one();
        }
        StoreError::new(STORE, error)
    }
}

/// Tells a value of another type, which lies where one of ours should, from a Redis that does not answer.
pub(super) fn of_type<T>(answer: RedisResult<T>) -> RedisResult<Answer<T>> {
    match answer {
        Err(error) if error.code() == Some("WRONGTYPE") => {
            Ok(Err(StoreError::new(STORE, "a value of another type lies there")))
        }
        answer => answer.map(Ok),
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, watches, connects again, for ever.
async fn maintain(
    client: Client,
    patience: Duration,
    status: watch::Sender<ConnectionStatus>,
    signal: Arc<ReconnectSignal>,
    counters: Arc<Counters>,
) {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(patience.max(CONNECT)));
    loop {
        let cause = match connect(&client, &config).await {
            Err(cause) => cause,
            Ok(connection) => {
                counters.connects.fetch_add(1, Relaxed);
                signal.unusable.store(false, SeqCst);
                status.send_replace(ConnectionStatus::Up(connection.clone()));
                monitor(connection, &signal).await
            }
        };
        status.send_replace(ConnectionStatus::Down(cause));
        sleep(PAUSE).await;
    }
}

/// A connection that has answered. Bounded as a whole: a server that accepts and then hangs must not hold us.
async fn connect(client: &Client, config: &AsyncConnectionConfig) -> Result<MultiplexedConnection, String> {
    let opened = timeout(CONNECT, async {
        let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
        ping(&mut connection).await?;
        Ok(connection)
    });
    match opened.await {
        Ok(opened) => opened.map_err(|e: RedisError| e.to_string()),
        Err(_) => Err(format!("no connection within {CONNECT:?}")),
    }
}

/// Returns when the connection is of no use any more, with the cause.
async fn monitor(mut connection: MultiplexedConnection, signal: &ReconnectSignal) -> String {
    loop {
        tokio::select! {
            () = sleep(BEAT) => {}
            () = signal.wake.notified() => {}
        }
        if signal.unusable.swap(false, SeqCst) {
            return "the connection broke".to_owned();
        }
        // More patient than a caller: a machine that is busy for a moment is no outage.
        match timeout(CONNECT, ping(&mut connection)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return format!("no answer within {CONNECT:?}"),
        }
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    ::redis::cmd("PING").query_async(connection).await
}
