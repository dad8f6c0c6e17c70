//! Wrong codes, and the factors that are switched off for them. Whoever counts holds the row of the factor first.

use async_trait::async_trait;

use super::row::time_of;
use super::{Database, in_transaction};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, CodeAttempt, Counted, Lockouts};

const HOLD: &str = "insert into lockouts (account_id, method) values ($1, $2) \
     on conflict (account_id, method) do update set method = excluded.method";
const IS_LOCKED: &str = "select count(*) from lockouts where account_id = $1 and method = $2 and locked_at is not null";
const SUM: &str =
    "select cast(coalesce(sum(count), 0) as bigint) from wrong_codes where account_id = $1 and method = $2";
const LOCK: &str = "update lockouts set locked_at = $3 where account_id = $1 and method = $2";
const UNLOCK: &str = "update lockouts set locked_at = null \
     where account_id = $1 and method = $2 and locked_at is not null";

#[async_trait]
impl Lockouts for Database {
    async fn count(&self, attempt: &CodeAttempt<'_>) -> Answer<Counted> {
        const FORGET: &str = "delete from wrong_codes where account_id = $1 and method = $2 and last_at < $3";
        const COUNT: &str = "insert into wrong_codes (account_id, method, place, count, last_at) \
             values ($1, $2, $3, 1, $4) on conflict (account_id, method, place) \
             do update set count = wrong_codes.count + 1, last_at = excluded.last_at";
        let (user, method) = (attempt.user.0.as_str(), attempt.method.name());
        let (now, since) = (time_of(attempt.now)?, time_of(attempt.forget_before)?);
        in_transaction!(self, tx => {
            sqlx::query(HOLD).bind(user).bind(method).execute(&mut *tx).await?;
            let (locked,): (i64,) = sqlx::query_as(IS_LOCKED).bind(user).bind(method).fetch_one(&mut *tx).await?;
            if locked > 0 {
                return Ok(Counted::Locked);
            }
            sqlx::query(FORGET).bind(user).bind(method).bind(since).execute(&mut *tx).await?;
            sqlx::query(COUNT).bind(user).bind(method).bind(attempt.place).bind(now).execute(&mut *tx).await?;
            let (sum,): (i64,) = sqlx::query_as(SUM).bind(user).bind(method).fetch_one(&mut *tx).await?;
            let last = sum >= i64::from(attempt.tries);
            if last {
                sqlx::query(LOCK).bind(user).bind(method).bind(now).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(Counted::Go { last })
        })
    }

    async fn take_back(&self, attempt: &CodeAttempt<'_>) -> Answer<()> {
        const LESS: &str = "update wrong_codes set count = count - 1 \
             where account_id = $1 and method = $2 and place = $3";
        const EMPTY: &str = "delete from wrong_codes where account_id = $1 and method = $2 and count < 1";
        let (user, method) = (attempt.user.0.as_str(), attempt.method.name());
        in_transaction!(self, tx => {
            sqlx::query(HOLD).bind(user).bind(method).execute(&mut *tx).await?;
            sqlx::query(LESS).bind(user).bind(method).bind(attempt.place).execute(&mut *tx).await?;
            sqlx::query(EMPTY).bind(user).bind(method).execute(&mut *tx).await?;
            let (sum,): (i64,) = sqlx::query_as(SUM).bind(user).bind(method).fetch_one(&mut *tx).await?;
            if sum < i64::from(attempt.tries) {
                sqlx::query(UNLOCK).bind(user).bind(method).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(())
        })
    }

    async fn forgive(&self, attempt: &CodeAttempt<'_>) -> Answer<()> {
        const FORGIVE: &str = "delete from wrong_codes where account_id = $1 and method = $2 and place = $3";
        let (user, method) = (attempt.user.0.as_str(), attempt.method.name());
        in_transaction!(self, tx => {
            sqlx::query(HOLD).bind(user).bind(method).execute(&mut *tx).await?;
            sqlx::query(FORGIVE).bind(user).bind(method).bind(attempt.place).execute(&mut *tx).await?;
            let (sum,): (i64,) = sqlx::query_as(SUM).bind(user).bind(method).fetch_one(&mut *tx).await?;
            if sum < i64::from(attempt.tries) {
                sqlx::query(UNLOCK).bind(user).bind(method).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(())
        })
    }

    async fn unlock(&self, user: &UserId) -> Answer<MethodSet> {
        const CLEAR: &str = "delete from lockouts where account_id = $1";
        const LOCKED: &str = "select method from lockouts where account_id = $1 and locked_at is not null";
        let locked: Vec<(String,)> = in_transaction!(self, tx => {
            let locked = sqlx::query_as(LOCKED).bind(&user.0).fetch_all(&mut *tx).await?;
            sqlx::query(CLEAR).bind(&user.0).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(locked)
        })?;
        Ok(locked.iter().filter_map(|(name,)| Method::from_name(name)).collect())
    }
}
