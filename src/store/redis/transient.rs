//! Ceremonies, values that wait, marks and counters.

use std::time::Duration;

use ::redis::Cmd;
use async_trait::async_trait;
use serde::de::DeserializeOwned;

use super::connection::of_type;
use super::metrics::Verb;
use super::{Redis, millis, session_record};
use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::throttle::{CLOCKS_DIFFER, Charge, Charged};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Ceremonies, Ledger, Pending, Throttle};
use crate::store::record_cipher::RecordKind;
use crate::store::unreadable::Unreadable;

const CEREMONY: &str = "c1:";
const PENDING: &str = "p1:";
const MARK: &str = "l1:";
const COUNTER: &str = "t1:";

#[async_trait]
impl Ceremonies for Redis {
    async fn put(&self, key: &CeremonyKey, ceremony: &Ceremony, ttl: Duration) -> Answer<()> {
        let name = key.encoded();
        let record = self.cipher.seal(RecordKind::Ceremony, &name, ceremony)?;
        let mut cmd = ::redis::cmd("SET");
        cmd.arg(self.key(CEREMONY, &name)).arg(record).arg("PX").arg(millis(ttl));
        self.query(Verb::Put, cmd).await
    }

    async fn load(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        self.found(Verb::Peek, RecordKind::Ceremony, &key.encoded()).await
    }

    async fn take(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        self.found(Verb::Take, RecordKind::Ceremony, &key.encoded()).await
    }
}

#[async_trait]
impl Pending for Redis {
    async fn keep(&self, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        let record = self.cipher.seal(RecordKind::Pending, key, &value.0)?;
        // What lies there and cannot be read makes room.
        Pending::load(self, key).await?;
        let mut call = self.scripts.keep.prepare_invoke();
        call.key(self.key(PENDING, key)).arg(record).arg(millis(ttl));
        let kept: Option<Vec<u8>> = self.invoke(Verb::Keep, call).await?;
        let kept = kept.ok_or_else(|| session_record::broken("it was not kept"))?;
        self.cipher.open(RecordKind::Pending, key, &kept).map(Sealed)
    }

    async fn load(&self, key: &str) -> Answer<Option<Sealed>> {
        Ok(self.found(Verb::Peek, RecordKind::Pending, key).await?.map(Sealed))
    }

    async fn take(&self, key: &str) -> Answer<Option<Sealed>> {
        Ok(self.found(Verb::Take, RecordKind::Pending, key).await?.map(Sealed))
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
            return Ok(Charged::Go(Vec::new()));
        }
        let mut call = self.scripts.charge.prepare_invoke();
        call.arg(now.as_millis()).arg(millis(CLOCKS_DIFFER));
        for charge in charges {
            call.key(self.key(COUNTER, &self.cipher.counter(&charge.key)))
                .arg(charge.limit.tries)
                .arg(refill(charge.limit.refill));
        }
        let (place, wait, mended, states): (usize, u64, Vec<usize>, Vec<u64>) = self.invoke(Verb::Charge, call).await?;
        for charge in mended.iter().filter_map(|place| charges.get(place.checked_sub(1)?)) {
            self.cipher.report(Unreadable::Counter, &charge.key, &session_record::broken("it is no time that can be"));
        }
        Ok(match place.checked_sub(1) {
            None => Charged::Go(states.into_iter().map(Timestamp::from_millis).collect()),
            Some(index) => Charged::Wait { index, retry_after: Duration::from_millis(wait) },
        })
    }

    async fn give_back(&self, charged: &[(Charge, Timestamp)], now: Timestamp) -> Answer<()> {
        if charged.is_empty() {
            return Ok(());
        }
        let mut call = self.scripts.give_back.prepare_invoke();
        call.arg(now.as_millis());
        for (Charge { key, limit }, until) in charged {
            call.key(self.key(COUNTER, &self.cipher.counter(key)))
                .arg(limit.tries)
                .arg(refill(limit.refill))
                .arg(until.as_millis());
        }
        self.invoke(Verb::Forgive, call).await
    }

    async fn forgive(&self, keys: &[String]) -> Answer<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut cmd = ::redis::cmd("DEL");
        for key in keys {
            cmd.arg(self.key(COUNTER, &self.cipher.counter(key)));
        }
        self.query(Verb::Forgive, cmd).await
    }
}

impl Redis {
    async fn query<T: ::redis::FromRedisValue>(&self, verb: Verb, cmd: Cmd) -> Answer<T> {
        self.connection.run(verb, |mut c| async move { cmd.query_async(&mut c).await }).await
    }

    /// Reads a value, or takes it. One that cannot be read is not there, and after this it is gone.
    async fn found<T: DeserializeOwned>(&self, verb: Verb, kind: RecordKind, name: &str) -> Answer<Option<T>> {
        let (prefix, what) = match kind {
            RecordKind::Ceremony => (CEREMONY, Unreadable::Ceremony),
            RecordKind::Pending => (PENDING, Unreadable::Pending),
            RecordKind::Session => return Err(session_record::broken("a session is no single value")),
        };
        let key = self.key(prefix, name);
        let mut cmd = ::redis::cmd(if verb == Verb::Take { "GETDEL" } else { "GET" });
        cmd.arg(&key);
        let held: Answer<Option<Vec<u8>>> =
            self.connection.run(verb, |mut c| async move { of_type(cmd.query_async(&mut c).await) }).await?;
        let (bytes, why, taken) = match held {
            Ok(None) => return Ok(None),
            Ok(Some(bytes)) => match self.cipher.open(kind, name, &bytes) {
                Ok(value) => return Ok(Some(value)),
                Err(why) => (bytes, why, verb == Verb::Take),
            },
            Err(why) => (Vec::new(), why, false),
        };
        let mut call = self.scripts.discard.prepare_invoke();
        call.key(key).arg(bytes);
        if taken || self.invoke(verb, call).await? {
            self.cipher.report(what, name, &why);
        }
        Ok(None)
    }
}

/// A refill as the script takes it. A part of a millisecond counts as one, so that a limit is never none.
fn refill(refill: Duration) -> u64 {
    if refill.is_zero() { 0 } else { millis(refill) }
}
