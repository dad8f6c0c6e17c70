//! A look through all keys, a few of them at a time: the server serves everybody else in between.

use async_trait::async_trait;
use tokio::task::yield_now;

use super::Redis;
use super::counters::MARK;
use super::metrics::Verb;
use super::sessions::glob_free;
use crate::flow::ports::{Answer, IsMeant, StoreError, Sweep, SweepStep, SweptEntry, TransientKind};
use crate::store::record_cipher::from_text;

/// How many keys the server looks at in one step, about.
const KEYS: usize = 200;
/// How many values are read at once: one of them has a megabyte at most.
const VALUES: usize = 20;

#[async_trait]
impl Sweep for Redis {
    async fn step(&self, from: Option<&str>, is_meant: IsMeant<'_>) -> Answer<SweepStep> {
        let cursor: u64 = from.unwrap_or("0").parse().map_err(|e| StoreError::new("redis", e))?;
        let pattern = format!("{}*", glob_free(&self.key("", "")));
        let mut cmd = ::redis::cmd("SCAN");
        cmd.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(KEYS);
        let (next, keys): (u64, Vec<String>) =
            self.connection.run(Verb::Scan, |mut c| async move { cmd.query_async(&mut c).await }).await?;
        let removed = self.sweep_marks(&keys, is_meant).await? + self.sweep_values(&keys, is_meant).await?;
        Ok(SweepStep { removed, next: (next != 0).then(|| next.to_string()) })
    }

    /// Files of the server are its operator's.
    async fn settle(&self) -> Answer<()> {
        Ok(())
    }
}

impl Redis {
    async fn sweep_marks(&self, keys: &[String], is_meant: IsMeant<'_>) -> Answer<u64> {
        let prefix = self.key(MARK, "");
        let is_meant = |key: &&String| key.strip_prefix(&prefix).is_some_and(|mark| is_meant(SweptEntry::Mark(mark)));
        let meant: Vec<&String> = keys.iter().filter(is_meant).collect();
        if meant.is_empty() {
            return Ok(0);
        }
        let mut cmd = ::redis::cmd("DEL");
        cmd.arg(meant);
        self.connection.run(Verb::Take, |mut c| async move { cmd.query_async(&mut c).await }).await
    }

    async fn sweep_values(&self, keys: &[String], is_meant: IsMeant<'_>) -> Answer<u64> {
        let prefix = self.key("", "");
        let values: Vec<ValueAt<'_>> = keys.iter().filter_map(|key| ValueAt::of(&prefix, key)).collect();
        let mut removed = 0;
        for some in values.chunks(VALUES) {
            let mut cmd = ::redis::cmd("MGET");
            for value in some {
                cmd.arg(value.key);
            }
            let texts: Vec<Option<Vec<u8>>> =
                self.connection.run(Verb::Scan, |mut c| async move { cmd.query_async(&mut c).await }).await?;
            for (ValueAt { key, kind, name }, text) in some.iter().zip(texts) {
                let Some(text) = text else { continue };
                let is_meant = from_text(&text).is_ok_and(|sealed| is_meant(SweptEntry::Value(*kind, name, &sealed)));
                // To open a large one and to look through it takes its time.
                yield_now().await;
                if is_meant {
                    let mut call = self.scripts.discard.prepare_invoke();
                    call.key(*key).arg(text);
                    removed += u64::from(self.invoke::<bool>(Verb::Take, call).await?);
                }
            }
        }
        Ok(removed)
    }
}

/// Where a value lies.
struct ValueAt<'a> {
    key: &'a str,
    kind: TransientKind,
    name: &'a str,
}

impl<'a> ValueAt<'a> {
    /// `None`: something else lies there.
    fn of(prefix: &str, key: &'a str) -> Option<Self> {
        let rest = key.strip_prefix(prefix)?;
        TransientKind::ALL
            .into_iter()
            .find_map(|kind| Some(Self { key, kind, name: rest.strip_prefix(kind.prefix())? }))
    }
}
