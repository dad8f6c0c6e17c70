//! Wrong codes, and the factors that are switched off for them. Whoever counts holds the row of the factor first.

use async_trait::async_trait;

use super::records::{LETTER_GONE, RecordRows, commit_with};
use super::row::time_of;
use super::{Database, in_transaction, on};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, CodeAttempt, Counted, Lockouts, Records};

const HOLD: &str = "insert into lockouts (account_id, method) values ($1, $2) \
     on conflict (account_id, method) do update set method = excluded.method";
/// What is left of the places is what counts.
const SETTLE: &str = "update lockouts set \
     failures = (select coalesce(sum(w.count), 0) from wrong_codes w where w.account_id = $1 and w.method = $2), \
     locked_at = case when (select coalesce(sum(w.count), 0) from wrong_codes w \
     where w.account_id = $1 and w.method = $2) < $3 then null else locked_at end \
     where account_id = $1 and method = $2";

#[async_trait]
impl Lockouts for Database {
    async fn count(&self, attempt: &CodeAttempt<'_>) -> Answer<Counted> {
        const COUNT: &str = "insert into lockouts (account_id, method, failures) values ($1, $2, 1) \
             on conflict (account_id, method) do update set failures = lockouts.failures + 1 \
             where lockouts.locked_at is null returning failures";
        const PLACE: &str = "insert into wrong_codes (account_id, method, place, count, last_at) \
             values ($1, $2, $3, 1, $4) on conflict (account_id, method, place) \
             do update set count = wrong_codes.count + 1, last_at = excluded.last_at";
        const FORGET: &str = "delete from wrong_codes where account_id = $1 and method = $2 and last_at < $3";
        const LOCK: &str =
            "update lockouts set locked_at = $3 where account_id = $1 and method = $2 and failures >= $4";
        let (user, method, tries) = (attempt.user.0.as_str(), attempt.method.name(), i64::from(attempt.tries));
        let (now, since) = (time_of(attempt.now)?, time_of(attempt.forget_before)?);
        let rows = RecordRows::of(attempt.records.unwrap_or(Records::NONE))?;
        in_transaction!(self, tx => {
            let counted = sqlx::query_as(COUNT).bind(user).bind(method).fetch_optional(&mut *tx).await?;
            let Some((failures,)): Option<(i64,)> = counted else { return Ok(Counted::Locked) };
            sqlx::query(PLACE).bind(user).bind(method).bind(attempt.place).bind(now).execute(&mut *tx).await?;
            let mut last = false;
            if failures >= tries {
                // Only now it matters which are too old.
                sqlx::query(FORGET).bind(user).bind(method).bind(since).execute(&mut *tx).await?;
                sqlx::query(SETTLE).bind(user).bind(method).bind(tries).execute(&mut *tx).await?;
                let lock = sqlx::query(LOCK).bind(user).bind(method).bind(now).bind(tries);
                last = lock.execute(&mut *tx).await?.rows_affected() == 1;
            }
            match (last, attempt.records) {
                (true, None) => return Ok(Counted::Last),
                (true, Some(_)) => commit_with!(self, tx, rows),
                (false, _) => tx.commit().await?,
            }
            Ok(Counted::Go { last })
        })
    }

    async fn take_back(&self, attempt: &CodeAttempt<'_>) -> Answer<()> {
        const LESS: &str = "update wrong_codes set count = count - 1 \
             where account_id = $1 and method = $2 and place = $3 and count > 0";
        self.less(attempt, LESS).await
    }

    async fn forgive(&self, attempt: &CodeAttempt<'_>) -> Answer<()> {
        const FORGIVE: &str = "delete from wrong_codes where account_id = $1 and method = $2 and place = $3";
        self.less(attempt, FORGIVE).await
    }

    async fn remembered(&self, user: &UserId) -> Answer<Vec<(Method, u32)>> {
        const SQL: &str = "select method, failures from lockouts where account_id = $1 order by method";
        let rows: Vec<(String, i64)> = on!(self, pool => sqlx::query_as(SQL).bind(&user.0).fetch_all(pool))?;
        let read = |(name, failures): (String, i64)| {
            Some((Method::from_name(&name)?, u32::try_from(failures).unwrap_or(u32::MAX)))
        };
        Ok(rows.into_iter().filter_map(read).collect())
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

impl Database {
    /// Makes the wrong codes of a place fewer by this statement, and switches the factor on if they are not too many now.
    async fn less(&self, attempt: &CodeAttempt<'_>, statement: &'static str) -> Answer<()> {
        let (user, method, tries) = (attempt.user.0.as_str(), attempt.method.name(), i64::from(attempt.tries));
        in_transaction!(self, tx => {
            sqlx::query(HOLD).bind(user).bind(method).execute(&mut *tx).await?;
            sqlx::query(statement).bind(user).bind(method).bind(attempt.place).execute(&mut *tx).await?;
            sqlx::query(SETTLE).bind(user).bind(method).bind(tries).execute(&mut *tx).await?;
            for letter in attempt.records.map_or(&[][..], |records| &records.letters) {
                sqlx::query(LETTER_GONE).bind(&letter.id).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            Ok(())
        })
    }
}
