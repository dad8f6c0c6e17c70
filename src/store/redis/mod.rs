//! The state ports on Redis, shared by every node.
//!
//! Keys are typed and versioned under one prefix, so no id of one kind ever finds a thing of another:
//! `s1:` sessions (hash), `u1:` the sessions of a person (sorted set by their end), `c1:` ceremonies,
//! `p1:` values that wait, `l1:` marks, `t1:` counters. The scripts that follow a person's index compute
//! keys of several slots: they need one Redis, not a cluster.

mod cache;
mod counters;
mod link;
mod moments;
mod push;
mod scripts;
mod sessions;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::AbortHandle;

pub use cache::{Cache, CacheStats};
use link::Link;
use scripts::Scripts;

use super::{Probe, State};
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Clock, StoreError};

/// The name of this store in logs and on the readiness page.
const NAME: &str = "redis";

/// State on Redis.
pub(super) struct RedisState {
    link: Arc<Link>,
    cache: Arc<Cache>,
    clock: Arc<dyn Clock>,
    prefix: String,
    scripts: Scripts,
    push: AbortHandle,
}

/// Opens the state on Redis. Redis need not answer yet: every verb is a fault until it does.
///
/// # Errors
/// The URL or the CA file cannot be used.
pub(super) fn open(
    url: &SecretText,
    ca: Option<&Path>,
    timeout: Duration,
    prefix: &str,
    clock: Arc<dyn Clock>,
) -> Answer<(State, Arc<Cache>)> {
    let client = link::client(url, ca)?;
    let cache = Arc::new(Cache::new());
    let channel = format!("{prefix}revoked");
    let push = push::spawn(client.clone(), channel, timeout, Arc::downgrade(&cache));
    let link = Arc::new(Link::new(client, timeout));
    let state = Arc::new(RedisState {
        link,
        cache: cache.clone(),
        clock,
        prefix: prefix.to_owned(),
        scripts: Scripts::new(),
        push,
    });
    let ports = State {
        sessions: state.clone(),
        ceremonies: state.clone(),
        pending: state.clone(),
        ledger: state.clone(),
        throttle: state.clone(),
        probe: state,
    };
    Ok((ports, cache))
}

impl RedisState {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The key of a thing of one kind.
    fn key(&self, kind: &str, id: &str) -> String {
        format!("{}{kind}{id}", self.prefix)
    }

    fn channel(&self) -> String {
        format!("{}revoked", self.prefix)
    }
}

impl Drop for RedisState {
    fn drop(&mut self) {
        self.push.abort();
    }
}

#[async_trait]
impl Probe for RedisState {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn probe(&self) -> Answer<()> {
        let told: String = self.link.ask(&::redis::cmd("PING")).await?;
        if told == "PONG" { Ok(()) } else { Err(StoreError::new(NAME, "PING was not answered with PONG")) }
    }
}

/// A life in milliseconds for `PX`; at least one, so that nothing is ever kept for ever.
fn px(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX >> 11).clamp(1, u64::MAX >> 11)
}

/// A value that cannot be read is a fault, and names its key.
fn broken(key: &str, cause: impl std::fmt::Display) -> StoreError {
    StoreError::new(NAME, format!("the value of {key} cannot be read: {cause}"))
}

fn to_json<T: serde::Serialize>(value: &T) -> Answer<String> {
    serde_json::to_string(value).map_err(|cause| StoreError::new(NAME, cause))
}

/// As [`broken`], for JSON; the value is not quoted.
fn unreadable(key: &str, cause: &serde_json::Error) -> StoreError {
    use serde_json::error::Category;
    let what = match cause.classify() {
        Category::Io | Category::Eof => "it is cut off",
        Category::Syntax => "it is no JSON",
        Category::Data => "it has another shape",
    };
    broken(key, what)
}
