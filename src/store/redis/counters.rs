//! One-time marks and attempt counters.

use std::time::Duration;

use async_trait::async_trait;

use super::{NAME, RedisState, px};
use crate::auth::throttle::{Charge, Charged};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Ledger, StoreError, Throttle};

const MARK: &str = "l1:";
const COUNTER: &str = "t1:";

#[async_trait]
impl Ledger for RedisState {
    async fn claim(&self, mark: &str, ttl: Duration) -> Answer<bool> {
        let mut command = ::redis::cmd("SET");
        command.arg(self.key(MARK, mark)).arg(1).arg("NX").arg("PX").arg(px(ttl));
        let first: Option<String> = self.link.ask(&command).await?;
        Ok(first.is_some())
    }
}

#[async_trait]
impl Throttle for RedisState {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Answer<Charged> {
        let mut script = self.scripts.charge.prepare_invoke();
        script.arg(now.as_millis());
        for Charge { key, limit } in charges {
            script.key(self.key(COUNTER, key)).arg(limit.tries).arg(px(limit.refill));
        }
        let (index, wait): (i64, u64) = self.link.run(&script).await?;
        match usize::try_from(index) {
            Err(_) => Ok(Charged::Go),
            Ok(index) if index < charges.len() => {
                Ok(Charged::Wait { index, retry_after: Duration::from_millis(wait.max(1)) })
            }
            Ok(_) => Err(StoreError::new(NAME, "a counter was named that was not asked for")),
        }
    }

    async fn forgive(&self, keys: &[String]) -> Answer<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut command = ::redis::cmd("DEL");
        for key in keys {
            command.arg(self.key(COUNTER, key));
        }
        let _: u64 = self.link.ask(&command).await?;
        Ok(())
    }
}
