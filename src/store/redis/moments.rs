//! Ceremonies, values that wait, marks and counters.

use std::time::Duration;

use ::redis::Cmd;
use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;

use super::link::of_type;
use super::stats::Verb;
use super::{Redis, millis, record};
use crate::auth::authenticator::Sealed;
use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::auth::throttle::{CLOCKS_DIFFER, Charge, Charged};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Ceremonies, Ledger, Pending, Throttle};
use crate::store::unreadable::Unreadable;

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
        let read = |bytes: &[u8]| record::read(CEREMONY, bytes);
        self.found(Verb::Peek, (CEREMONY, Unreadable::Ceremony), &key.encoded(), read).await
    }

    async fn take(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        let read = |bytes: &[u8]| record::read(CEREMONY, bytes);
        self.found(Verb::Take, (CEREMONY, Unreadable::Ceremony), &key.encoded(), read).await
    }
}

#[async_trait]
impl Pending for Redis {
    async fn keep(&self, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        let record = record::write(PENDING, &BASE64URL_NOPAD.encode(&value.0))?;
        // What lies there and cannot be read makes room.
        Pending::load(self, key).await?;
        let mut call = self.scripts.keep.prepare_invoke();
        call.key(self.key(PENDING, key)).arg(record).arg(millis(ttl));
        let kept: Option<Vec<u8>> = self.invoke(Verb::Keep, call).await?;
        unsealed(&kept.ok_or_else(|| record::broken(PENDING, "it was not kept"))?)
    }

    async fn load(&self, key: &str) -> Answer<Option<Sealed>> {
        self.found(Verb::Peek, (PENDING, Unreadable::Pending), key, unsealed).await
    }

    async fn take(&self, key: &str) -> Answer<Option<Sealed>> {
        self.found(Verb::Take, (PENDING, Unreadable::Pending), key, unsealed).await
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
        call.arg(now.as_millis()).arg(millis(CLOCKS_DIFFER));
        for charge in charges {
            call.key(self.key(COUNTER, &charge.key)).arg(charge.limit.tries).arg(refill(charge.limit.refill));
        }
        let (place, wait, mended): (usize, u64, Vec<usize>) = self.invoke(Verb::Charge, call).await?;
        for charge in mended.iter().filter_map(|place| charges.get(place.checked_sub(1)?)) {
            Unreadable::Counter.tell(&charge.key, &record::broken(COUNTER, "it is no time that can be"));
        }
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

    /// Reads a value, or takes it. One that cannot be read is not there, and after this it is gone.
    async fn found<T>(
        &self,
        verb: Verb,
        (kind, what): (&str, Unreadable),
        name: &str,
        read: impl Fn(&[u8]) -> Answer<T>,
    ) -> Answer<Option<T>> {
        let key = self.key(kind, name);
        let mut cmd = ::redis::cmd(if verb == Verb::Take { "GETDEL" } else { "GET" });
        cmd.arg(&key);
        let held: Answer<Option<Vec<u8>>> =
            self.link.run(verb, |mut c| async move { of_type(cmd.query_async(&mut c).await) }).await?;
        let (bytes, why, taken) = match held {
            Ok(None) => return Ok(None),
            Ok(Some(bytes)) => match read(&bytes) {
                Ok(value) => return Ok(Some(value)),
                Err(why) => (bytes, why, verb == Verb::Take),
            },
            Err(why) => (Vec::new(), why, false),
        };
        let mut call = self.scripts.discard.prepare_invoke();
        call.key(key).arg(bytes);
        if taken || self.invoke(verb, call).await? {
            what.tell(name, &why);
        }
        Ok(None)
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
