//! One-time marks and attempt counters.

use std::time::Duration;

use async_trait::async_trait;

use super::{Embedded, broken, millis};
use crate::auth::throttle::{Charge, Charged, Taken, credible, take, used_up};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Ledger, Throttle};
use crate::store::unreadable::Unreadable;

#[async_trait]
impl Ledger for Embedded {
    async fn claim(&self, mark: &str, ttl: Duration) -> Answer<bool> {
        const SQL: &str = "insert into state_marks (mark, ends_at) values ($1, $2) \
             on conflict (mark) do update set ends_at = excluded.ends_at where state_marks.ends_at <= $3";
        self.sweep().await?;
        let now = self.clock.now();
        let query = sqlx::query(SQL).bind(mark).bind(millis(now.plus(ttl))?).bind(millis(now)?);
        Ok(self.write(query.execute(&self.writer)).await?.rows_affected() == 1)
    }
}

#[async_trait]
impl Throttle for Embedded {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Answer<Charged> {
        const READ: &str = "select ends_at from state_counters where key = $1";
        const WRITE: &str = "insert into state_counters (key, ends_at) values ($1, $2) \
             on conflict (key) do update set ends_at = excluded.ends_at";
        self.sweep().await?;
        let keys: Vec<String> = charges.iter().map(|charge| self.records.counter(&charge.key)).collect();
        let mut mended = Vec::new();
        let charged = self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            let mut answer = Charged::Go;
            for (index, (charge, key)) in charges.iter().zip(&keys).enumerate() {
                let row: Option<(i64,)> = sqlx::query_as(READ).bind(key).fetch_optional(&mut *tx).await?;
                let held = row.map(|(at,)| state(at).filter(|at| credible(*at, charge.limit, now)));
                let mend = held == Some(None);
                let held = if mend { Some(used_up(charge.limit, now)) } else { held.flatten() };
                let taken = take(held, charge.limit, now);
                if mend {
                    mended.push(charge.key.as_str());
                    let at = column(used_up(charge.limit, now));
                    sqlx::query(WRITE).bind(key).bind(at).execute(&mut *tx).await?;
                }
                match taken {
                    Taken::Go(next) => {
                        sqlx::query(WRITE).bind(key).bind(column(next)).execute(&mut *tx).await?;
                    }
                    Taken::Full { retry_after } => {
                        answer = Charged::Wait { index, retry_after };
                        break;
                    }
                }
            }
            tx.commit().await?;
            Ok(answer)
        });
        let charged = charged.await?;
        for key in mended {
            self.records.tell(Unreadable::Counter, key, &broken("state_counters", key, "it is no time that can be"));
        }
        Ok(charged)
    }

    async fn forgive(&self, keys: &[String]) -> Answer<()> {
        const SQL: &str = "delete from state_counters where key = $1";
        if keys.is_empty() {
            return Ok(());
        }
        self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            for key in keys {
                sqlx::query(SQL).bind(self.records.counter(key)).execute(&mut *tx).await?;
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
