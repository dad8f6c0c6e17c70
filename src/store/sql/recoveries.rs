//! Recoveries that wait, and codes of administrators. Which of two callers ends one, a conditional delete says.

use async_trait::async_trait;

use super::authenticators::{TotpColumns, write_backup, write_totp};
use super::records::{RecordRows, commit_with};
use super::removal::{HOLD, WITHDRAWN};
use super::row::{RowRef, number_of, rows, time_of};
use super::{Database, in_transaction, on};
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{
    Answer, CredentialReset, IssuedCode, IssuedCodeUse, Records, Recoveries, RecoveryRef, WaitingRecovery,
};

/// Whose, when it began, goes on and ends, by what it is ended, and under which credentials it was begun.
type WaitingRow = (String, i64, i64, i64, String, i64);

/// One that stands: not over, and nothing that its person signs in by was changed since.
const BY_PERSON: &str = "select r.account_id, r.begun_at, r.ready_at, r.ends_at, r.disown_key, r.credentials \
     from recoveries r join accounts a on a.id = r.account_id and a.credentials_generation = r.credentials \
     where r.ends_at > $2 and r.account_id = $1";
const BY_KEY: &str = "select r.account_id, r.begun_at, r.ready_at, r.ends_at, r.disown_key, r.credentials \
     from recoveries r join accounts a on a.id = r.account_id and a.credentials_generation = r.credentials \
     where r.ends_at > $2 and r.disown_key = $1";

const fn sql_and_name<'a>(which: &RecoveryRef<'a>) -> (&'static str, &'static str, &'a str) {
    const END_PERSON: &str = "delete from recoveries where account_id = $1 and ends_at > $2 and credentials = \
         (select a.credentials_generation from accounts a where a.id = recoveries.account_id)";
    const END_KEY: &str = "delete from recoveries where disown_key = $1 and ends_at > $2 and credentials = \
         (select a.credentials_generation from accounts a where a.id = recoveries.account_id)";
    match which {
        RecoveryRef::Of(user) => (BY_PERSON, END_PERSON, user.0.as_str()),
        RecoveryRef::Disowned(key) => (BY_KEY, END_KEY, key),
    }
}

#[async_trait]
impl Recoveries for Database {
    async fn begin(&self, new: &WaitingRecovery, records: &Records) -> Answer<WaitingRecovery> {
        const OVER: &str = "delete from recoveries where account_id = $1 and (ends_at <= $2 or credentials <> \
             (select credentials_generation from accounts where id = $1))";
        const INSERT: &str = "insert into recoveries (account_id, begun_at, ready_at, ends_at, disown_key, credentials) \
             values ($1, $2, $3, $4, $5, $6) on conflict (account_id) do nothing";
        const READ: &str = "select account_id, begun_at, ready_at, ends_at, disown_key, credentials from recoveries \
             where account_id = $1";
        let user = new.user.0.as_str();
        let (begun, ready, ends) = (time_of(new.begun_at)?, time_of(new.ready_at)?, time_of(new.ends_at)?);
        let credentials = number_of(new.credentials)?;
        let rows = RecordRows::of(records)?;
        let stands: WaitingRow = in_transaction!(self, tx => {
            sqlx::query(HOLD).bind(user).execute(&mut *tx).await?;
            sqlx::query(OVER).bind(user).bind(begun).execute(&mut *tx).await?;
            let query = sqlx::query(INSERT).bind(user).bind(begun).bind(ready).bind(ends);
            let made = query.bind(&new.disown_key).bind(credentials).execute(&mut *tx).await?.rows_affected();
            let stands = sqlx::query_as(READ).bind(user).fetch_one(&mut *tx).await?;
            if made == 1 {
                commit_with!(self, tx, rows);
            } else {
                tx.commit().await?;
            }
            Ok(stands)
        })?;
        waiting_recovery(stands)
    }

    async fn waiting(&self, which: RecoveryRef<'_>, now: Timestamp) -> Answer<Option<WaitingRecovery>> {
        let ((sql, _, name), now) = (sql_and_name(&which), time_of(now)?);
        let found = rows!(self, "recoveries", sqlx::query(sql).bind(name).bind(now), WaitingRow)?;
        found.into_iter().next().map(waiting_recovery).transpose()
    }

    async fn end(&self, which: RecoveryRef<'_>, now: Timestamp, records: &Records) -> Answer<bool> {
        let ((_, sql, name), now, rows) = (sql_and_name(&which), time_of(now)?, RecordRows::of(records)?);
        in_transaction!(self, tx => {
            if sqlx::query(sql).bind(name).bind(now).execute(&mut *tx).await?.rows_affected() != 1 {
                return Ok(false);
            }
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }

    async fn issue(&self, user: &UserId, code: &IssuedCode<'_>, records: &Records) -> Answer<()> {
        const SQL: &str = "insert into recovery_codes (account_id, digest, expires_at) values ($1, $2, $3) \
             on conflict (account_id) do update set digest = excluded.digest, expires_at = excluded.expires_at";
        let (expires_at, rows) = (time_of(code.expires_at)?, RecordRows::of(records)?);
        in_transaction!(self, tx => {
            sqlx::query(SQL).bind(&user.0).bind(code.digest).bind(expires_at).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(())
        })
    }

    async fn issued(&self, user: &UserId, now: Timestamp) -> Answer<Option<Timestamp>> {
        const SQL: &str = "select expires_at from recovery_codes where account_id = $1 and expires_at > $2";
        let now = time_of(now)?;
        let found: Option<(i64,)> =
            on!(self, pool => sqlx::query_as(SQL).bind(&user.0).bind(now).fetch_optional(pool))?;
        let place = RowRef { table: "recovery_codes", id: &user.0 };
        found.map(|(expires_at,)| place.time("expires_at", expires_at)).transpose()
    }

    async fn spend_issued(&self, user: &UserId, digest: &str, now: Timestamp) -> Answer<IssuedCodeUse> {
        const SPEND: &str = "delete from recovery_codes where account_id = $1 and digest = $2 and expires_at > $3 \
             returning expires_at";
        const OVER: &str = "delete from spent_recovery_codes where expires_at <= $1";
        const NOTE: &str = "insert into spent_recovery_codes (account_id, digest, expires_at) values ($1, $2, $3) \
             on conflict (account_id) do update set digest = excluded.digest, expires_at = excluded.expires_at";
        const SPENT: &str = "select expires_at from spent_recovery_codes where account_id = $1 and digest = $2 \
             and expires_at > $3";
        let (user, now) = (user.0.as_str(), time_of(now)?);
        in_transaction!(self, tx => {
            let query = sqlx::query_as(SPEND).bind(user).bind(digest).bind(now);
            let spent: Option<(i64,)> = query.fetch_all(&mut *tx).await?.pop();
            let Some((expires_at,)) = spent else {
                let query = sqlx::query_as(SPENT).bind(user).bind(digest).bind(now);
                let before: Option<(i64,)> = query.fetch_optional(&mut *tx).await?;
                return Ok(if before.is_some() { IssuedCodeUse::Repeated } else { IssuedCodeUse::Unknown });
            };
            sqlx::query(OVER).bind(now).execute(&mut *tx).await?;
            sqlx::query(NOTE).bind(user).bind(digest).bind(expires_at).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(IssuedCodeUse::First)
        })
    }

    async fn reset(&self, reset: &CredentialReset<'_>, records: &Records) -> Answer<bool> {
        // The first statement is the lock: of two resets on one count, one finds another count.
        const ACCOUNT: &str = "update accounts set password_hash = coalesce($1, password_hash), \
             credentials_generation = credentials_generation + 1, sessions_generation = sessions_generation + 1 \
             where id = $2 and credentials_generation = $3 and disabled = 0";
        const WAITED: &str = "delete from recoveries where account_id = $1 and disown_key = $2 and ready_at <= $3 \
             and ends_at > $3";
        let user = reset.user;
        let (credentials, now, rows) = (number_of(reset.credentials)?, time_of(reset.now)?, RecordRows::of(records)?);
        let totp = reset.totp.map(TotpColumns::of).transpose()?;
        in_transaction!(self, tx => {
            let hash = reset.password_hash.map(SecretText::expose);
            let held = sqlx::query(ACCOUNT).bind(hash).bind(&user.0).bind(credentials).execute(&mut *tx).await?;
            if held.rows_affected() != 1 {
                return Ok(false);
            }
            if let Some(key) = reset.waited {
                let waited = sqlx::query(WAITED).bind(&user.0).bind(key).bind(now).execute(&mut *tx).await?;
                if waited.rows_affected() != 1 {
                    return Ok(false);
                }
            }
            for sql in ["delete from recoveries where account_id = $1", WITHDRAWN] {
                sqlx::query(sql).bind(&user.0).execute(&mut *tx).await?;
            }
            if let Some(totp) = &totp {
                write_totp!(tx, user, totp);
            }
            if let Some((salt, digests)) = reset.backup {
                write_backup!(tx, user, salt, digests);
            }
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }
}

fn waiting_recovery((user, begun, ready, ends, disown_key, credentials): WaitingRow) -> Answer<WaitingRecovery> {
    let place = RowRef { table: "recoveries", id: &user };
    Ok(WaitingRecovery {
        begun_at: place.time("begun_at", begun)?,
        ready_at: place.time("ready_at", ready)?,
        ends_at: place.time("ends_at", ends)?,
        credentials: place.number("credentials", credentials)?,
        user: UserId(user),
        disown_key,
    })
}
