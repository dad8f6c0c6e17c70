//! Accounts that people make for themselves, and invitations.

use async_trait::async_trait;

use super::accounts::insert_account;
use super::addresses::insert_address;
use super::records::{RecordRows, commit_with};
use super::row::{RowRef, time_of};
use super::{Database, in_transaction, on, on_write};
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, UserId};
use crate::flow::ports::{Answer, ConfirmedAccount, Invitation, Made, Origin, Records, SignUps, StoreError};

type InvitationRow = (String, String, String, i64, i64, Option<i64>);

const COLUMNS: &str = "id, email, account_groups, created_at, expires_at, used_at";

#[async_trait]
impl SignUps for Database {
    async fn make(&self, made: &ConfirmedAccount<'_>, records: &Records) -> Answer<Made> {
        // Whose it was the account says, as long as there is one; that the link was used is told until it would have been over.
        const USE: &str = "update invitations set used_at = $1, email = '', account_groups = '[]' \
             where id = $2 and used_at is null and expires_at > $1";
        const ORIGIN: &str = "update accounts set origin = $1 where id = $2";
        let ConfirmedAccount { account, address, origin } = made;
        let (confirmed_at, rows) = (time_of(address.confirmed_at)?, RecordRows::of(records)?);
        let (created_at, last_login_at) = (time_of(account.created_at)?, None::<i64>);
        let user = &account.identity.id;
        in_transaction!(self, tx => {
            if let Origin::Invitation(id) = origin
                && sqlx::query(USE).bind(confirmed_at).bind(*id).execute(&mut *tx).await?.rows_affected() == 0
            {
                return Ok(Made::NotInvited);
            }
            if !insert_account!(tx, account, created_at, last_login_at) {
                return Ok(Made::NameTaken);
            }
            if insert_address!(tx, user, address, confirmed_at) != 1 {
                return Ok(Made::AddressTaken);
            }
            sqlx::query(ORIGIN).bind(origin.name()).bind(&user.0).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(Made::Made)
        })
    }

    async fn origin(&self, user: &UserId) -> Answer<Option<String>> {
        const SQL: &str = "select origin from accounts where id = $1";
        let found: Option<(Option<String>,)> =
            on!(self, pool => sqlx::query_as(SQL).bind(&user.0).fetch_optional(pool))?;
        Ok(found.and_then(|(origin,)| origin))
    }

    async fn drop_invitations(&self, now: Timestamp) -> Answer<u64> {
        const OVER: &str = "delete from invitations where expires_at <= $1";
        // The version before left the address in those that were used.
        const USED: &str =
            "update invitations set email = '', account_groups = '[]' where used_at is not null and email <> ''";
        let now = time_of(now)?;
        on_write!(self, pool => async {
            let over = sqlx::query(OVER).bind(now).execute(pool).await?.rows_affected();
            sqlx::query(USED).execute(pool).await.map(|used| over + used.rows_affected())
        })
    }

    async fn invite(&self, invitation: &Invitation, key: &str, records: &Records) -> Answer<bool> {
        // A database may know small letters of fewer alphabets than we do: then two are good, of which one makes the account.
        const REPLACE: &str =
            "delete from invitations where used_at is null and expires_at > $1 and lower(email) = lower($2)";
        const OVER: &str = "delete from invitations where expires_at <= $1";
        const SQL: &str = "insert into invitations (id, key, email, account_groups, created_at, expires_at) \
             values ($1, $2, $3, $4, $5, $6)";
        let Invitation { id, email, groups, created_at, expires_at, .. } = invitation;
        let (created_at, expires_at) = (time_of(*created_at)?, time_of(*expires_at)?);
        let rows = RecordRows::of(records)?;
        let groups: Vec<&str> = groups.iter().map(|group| group.0.as_str()).collect();
        let groups = serde_json::to_string(&groups).map_err(|e| StoreError::new("database", e))?;
        in_transaction!(self, tx => {
            let earlier = sqlx::query(REPLACE).bind(created_at).bind(email).execute(&mut *tx).await?.rows_affected();
            sqlx::query(OVER).bind(created_at).execute(&mut *tx).await?;
            let insert = sqlx::query(SQL).bind(id).bind(key).bind(email).bind(&groups);
            insert.bind(created_at).bind(expires_at).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(earlier > 0)
        })
    }

    async fn invitation(&self, key: &str) -> Answer<Option<Invitation>> {
        let sql = format!("select {COLUMNS} from invitations where key = $1");
        let sql = sqlx::AssertSqlSafe(sql);
        let found: Option<InvitationRow> = on!(self, pool => sqlx::query_as(sql).bind(key).fetch_optional(pool))?;
        found.map(read).transpose()
    }

    async fn invitations(&self) -> Answer<Vec<Invitation>> {
        let sql = sqlx::AssertSqlSafe(format!("select {COLUMNS} from invitations order by created_at desc, id desc"));
        let rows: Vec<InvitationRow> = on!(self, pool => sqlx::query_as(sql).fetch_all(pool))?;
        rows.into_iter().map(read).collect()
    }

    async fn revoke_invitation(&self, id: &str, records: &Records) -> Answer<bool> {
        const SQL: &str = "delete from invitations where id = $1 and used_at is null";
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            if sqlx::query(SQL).bind(id).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }
}

fn read((id, email, groups, created_at, expires_at, used_at): InvitationRow) -> Answer<Invitation> {
    let place = RowRef { table: "invitations", id: &id };
    let groups: Vec<String> =
        serde_json::from_str(&groups).map_err(|_| place.broken("`account_groups` is no list of names"))?;
    Ok(Invitation {
        email,
        groups: groups.into_iter().map(Group).collect(),
        created_at: place.time("created_at", created_at)?,
        expires_at: place.time("expires_at", expires_at)?,
        used_at: used_at.map(|at| place.time("used_at", at)).transpose()?,
        id,
    })
}
