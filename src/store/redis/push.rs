//! The push: a connection of its own that tells of ended sessions, and the proof that it still works.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ::redis::aio::{PubSubSink, PubSubStream};
use ::redis::{Client, Msg, RedisResult};
use futures_util::{FutureExt, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::cache::LeasedCache;
use super::metrics::Counters;
use crate::auth::session::{Session, SessionKey};
use crate::flow::ports::EndReason;
use crate::store::endings::Endings;
use crate::store::record_cipher::RecordCipher;

/// How long a subscription may take to stand.
const CONNECT: Duration = Duration::from_secs(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two proofs that the connection works.
const BEAT: Duration = Duration::from_millis(200);
/// How long such a proof may take.
const PATIENCE: Duration = Duration::from_millis(350);

/// What is brought up to date by the push, and told of it.
pub(super) struct PushTarget {
    pub(super) cache: Arc<LeasedCache>,
    pub(super) endings: Arc<Endings>,
    pub(super) cipher: Arc<RecordCipher>,
}

pub(super) struct Push {
    listener: JoinHandle<()>,
}

impl Push {
    /// Starts to listen, in a task on the current runtime.
    pub(super) fn start(client: Client, channel: String, target: PushTarget, counters: Arc<Counters>) -> Self {
        let listener = tokio::spawn(async move {
            loop {
                if let Ok(Ok((sink, stream))) = timeout(CONNECT, subscribe(&client, &channel)).await {
                    counters.subscriptions.fetch_add(1, Relaxed);
                    // What ended while nobody listened is unknown.
                    target.unknown();
                    listen(sink, stream, &target).await;
                }
                target.cache.distrust();
                sleep(PAUSE).await;
            }
        });
        Self { listener }
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn subscribe(client: &Client, channel: &str) -> RedisResult<(PubSubSink, PubSubStream)> {
    let (mut sink, stream) = client.get_async_pubsub().await?.split();
    sink.subscribe(channel).await?;
    Ok((sink, stream))
}

/// Heeds the push until it fails. Trust is renewed by each reply to a PING, counted from when the PING was sent:
/// Redis answers in order, so by then everything published before has arrived.
async fn listen(mut sink: PubSubSink, mut stream: PubSubStream, target: &PushTarget) {
    loop {
        let asked = Instant::now();
        match timeout(PATIENCE, sink.ping::<::redis::Value>()).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return,
        }
        // Outside the scheduler's budget: "nothing more" must mean just that.
        while let Some(next) = tokio::task::unconstrained(stream.next()).now_or_never() {
            let Some(message) = next else { return };
            target.apply(&message);
        }
        target.cache.trust(asked);
        let pause = sleep(BEAT);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                next = stream.next() => {
                    let Some(message) = next else { return };
                    target.apply(&message);
                }
            }
        }
    }
}

impl PushTarget {
    /// A message, parted by spaces: the session's key, why it ended, its record, and the key under which it goes on. The
    /// version before sends the key alone, or nothing after the record.
    fn apply(&self, message: &Msg) {
        let text = std::str::from_utf8(message.get_payload_bytes()).unwrap_or_default();
        let mut parts = text.splitn(3, ' ');
        let Some(key) = parts.next().and_then(SessionKey::decode) else { return self.unknown() };
        let (why, rest) = (parts.next(), parts.next().unwrap_or_default());
        let (record, next) = rest.split_once(' ').unwrap_or((rest, ""));
        let why = match why {
            Some("replaced") => EndReason::Replaced { by: SessionKey::decode(next) },
            Some("revoked") => EndReason::Revoked,
            _ => EndReason::Unknown,
        };
        let session = self.cipher.open::<Session>(&key.encoded(), record.as_bytes()).ok().map(|session| session.id);
        self.cache.end(&key);
        self.endings.one(key, session, why);
    }

    /// Any session may have ended.
    fn unknown(&self) {
        self.cache.end_all();
        self.endings.lost();
    }
}
