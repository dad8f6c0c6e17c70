//! Sign-ins under way and values that wait.

use std::time::Duration;

use async_trait::async_trait;

use super::{RedisState, px, to_json, unreadable};
use crate::auth::authenticator::Sealed;
use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::flow::ports::{Answer, Ceremonies, Pending};

const CEREMONY: &str = "c1:";
const PENDING: &str = "p1:";

#[async_trait]
impl Ceremonies for RedisState {
    async fn put(&self, key: &CeremonyKey, ceremony: &Ceremony, ttl: Duration) -> Answer<()> {
        let key = self.key(CEREMONY, &key.encoded());
        self.link.ask(::redis::cmd("SET").arg(key).arg(to_json(ceremony)?).arg("PX").arg(px(ttl))).await
    }

    async fn load(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        self.ceremony("GET", key).await
    }

    async fn take(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        self.ceremony("GETDEL", key).await
    }
}

#[async_trait]
impl Pending for RedisState {
    async fn keep(&self, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        let mut script = self.scripts.keep.key(self.key(PENDING, key));
        script.arg(value.0.as_slice()).arg(px(ttl));
        Ok(Sealed(self.link.run(&script).await?))
    }

    async fn load(&self, key: &str) -> Answer<Option<Sealed>> {
        let kept: Option<Vec<u8>> = self.link.ask(::redis::cmd("GET").arg(self.key(PENDING, key))).await?;
        Ok(kept.map(Sealed))
    }

    async fn take(&self, key: &str) -> Answer<Option<Sealed>> {
        let kept: Option<Vec<u8>> = self.link.ask(::redis::cmd("GETDEL").arg(self.key(PENDING, key))).await?;
        Ok(kept.map(Sealed))
    }
}

impl RedisState {
    async fn ceremony(&self, verb: &str, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        let key = self.key(CEREMONY, &key.encoded());
        let body: Option<String> = self.link.ask(::redis::cmd(verb).arg(&key)).await?;
        body.map(|body| serde_json::from_str(&body).map_err(|cause| unreadable(&key, &cause))).transpose()
    }
}
