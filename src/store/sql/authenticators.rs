//! Authenticators. What is one-time is spent by one conditional write.

use async_trait::async_trait;

use super::addresses::{self, AddressRow};
use super::records::{RecordRows, commit_with};
use super::removal::OVER;
use super::row::{RowRef, number_of, rows, text_of, time_of};
use super::{Database, fault, in_transaction, on_write};
use crate::auth::factor::authenticator::{BackupSet, Enrolled, Sealed, TotpRecord};
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, Authenticators, Records};

type TotpRow = (String, String, String, i64, i64, Option<i64>, i64, Option<i64>);
type BackupRow = (String, String, i64);
type LockedRow = (String, String, i64);

const FORGET: &str = "delete from lockouts where account_id = $1 and method = $2";

#[async_trait]
impl Authenticators for Database {
    async fn of(&self, user: &UserId) -> Answer<Enrolled> {
        const TOTP: &str = "select account_id, id, secret, digits, period, last_step, created_at, used_at \
             from totp where account_id = $1";
        const BACKUP: &str = "select s.account_id, s.salt, (select count(*) from backup_codes c \
             where c.account_id = s.account_id) from backup_sets s where s.account_id = $1";
        const LOCKED: &str = "select account_id, method, locked_at from lockouts \
             where account_id = $1 and locked_at is not null";
        let totp = rows!(self, "totp", sqlx::query(TOTP).bind(&user.0), TotpRow)?;
        let backup = rows!(self, "backup_sets", sqlx::query(BACKUP).bind(&user.0), BackupRow)?;
        let addresses = rows!(self, "addresses", sqlx::query(addresses::READ).bind(&user.0), AddressRow)?;
        let locked = rows!(self, "lockouts", sqlx::query(LOCKED).bind(&user.0), LockedRow)?;
        Ok(Enrolled {
            totp: totp.into_iter().next().map(record).transpose()?,
            backup: backup.into_iter().next().map(backup_set).transpose()?,
            locked: locked.into_iter().map(locked_method).collect::<Answer<_>>()?,
            addresses: addresses.into_iter().map(addresses::record).collect::<Answer<_>>()?,
            passkeys: self.passkeys_of(user).await?,
        })
    }

    async fn put_totp(&self, user: &UserId, totp: &TotpRecord, records: &Records) -> Answer<()> {
        const SQL: &str = "insert into totp (account_id, id, secret, digits, period, last_step, created_at, used_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (account_id) do update set id = excluded.id, \
             secret = excluded.secret, digits = excluded.digits, period = excluded.period, \
             last_step = excluded.last_step, created_at = excluded.created_at, used_at = excluded.used_at";
        // Another authenticator in the place of one: what was granted by that one is over.
        const OVER: &str = "update accounts set credentials_generation = credentials_generation + 1, \
             sessions_generation = sessions_generation + 1 \
             where id = $1 and exists (select 1 from totp where account_id = $1)";
        let period = number_of(totp.period)?;
        let last_step = totp.last_step.map(number_of).transpose()?;
        let created_at = time_of(totp.created_at)?;
        let used_at = totp.used_at.map(time_of).transpose()?;
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            sqlx::query(OVER).bind(&user.0).execute(&mut *tx).await?;
            let query = sqlx::query(SQL).bind(&user.0).bind(&totp.id).bind(text_of(&totp.secret.0));
            let query = query.bind(i64::from(totp.digits)).bind(period).bind(last_step);
            query.bind(created_at).bind(used_at).execute(&mut *tx).await?;
            // What was wrong for another key says nothing about this one.
            sqlx::query(FORGET).bind(&user.0).bind(Method::Totp.name()).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(())
        })
    }

    async fn spend_step(&self, user: &UserId, totp: &str, step: u64, at: Timestamp) -> Answer<bool> {
        const SQL: &str = "update totp set last_step = $1, used_at = $2 where account_id = $3 and id = $4 \
             and (last_step is null or last_step < $1)";
        let (step, at) = (number_of(step)?, time_of(at)?);
        let spent = on_write!(self, pool => async {
            let query = sqlx::query(SQL).bind(step).bind(at).bind(&user.0).bind(totp);
            query.execute(pool).await.map(|d| d.rows_affected())
        })?;
        Ok(spent == 1)
    }

    async fn put_backup(&self, user: &UserId, salt: &[u8], digests: &[Vec<u8>], records: &Records) -> Answer<()> {
        // The row of the set is written first: it is the lock that makes two writers take turns.
        const SET: &str = "insert into backup_sets (account_id, salt) values ($1, $2) \
             on conflict (account_id) do update set salt = excluded.salt";
        const CLEAR: &str = "delete from backup_codes where account_id = $1";
        const CODE: &str = "insert into backup_codes (account_id, digest) values ($1, $2) on conflict do nothing";
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            sqlx::query(SET).bind(&user.0).bind(text_of(salt)).execute(&mut *tx).await?;
            sqlx::query(CLEAR).bind(&user.0).execute(&mut *tx).await?;
            for digest in digests {
                sqlx::query(CODE).bind(&user.0).bind(text_of(digest)).execute(&mut *tx).await?;
            }
            sqlx::query(FORGET).bind(&user.0).bind(Method::BackupCode.name()).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(())
        })
    }

    async fn spend_backup(&self, user: &UserId, digest: &[u8], records: &Records) -> Answer<bool> {
        const SQL: &str = "delete from backup_codes where account_id = $1 and digest = $2";
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            let spent = sqlx::query(SQL).bind(&user.0).bind(text_of(digest)).execute(&mut *tx).await?;
            if spent.rows_affected() != 1 {
                return Ok(false);
            }
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }

    async fn remove_all(&self, user: &UserId, records: &Records) -> Answer<u64> {
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            sqlx::query(OVER).bind(&user.0).execute(&mut *tx).await?;
            let mut removed = 0;
            for sql in [
                "delete from totp where account_id = $1",
                "delete from backup_sets where account_id = $1",
                "delete from addresses where account_id = $1",
                "delete from passkeys where account_id = $1",
            ] {
                removed += sqlx::query(sql).bind(&user.0).execute(&mut *tx).await?.rows_affected();
            }
            sqlx::query("delete from lockouts where account_id = $1").bind(&user.0).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(removed)
        })
    }
}

fn record(row: TotpRow) -> Answer<TotpRecord> {
    let (user, id, secret, digits, period, last_step, created_at, used_at) = row;
    let place = RowRef { table: "totp", id: &user };
    let digits = u8::try_from(digits).ok().filter(|digits| matches!(digits, 6..=8));
    let period = place.number("period", period)?;
    if period == 0 {
        return Err(place.broken("`period` is 0"));
    }
    Ok(TotpRecord {
        secret: Sealed(place.bytes("secret", &secret)?),
        digits: digits.ok_or_else(|| place.broken("`digits` is not 6 to 8"))?,
        period,
        last_step: last_step.map(|step| place.number("last_step", step)).transpose()?,
        created_at: place.time("created_at", created_at)?,
        used_at: used_at.map(|at| place.time("used_at", at)).transpose()?,
        id,
    })
}

fn locked_method((user, name, at): LockedRow) -> Answer<(Method, Timestamp)> {
    let place = RowRef { table: "lockouts", id: &user };
    let method = Method::from_name(&name).ok_or_else(|| place.broken("`method` is none"))?;
    Ok((method, place.time("locked_at", at)?))
}

fn backup_set((user, salt, left): BackupRow) -> Answer<BackupSet> {
    let place = RowRef { table: "backup_sets", id: &user };
    let left = u32::try_from(left).map_err(|_| fault("too many backup codes"))?;
    Ok(BackupSet { salt: place.bytes("salt", &salt)?, left })
}
