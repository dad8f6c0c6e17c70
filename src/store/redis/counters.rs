//! One-time marks, attempt counters and quotas.

use std::time::Duration;

use async_trait::async_trait;

use super::metrics::Verb;
use super::{Redis, millis, session_record};
use crate::auth::throttle::{CLOCKS_DIFFER, Charge, Charged};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Ledger, Quota, Quotas, Throttle};
use crate::store::unreadable::Unreadable;

pub(super) const MARK: &str = "l1:";
const COUNTER: &str = "t1:";
const QUOTA: &str = "q1:";

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

#[async_trait]
impl Quotas for Redis {
    async fn enter(&self, quotas: &[Quota], name: &str, ttl: Duration, now: Timestamp) -> Answer<bool> {
        let mut call = self.scripts.enter.prepare_invoke();
        call.arg(now.as_millis()).arg(millis(ttl)).arg(name);
        for quota in quotas {
            call.key(self.key(QUOTA, &self.cipher.counter(&quota.key))).arg(quota.most);
        }
        self.invoke(Verb::Charge, call).await
    }

    async fn leave(&self, keys: &[String], name: &str) -> Answer<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut call = self.scripts.leave.prepare_invoke();
        call.arg(name);
        for key in keys {
            call.key(self.key(QUOTA, &self.cipher.counter(key)));
        }
        self.invoke(Verb::Forgive, call).await
    }
}

/// A refill as the script takes it. A part of a millisecond counts as one, so that a limit is never none.
fn refill(refill: Duration) -> u64 {
    if refill.is_zero() { 0 } else { millis(refill) }
}
