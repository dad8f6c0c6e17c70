//! Revocations as Redis pushes them. A subscription that hangs is noticed by its missing heartbeat.

use std::sync::Weak;
use std::time::Duration;

use ::redis::aio::{PubSubSink, PubSubStream};
use ::redis::{Client, Msg};
use futures_util::StreamExt;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::cache::Cache;
use super::link;
use crate::auth::session::SessionKey;

/// Between two heartbeats.
const BEAT: Duration = Duration::from_millis(250);
/// How long a heartbeat may take. With [`BEAT`], a hanging subscription is given up well within a second.
const BEAT_DEADLINE: Duration = Duration::from_millis(400);
/// Between two attempts to subscribe.
const AGAIN: Duration = Duration::from_millis(300);

/// Keeps the cache of one node told of revocations, until that cache is gone.
pub(super) fn spawn(client: Client, channel: String, deadline: Duration, cache: Weak<Cache>) -> AbortHandle {
    let task = async move {
        while cache.strong_count() > 0 {
            if let Some((mut sink, stream)) = link::pubsub(&client, deadline).await
                && let Ok(Ok(())) = timeout(deadline, sink.subscribe(&channel)).await
            {
                listen(sink, stream, &cache).await;
            }
            sleep(AGAIN).await;
        }
    };
    tokio::spawn(task).abort_handle()
}

/// Listens until the subscription ends or hangs.
async fn listen(mut sink: PubSubSink, mut stream: PubSubStream, cache: &Weak<Cache>) {
    let Some(live) = cache.upgrade() else { return };
    live.subscribed();
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            message = stream.next() => match message {
                Some(message) => forget(&live, &message),
                None => break,
            },
            _ = beat.tick() => {
                // What is pushed meanwhile waits in the stream; the beat is short.
                match timeout(BEAT_DEADLINE, sink.ping::<::redis::Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(_)) | Err(_) => break,
                }
            }
        }
    }
    live.unsubscribed();
}

/// Forgets the session that a message names; one that cannot be read voids everything.
fn forget(cache: &Cache, message: &Msg) {
    match message.get_payload::<String>().ok().and_then(|text| SessionKey::decode(&text)) {
        Some(key) => cache.forget(&key),
        None => cache.subscribed(),
    }
}
