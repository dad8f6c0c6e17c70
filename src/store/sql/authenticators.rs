//! Authenticators. What is one-time is spent by one conditional write.

use async_trait::async_trait;

use super::addresses::{self, AddressRow};
use super::authenticator_names::SWEEP;
use super::records::{RecordRows, commit_with};
use super::removal::{END_WAITING, HOLD, OVER, WITHDRAWN, all_stay};
use super::row::{RowRef, number_of, rows, text_of, time_of};
use super::{Database, fault, in_transaction, on_write};
use crate::auth::factor::authenticator::{BackupSet, Enrolled, Sealed, TotpRecord};
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, Authenticators, DisabledFactors, Records, Removal};

type TotpRow = (String, String, String, i64, i64, Option<i64>, i64, Option<i64>, Option<String>);
type BackupRow = (String, String, i64);
type LockedRow = (String, String, i64);

pub(super) const FORGET: &str = "delete from lockouts where account_id = $1 and method = $2";

pub(super) const TOTP: &str = "insert into totp \
     (account_id, id, secret, digits, period, last_step, created_at, used_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (account_id) do update set id = excluded.id, \
     secret = excluded.secret, digits = excluded.digits, period = excluded.period, \
     last_step = excluded.last_step, created_at = excluded.created_at, used_at = excluded.used_at";
// The row of the set is written first: it is the lock that makes two writers take turns.
pub(super) const BACKUP_SET: &str = "insert into backup_sets (account_id, salt) values ($1, $2) \
     on conflict (account_id) do update set salt = excluded.salt";
pub(super) const BACKUP_CLEAR: &str = "delete from backup_codes where account_id = $1";
pub(super) const BACKUP_CODE: &str =
    "insert into backup_codes (account_id, digest) values ($1, $2) on conflict do nothing";

/// A TOTP authenticator as columns.
pub(super) struct TotpColumns<'a> {
    pub(super) id: &'a str,
    pub(super) secret: String,
    pub(super) digits: i64,
    pub(super) period: i64,
    pub(super) last_step: Option<i64>,
    pub(super) created_at: i64,
    pub(super) used_at: Option<i64>,
}

impl<'a> TotpColumns<'a> {
    pub(super) fn of(totp: &'a TotpRecord) -> Answer<Self> {
        Ok(Self {
            id: &totp.id,
            secret: text_of(&totp.secret.0),
            digits: i64::from(totp.digits),
            period: number_of(totp.period)?,
            last_step: totp.last_step.map(number_of).transpose()?,
            created_at: time_of(totp.created_at)?,
            used_at: totp.used_at.map(time_of).transpose()?,
        })
    }
}

/// Binds a TOTP authenticator in the place of any other. What was wrong for another key says nothing about this one.
macro_rules! write_totp {
    ($tx:ident, $user:expr, $totp:expr) => {{
        let query = sqlx::query($crate::store::sql::authenticators::TOTP).bind(&$user.0).bind($totp.id);
        let query = query.bind(&$totp.secret).bind($totp.digits).bind($totp.period).bind($totp.last_step);
        query.bind($totp.created_at).bind($totp.used_at).execute(&mut *$tx).await?;
        let sweep = sqlx::query($crate::store::sql::authenticator_names::SWEEP).bind(&$user.0);
        sweep.execute(&mut *$tx).await?;
        let forget = sqlx::query($crate::store::sql::authenticators::FORGET).bind(&$user.0);
        forget.bind($crate::auth::proof::Method::Totp.name()).execute(&mut *$tx).await?;
    }};
}

/// Puts backup codes in the place of all others.
macro_rules! write_backup {
    ($tx:ident, $user:expr, $salt:expr, $digests:expr) => {{
        use $crate::store::sql::authenticators::{BACKUP_CLEAR, BACKUP_CODE, BACKUP_SET, FORGET};
        let salt = $crate::store::sql::row::text_of($salt);
        sqlx::query(BACKUP_SET).bind(&$user.0).bind(salt).execute(&mut *$tx).await?;
        sqlx::query(BACKUP_CLEAR).bind(&$user.0).execute(&mut *$tx).await?;
        for digest in $digests {
            let digest = $crate::store::sql::row::text_of(digest);
            sqlx::query(BACKUP_CODE).bind(&$user.0).bind(digest).execute(&mut *$tx).await?;
        }
        let forget = sqlx::query(FORGET).bind(&$user.0);
        forget.bind($crate::auth::proof::Method::BackupCode.name()).execute(&mut *$tx).await?;
    }};
}

pub(super) use {write_backup, write_totp};

#[async_trait]
impl Authenticators for Database {
    async fn of(&self, user: &UserId) -> Answer<Enrolled> {
        const TOTP: &str = "select t.account_id, t.id, t.secret, t.digits, t.period, t.last_step, t.created_at, t.used_at, \
             n.name from totp t left join authenticator_names n on n.authenticator_id = t.id where t.account_id = $1";
        const BACKUP: &str = "select s.account_id, s.salt, (select count(*) from backup_codes c \
             where c.account_id = s.account_id) from backup_sets s where s.account_id = $1";
        const LOCKED: &str = "select account_id, method, locked_at from lockouts \
             where account_id = $1 and locked_at is not null";
        let totp = rows!(self, "totp", sqlx::query(TOTP).bind(&user.0), TotpRow)?;
        let backup = rows!(self, "backup_sets", sqlx::query(BACKUP).bind(&user.0), BackupRow)?;
        let addresses = rows!(self, "addresses", sqlx::query(addresses::READ).bind(&user.0), AddressRow)?;
        let locked = rows!(self, "lockouts", sqlx::query(LOCKED).bind(&user.0), LockedRow)?;
        let of_app = totp.iter().filter_map(|row| Some((row.1.clone(), row.8.clone()?)));
        let of_addresses = addresses.iter().filter_map(|row| Some((row.1.clone(), row.5.clone()?)));
        Ok(Enrolled {
            names: of_app.chain(of_addresses).collect(),
            totp: totp.into_iter().next().map(record).transpose()?,
            backup: backup.into_iter().next().map(backup_set).transpose()?,
            locked: locked.into_iter().map(locked_method).collect::<Answer<_>>()?,
            addresses: addresses.into_iter().map(addresses::record).collect::<Answer<_>>()?,
            passkeys: self.passkeys_of(user).await?,
        })
    }

    async fn put_totp(&self, user: &UserId, totp: &TotpRecord, ends_sessions: bool, records: &Records) -> Answer<()> {
        // Another authenticator in the place of one: what was granted by that one is over.
        const OVER: &str = "update accounts set credentials_generation = credentials_generation + 1, \
             sessions_generation = sessions_generation + $2 \
             where id = $1 and exists (select 1 from totp where account_id = $1)";
        let (columns, rows) = (TotpColumns::of(totp)?, RecordRows::of(records)?);
        in_transaction!(self, tx => {
            sqlx::query(OVER).bind(&user.0).bind(i64::from(ends_sessions)).execute(&mut *tx).await?;
            sqlx::query(END_WAITING).bind(&user.0).execute(&mut *tx).await?;
            write_totp!(tx, user, columns);
            commit_with!(self, tx, rows);
            Ok(())
        })
    }

    async fn name(&self, user: &UserId, id: &str, name: &str) -> Answer<bool> {
        self.name_authenticator(user, id, name).await
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
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            write_backup!(tx, user, salt, digests);
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

    async fn disable(
        &self,
        user: &UserId,
        factors: DisabledFactors,
        staying: &[&str],
        records: &Records,
    ) -> Answer<Removal> {
        const APP: &str = "delete from totp where account_id = $1";
        const PASSKEYS: &str = "delete from passkeys where account_id = $1";
        // They stand in for what is held, and for nothing else.
        const CODES: &str = "delete from backup_sets where account_id = $1 and not exists \
             (select 1 from passkeys where account_id = $1)";
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            sqlx::query(HOLD).bind(&user.0).execute(&mut *tx).await?;
            let mut removed = sqlx::query(APP).bind(&user.0).execute(&mut *tx).await?.rows_affected();
            if factors == DisabledFactors::All {
                removed += sqlx::query(PASSKEYS).bind(&user.0).execute(&mut *tx).await?.rows_affected();
            }
            if factors == DisabledFactors::All || removed > 0 {
                removed += sqlx::query(CODES).bind(&user.0).execute(&mut *tx).await?.rows_affected();
            }
            if removed == 0 {
                return Ok(Removal::NotFound);
            }
            if !all_stay!(tx, user, staying) {
                return Ok(Removal::Changed);
            }
            sqlx::query(END_WAITING).bind(&user.0).execute(&mut *tx).await?;
            sqlx::query(SWEEP).bind(&user.0).execute(&mut *tx).await?;
            for method in [Method::Totp, Method::BackupCode] {
                sqlx::query(FORGET).bind(&user.0).bind(method.name()).execute(&mut *tx).await?;
            }
            commit_with!(self, tx, rows);
            Ok(Removal::Removed)
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
            for sql in ["delete from lockouts where account_id = $1", SWEEP, WITHDRAWN, END_WAITING] {
                sqlx::query(sql).bind(&user.0).execute(&mut *tx).await?;
            }
            commit_with!(self, tx, rows);
            Ok(removed)
        })
    }
}

fn record(row: TotpRow) -> Answer<TotpRecord> {
    let (user, id, secret, digits, period, last_step, created_at, used_at, _) = row;
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
