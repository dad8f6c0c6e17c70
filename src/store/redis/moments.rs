//! Ceremonies, values that wait, marks and counters.

use std::time::Duration;

use ::redis::Cmd;
use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;

use super::stats::Verb;
use super::{Redis, millis, record};
use crate::auth::authenticator::Sealed;
use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::auth::throttle::{Charge, Charged};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Ceremonies, Ledger, Pending, Throttle};

const CEREMONY: &str = "c1:";
const PENDING: &str = "p1:";
const MARK: &str = "l1:";
const COUNTER: &str = "t1:";

#[async_trait]
impl Ceremonies for Redis {
    async fn put(&self, key: &CeremonyKey, ceremony: &Ceremony, ttl: Duration) -> Answer<()> {
        let record = record::write(CEREMONY, ceremony)?;
        let mut cmd = ::redis::cmd("SET");
        cmd.arg(self.key(CEREMONY, &key.encoded())).arg(record).arg("PX").arg(millis(ttl));
        self.query(Verb::Put, cmd).await
    }

    async fn load(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        let found = self.fetch(Verb::Peek, "GET", &self.key(CEREMONY, &key.encoded())).await?;
        found.map(|bytes| record::read(CEREMONY, &bytes)).transpose()
    }

    async fn take(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        let found = self.fetch(Verb::Take, "GETDEL", &self.key(CEREMONY, &key.encoded())).await?;
        found.map(|bytes| record::read(CEREMONY, &bytes)).transpose()
    }
}

#[async_trait]
impl Pending for Redis {
    async fn keep(&self, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        let mut call = self.scripts.keep.prepare_invoke();
        call.key(self.key(PENDING, key));
        call.arg(record::write(PENDING, &BASE64URL_NOPAD.encode(&value.0))?).arg(millis(ttl));
        let kept: Option<Vec<u8>> = self.invoke(Verb::Keep, call).await?;
        unsealed(&kept.ok_or_else(|| record::broken(PENDING, "it was not kept"))?)
    }

    async fn load(&self, key: &str) -> Answer<Option<Sealed>> {
        let found = self.fetch(Verb::Peek, "GET", &self.key(PENDING, key)).await?;
        found.map(|bytes| unsealed(&bytes)).transpose()
    }

    async fn take(&self, key: &str) -> Answer<Option<Sealed>> {
        let found = self.fetch(Verb::Take, "GETDEL", &self.key(PENDING, key)).await?;
        found.map(|bytes| unsealed(&bytes)).transpose()
    }
}

#[async_trait]
impl Ledger for Redis {
    async fn claim(&self, mark: &str, ttl: Duration) -> Answer<bool> {
        let mut cmd = ::redis::cmd("SET");
        cmd.arg(self.key(MARK, mark)).arg(1).arg("NX").arg("PX").arg(millis(ttl));
        let claimed: Option<String> = self.query(Verb::Claim, cmd).await?;
        Ok(claimed.is_some())
    }
}

#[async_trait]
impl Throttle for Redis {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Answer<Charged> {
        if charges.is_empty() {
            return Ok(Charged::Go);
        }
        let mut call = self.scripts.charge.prepare_invoke();
        call.arg(now.as_millis());
        for charge in charges {
            call.key(self.key(COUNTER, &charge.key)).arg(charge.limit.tries).arg(refill(charge.limit.refill));
        }
        let (place, wait): (usize, u64) = self.invoke(Verb::Charge, call).await?;
        Ok(match place.checked_sub(1) {
            None => Charged::Go,
            Some(index) => Charged::Wait { index, retry_after: Duration::from_millis(wait) },
        })
    }

    async fn forgive(&self, keys: &[String]) -> Answer<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut cmd = ::redis::cmd("DEL");
        for key in keys {
            cmd.arg(self.key(COUNTER, key));
        }
        self.query(Verb::Forgive, cmd).await
    }
}

impl Redis {
    async fn query<T: ::redis::FromRedisValue>(&self, verb: Verb, cmd: Cmd) -> Answer<T> {
        self.link.run(verb, |mut c| async move { cmd.query_async(&mut c).await }).await
    }

    async fn fetch(&self, verb: Verb, name: &str, key: &str) -> Answer<Option<Vec<u8>>> {
        let mut cmd = ::redis::cmd(name);
        cmd.arg(key);
        self.query(verb, cmd).await
    }
}

/// A refill as the script takes it. A part of a millisecond counts as one, so that a limit is never none.
fn refill(refill: Duration) -> u64 {
    if refill.is_zero() { 0 } else { millis(refill) }
}

fn unsealed(bytes: &[u8]) -> Answer<Sealed> {
    let text: String = record::read(PENDING, bytes)?;
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| record::broken(PENDING, "it is not base64url"))?;
    Ok(Sealed(bytes))
}
