//! The state ports on Redis, shared by every gateway process of an installation.
//!
//! Keys are typed and versioned below one prefix: `s1:` sessions (hash), `u1:` a person's sessions (sorted set),
//! `e1:` when a session ended, `c1:` ceremonies, `p1:` values that wait, `l1:` marks, `t1:` counters, and the channel `x1`, which tells of
//! sessions that ended. RecordCipher are sealed, and people and networks are named by keyed digests (`store::record_cipher`): in
//! clear are only random ids, and when a session was last seen and ends. A value that cannot be read is taken away and told, and is then "not found"; a counter that
//! cannot be read counts as used up. The scripts touch a session and its index together, and several counters at
//! once, whose keys lie in different slots: they need one primary, not a Redis Cluster.

mod cache;
mod connection;
mod counters;
mod metrics;
mod push;
mod scripts;
mod session_record;
mod sessions;
mod sweep;
#[cfg(test)]
mod tests;
mod transient;

use std::sync::Arc;
use std::time::Duration;

use ::redis::{Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, TlsCertificates, io::tcp::TcpSettings};
use async_trait::async_trait;

use cache::LeasedCache;
use connection::Connection;
pub use metrics::{BOUNDS, RedisMetrics, VerbMetrics};
use metrics::{Counters, Verb};
use push::{Push, PushTarget};
use scripts::Scripts;

use super::Probe;
use super::admin::counts::SessionSample;
use super::endings::Endings;
use super::record_cipher::RecordCipher;
use super::settings::StateSettings;
use crate::flow::ports::{Answer, Clock, StoreError};

/// The name of this store in faults.
const STORE: &str = "redis";

/// One node's end of the shared Redis. Its background tasks end when it is dropped.
pub struct Redis {
    connection: Connection,
    /// Held for its task.
    _push: Push,
    endings: Arc<Endings>,
    cache: Arc<LeasedCache>,
    scripts: Scripts,
    counters: Arc<Counters>,
    cipher: Arc<RecordCipher>,
    clock: Arc<dyn Clock>,
    prefix: String,
}

/// Opens the state ports. Does not wait for Redis: until it answers, every call is a fault. Must be called inside the
/// tokio runtime that will serve, as the background tasks live there.
///
/// # Errors
/// The settings are not for Redis, the URL is none, or the CA file cannot be read.
pub(super) async fn open(settings: &StateSettings, cipher: RecordCipher, clock: Arc<dyn Clock>) -> Answer<Arc<Redis>> {
    let (client, timeout, prefix) = client_of(settings).await?;
    Ok(Arc::new(Redis::start(client.clone(), client, timeout, prefix, (cipher, clock))))
}

/// Whether Redis answers and takes writes, for who has opened nothing.
///
/// # Errors
/// As [`open`], or it does not.
pub(super) async fn check(settings: &StateSettings) -> Answer<()> {
    let (client, timeout, prefix) = client_of(settings).await?;
    probe(&Connection::start(client, timeout, Arc::default()), prefix).await
}

async fn client_of(settings: &StateSettings) -> Answer<(Client, Duration, &str)> {
    let StateSettings::Redis { url, ca, timeout, prefix } = settings else {
        return Err(StoreError::new(STORE, "these settings are not for Redis"));
    };
    let ca = match ca {
        None => None,
        Some(path) => Some(
            tokio::fs::read(path)
                .await
                .map_err(|e| StoreError::new(STORE, format!("CA file {}: {e}", path.display())))?,
        ),
    };
    Ok((client(url.expose(), ca)?, *timeout, prefix))
}

/// Whether a URL can be used; nothing is connected.
///
/// # Errors
/// It is not for Redis, or says something that nobody would follow.
pub(super) fn judge(url: &str) -> Answer<()> {
    let refused = |why: &str| StoreError::new(STORE, why);
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let query = rest.split_once('?').map(|(_, query)| query).unwrap_or_default();
    if query.split('&').any(|part| !part.is_empty() && !part.starts_with("protocol=")) {
        return Err(refused("the URL has a setting behind its `?` that is not known; only `protocol` is"));
    }
    if !fragment.is_empty() && fragment != "insecure" {
        return Err(refused(
            "the URL has something behind a `#`; is every special character of the password %-encoded?",
        ));
    }
    client(url, None).map(|_| ())
}

/// A client for `url`. Says nothing of the URL in its faults: it may hold a password.
fn client(url: &str, ca: Option<Vec<u8>>) -> Answer<Client> {
    let refused = |why: &str| StoreError::new(STORE, why);
    let info = url.into_connection_info().map_err(|_| refused("the URL is not `redis://…` or `rediss://…`"))?;
    match info.addr() {
        ConnectionAddr::Tcp(..) if ca.is_some() => return Err(refused("a CA file is of use with `rediss://…` only")),
        ConnectionAddr::TcpTls { insecure: true, .. } => return Err(refused("`#insecure` is not supported")),
        ConnectionAddr::Tcp(..) | ConnectionAddr::TcpTls { .. } => {}
        _ => return Err(refused("the URL is not `redis://…` or `rediss://…`")),
    }
    // The subscriber speaks RESP2, whatever the URL wishes.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
    let info = info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    if ca.is_some() {
        let certificates = TlsCertificates { client_tls: None, root_cert: ca };
        return Client::build_with_tls(info, certificates).map_err(|e| StoreError::new(STORE, e));
    }
    Client::open(info).map_err(|e| StoreError::new(STORE, e))
}

impl Redis {
    /// Starts the two connections: one for commands, one for the push.
    fn start(
        commands: Client,
        pushes: Client,
        timeout: Duration,
        prefix: &str,
        (cipher, clock): (RecordCipher, Arc<dyn Clock>),
    ) -> Self {
        let counters = Arc::new(Counters::default());
        let cache = Arc::new(LeasedCache::new(counters.clone()));
        let (cipher, endings) = (Arc::new(cipher), Arc::new(Endings::default()));
        let target = PushTarget { cache: cache.clone(), endings: endings.clone(), cipher: cipher.clone() };
        Self {
            connection: Connection::start(commands, timeout, counters.clone()),
            _push: Push::start(pushes, format!("{prefix}x1"), target, counters.clone()),
            endings,
            cache,
            scripts: Scripts::new(),
            counters,
            cipher,
            clock,
            prefix: prefix.to_owned(),
        }
    }

    /// The numbers of this node, for metrics.
    pub fn metrics(&self) -> RedisMetrics {
        self.counters.snapshot(self.cache.trusted(), self.connection.is_up())
    }

    /// The Redis key of a thing of one kind.
    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}{kind}{name}", self.prefix)
    }
}

#[async_trait]
impl Probe for Redis {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn probe(&self) -> Answer<()> {
        probe(&self.connection, &self.prefix).await
    }

    async fn session_sample(&self) -> Answer<SessionSample> {
        self.sample().await
    }
}

/// Written to, for a Redis that is full or has become a replica still answers a PING.
async fn probe(connection: &Connection, prefix: &str) -> Answer<()> {
    let mut set = ::redis::cmd("SET");
    set.arg(format!("{prefix}probe")).arg(1).arg("PX").arg(1_000);
    connection.run(Verb::Probe, |mut c| async move { set.query_async(&mut c).await }).await
}

/// A life as Redis takes it: milliseconds, at least one, at most a century.
fn millis(ttl: Duration) -> u64 {
    const CENTURY: u64 = 100 * 366 * 86_400_000;
    u64::try_from(ttl.as_millis()).unwrap_or(CENTURY).clamp(1, CENTURY)
}
