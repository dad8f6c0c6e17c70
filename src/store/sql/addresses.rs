//! Confirmed addresses. That no two accounts have one, the table says.

use async_trait::async_trait;

use super::authenticator_names::SWEEP;
use super::records::{RecordRows, commit_with};
use super::removal::{END_WAITING, HOLD, OVER, remove_beside};
use super::row::{RowRef, time_of};
use super::{Database, in_transaction, on};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::user::UserId;
use crate::flow::ports::{Addresses, Answer, Records, Removal};

pub(super) type AddressRow = (String, String, String, String, i64, Option<String>);

pub(super) const READ: &str = "select a.account_id, a.id, a.kind, a.value, a.confirmed_at, n.name from addresses a \
     left join authenticator_names n on n.authenticator_id = a.id where a.account_id = $1 \
     order by a.confirmed_at desc, a.id desc";
pub(super) const INSERT: &str = "insert into addresses (id, account_id, kind, value, folded, confirmed_at) \
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing";

macro_rules! insert_address {
    ($tx:ident, $user:expr, $address:expr, $confirmed_at:expr) => {
        sqlx::query($crate::store::sql::addresses::INSERT)
            .bind(&$address.id)
            .bind(&$user.0)
            .bind($address.kind.name())
            .bind(&$address.value)
            .bind($address.folded())
            .bind($confirmed_at)
            .execute(&mut *$tx)
            .await?
            .rows_affected()
    };
}

pub(super) use insert_address;

#[async_trait]
impl Addresses for Database {
    async fn owner(&self, kind: AddressKind, folded: &str) -> Answer<Option<UserId>> {
        // A row in any case, so that reading what nobody has takes no less time.
        const SQL: &str = "select account_id from addresses where kind = $1 and folded = $2 union all \
             select '' where not exists (select 1 from addresses where kind = $1 and folded = $2)";
        let row: (String,) = on!(self, pool => sqlx::query_as(SQL).bind(kind.name()).bind(folded).fetch_one(pool))?;
        Ok(Some(UserId(row.0)).filter(|user| !user.0.is_empty()))
    }

    async fn add(&self, user: &UserId, address: &AddressRecord, most: u32, records: &Records) -> Answer<bool> {
        const COUNT: &str = "select count(*) from addresses where account_id = $1 and kind = $2";
        let (at, rows) = (time_of(address.confirmed_at)?, RecordRows::of(records)?);
        in_transaction!(self, tx => {
            sqlx::query(HOLD).bind(&user.0).execute(&mut *tx).await?;
            let kind = address.kind.name();
            let (count,): (i64,) = sqlx::query_as(COUNT).bind(&user.0).bind(kind).fetch_one(&mut *tx).await?;
            if count >= i64::from(most) || insert_address!(tx, user, address, at) != 1 {
                return Ok(false);
            }
            sqlx::query(END_WAITING).bind(&user.0).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }

    async fn remove(&self, user: &UserId, id: &str, staying: &[&str], records: &Records) -> Answer<Removal> {
        const SQL: &str = "delete from addresses where account_id = $1 and id = $2";
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            let removal = remove_beside!(tx, SQL, user, id, staying);
            if removal == Removal::Removed {
                sqlx::query(END_WAITING).bind(&user.0).execute(&mut *tx).await?;
                sqlx::query(SWEEP).bind(&user.0).execute(&mut *tx).await?;
                commit_with!(self, tx, rows);
            }
            Ok(removal)
        })
    }

    async fn replace(
        &self,
        user: &UserId,
        kind: AddressKind,
        address: Option<&AddressRecord>,
        records: &Records,
    ) -> Answer<bool> {
        const CLEAR: &str = "delete from addresses where account_id = $1 and kind = $2";
        let at = address.map(|address| time_of(address.confirmed_at)).transpose()?.unwrap_or_default();
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            for sql in [HOLD, END_WAITING] {
                sqlx::query(sql).bind(&user.0).execute(&mut *tx).await?;
            }
            let cleared = sqlx::query(CLEAR).bind(&user.0).bind(kind.name()).execute(&mut *tx).await?;
            if cleared.rows_affected() > 0 {
                sqlx::query(SWEEP).bind(&user.0).execute(&mut *tx).await?;
                sqlx::query(OVER).bind(&user.0).execute(&mut *tx).await?;
            }
            if let Some(address) = address
                && insert_address!(tx, user, address, at) != 1
            {
                return Ok(false);
            }
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }
}

pub(super) fn record((user, id, kind, value, confirmed_at, _): AddressRow) -> Answer<AddressRecord> {
    let place = RowRef { table: "addresses", id: &user };
    let kind = AddressKind::from_name(&kind).ok_or_else(|| place.broken("`kind` is none"))?;
    Ok(AddressRecord { confirmed_at: place.time("confirmed_at", confirmed_at)?, id, kind, value })
}
