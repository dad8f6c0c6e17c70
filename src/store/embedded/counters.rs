//! One-time marks, attempt counters and quotas.

use std::time::Duration;

use async_trait::async_trait;

use super::{Embedded, broken, millis};
use crate::auth::throttle::{Charge, Charged, credible, give_back, take_all, used_up};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Ledger, Quota, Quotas, Throttle};
use crate::store::unreadable::Unreadable;

#[async_trait]
impl Ledger for Embedded {
    async fn claim(&self, mark: &str, ttl: Duration) -> Answer<bool> {
        const SQL: &str = "insert into state_marks (mark, ends_at) values ($1, $2) \
             on conflict (mark) do update set ends_at = excluded.ends_at where state_marks.ends_at <= $3";
        self.purge_expired().await?;
        let now = self.clock.now();
        let query = sqlx::query(SQL).bind(mark).bind(millis(now.plus(ttl))?).bind(millis(now)?);
        Ok(self.write(query.execute(&self.writer)).await?.rows_affected() == 1)
    }
}

const READ: &str = "select ends_at from state_counters where key = $1";
const WRITE: &str = "insert into state_counters (key, ends_at) values ($1, $2) \
     on conflict (key) do update set ends_at = excluded.ends_at";
const FORGET: &str = "delete from state_counters where key = $1";

#[async_trait]
impl Throttle for Embedded {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Answer<Charged> {
        self.purge_expired().await?;
        let keys: Vec<String> = charges.iter().map(|charge| self.cipher.counter(&charge.key)).collect();
        let mut mended = Vec::new();
        let charged = self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            let mut states = Vec::with_capacity(charges.len());
            for (charge, key) in charges.iter().zip(&keys) {
                let row: Option<(i64,)> = sqlx::query_as(READ).bind(key).fetch_optional(&mut *tx).await?;
                let held = row.map(|(at,)| state(at).filter(|at| credible(*at, charge.limit, now)));
                if held == Some(None) {
                    let full = used_up(charge.limit, now);
                    mended.push(charge.key.as_str());
                    sqlx::query(WRITE).bind(key).bind(column(full)).execute(&mut *tx).await?;
                    states.push(Some(full));
                } else {
                    states.push(held.flatten());
                }
            }
            let answer = match take_all(states, charges, now) {
                Ok(states) => {
                    for (key, next) in keys.iter().zip(&states) {
                        sqlx::query(WRITE).bind(key).bind(column(*next)).execute(&mut *tx).await?;
                    }
                    Charged::Go(states)
                }
                Err((index, retry_after)) => Charged::Wait { index, retry_after },
            };
            tx.commit().await?;
            Ok(answer)
        });
        let charged = charged.await?;
        for key in mended {
            self.cipher.report(Unreadable::Counter, key, &broken("state_counters", key, "it is no time that can be"));
        }
        Ok(charged)
    }

    async fn give_back(&self, charged: &[(Charge, Timestamp)], now: Timestamp) -> Answer<()> {
        if charged.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = charged.iter().map(|(charge, _)| self.cipher.counter(&charge.key)).collect();
        self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            for ((charge, until), key) in charged.iter().zip(&keys) {
                let row: Option<(i64,)> = sqlx::query_as(READ).bind(key).fetch_optional(&mut *tx).await?;
                let Some(held) = row.and_then(|(at,)| state(at)) else { continue };
                let write = match give_back(held, *until, charge.limit, now) {
                    Some(left) => sqlx::query(WRITE).bind(key).bind(column(left)),
                    None => sqlx::query(FORGET).bind(key),
                };
                write.execute(&mut *tx).await?;
            }
            tx.commit().await
        })
        .await
    }

    async fn forgive(&self, keys: &[String]) -> Answer<()> {
        if keys.is_empty() {
            return Ok(());
        }
        self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            for key in keys {
                sqlx::query(FORGET).bind(self.cipher.counter(key)).execute(&mut *tx).await?;
            }
            tx.commit().await
        })
        .await
    }
}

#[async_trait]
impl Quotas for Embedded {
    async fn enter(&self, quotas: &[Quota], name: &str, ttl: Duration, now: Timestamp) -> Answer<bool> {
        const END: &str = "delete from state_quotas where quota = $1 and ends_at <= $2";
        const COUNT: &str = "select count(*) from state_quotas where quota = $1 and name <> $2";
        const ENTER: &str = "insert into state_quotas (quota, name, ends_at) values ($1, $2, $3) \
             on conflict (quota, name) do update set ends_at = excluded.ends_at";
        self.purge_expired().await?;
        let keys: Vec<String> = quotas.iter().map(|quota| self.cipher.counter(&quota.key)).collect();
        let (ends_at, now) = (millis(now.plus(ttl))?, millis(now)?);
        self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            for (quota, key) in quotas.iter().zip(&keys) {
                sqlx::query(END).bind(key).bind(now).execute(&mut *tx).await?;
                let (count,): (i64,) = sqlx::query_as(COUNT).bind(key).bind(name).fetch_one(&mut *tx).await?;
                if count >= i64::from(quota.most) {
                    return Ok(false);
                }
            }
            for key in &keys {
                sqlx::query(ENTER).bind(key).bind(name).bind(ends_at).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn leave(&self, keys: &[String], name: &str) -> Answer<()> {
        const LEAVE: &str = "delete from state_quotas where quota = $1 and name = $2";
        self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            for key in keys {
                sqlx::query(LEAVE).bind(self.cipher.counter(key)).bind(name).execute(&mut *tx).await?;
            }
            tx.commit().await
        })
        .await
    }
}

fn state(at: i64) -> Option<Timestamp> {
    u64::try_from(at).ok().map(Timestamp::from_millis)
}

/// A state as it is kept. Farther than the column reaches is as good as for ever.
fn column(state: Timestamp) -> i64 {
    i64::try_from(state.as_millis()).unwrap_or(i64::MAX)
}
