//! One-time marks and attempt counters.

use std::time::Duration;

use async_trait::async_trait;

use super::{Embedded, broken, millis};
use crate::auth::throttle::{Charge, Charged, Taken, take};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Ledger, Throttle};

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
        let charged = self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            let mut answer = Charged::Go;
            for (index, charge) in charges.iter().enumerate() {
                let row: Option<(i64,)> = sqlx::query_as(READ).bind(&charge.key).fetch_optional(&mut *tx).await?;
                let Ok(full_at) = row.map(|(at,)| u64::try_from(at)).transpose() else {
                    return Ok(Err(broken("state_counters", &charge.key, "a time is negative")));
                };
                let full_at = full_at.map(Timestamp::from_millis);
                match take(full_at, charge.limit, now) {
                    Taken::Go(next) => {
                        // Farther than the column reaches is as good as for ever.
                        let next = i64::try_from(next.as_millis()).unwrap_or(i64::MAX);
                        sqlx::query(WRITE).bind(&charge.key).bind(next).execute(&mut *tx).await?;
                    }
                    Taken::Full { retry_after } => {
                        answer = Charged::Wait { index, retry_after };
                        break;
                    }
                }
            }
            tx.commit().await?;
            Ok(Ok(answer))
        });
        charged.await?
    }

    async fn forgive(&self, keys: &[String]) -> Answer<()> {
        const SQL: &str = "delete from state_counters where key = $1";
        if keys.is_empty() {
            return Ok(());
        }
        self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            for key in keys {
                sqlx::query(SQL).bind(key).execute(&mut *tx).await?;
            }
            tx.commit().await
        })
        .await
    }
}
