//! Accounts.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::erasures::{NAMELESS, UNFINISHED, UNKNOWN, member};
use super::records::{LETTER_GONE, RecordRows, commit_with};
use super::removal::{END_WAITING, WITHDRAWN};
use super::row::{RowRef, each_row, number_of, time_of};
use super::{Database, in_transaction};
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, Identity, UserId, Username};
use crate::flow::ports::{Account, AccountChange, Accounts, Answer, Generation, Records, StoreError};

pub(super) const GROUP: &str = "insert into account_groups (account_id, name) values ($1, $2) on conflict do nothing";

/// An account beside one of its groups, or beside none.
#[derive(sqlx::FromRow)]
struct AccountRow {
    id: String,
    username: String,
    name: Option<String>,
    email: Option<String>,
    password_hash: Option<String>,
    disabled: i64,
    created_at: i64,
    last_login_at: Option<i64>,
    credentials_generation: i64,
    sessions_generation: i64,
    group_name: Option<String>,
}

/// Finds an account, or a row without an id, so that reading what nobody has takes no less time.
const BY_NAME: &str = "select a.id, a.username, a.name, a.email, a.password_hash, a.disabled, a.created_at, \
     a.last_login_at, a.credentials_generation, a.sessions_generation, g.name as group_name from accounts a \
     left join account_groups g on g.account_id = a.id where a.username = $1 union all \
     select '', $1, null, null, $2, 0, 0, null, 0, 0, null \
     where not exists (select 1 from accounts where username = $1)";
/// As long as a hash is.
const NO_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const BY_ID: &str = "select a.id, a.username, a.name, a.email, a.password_hash, a.disabled, a.created_at, \
     a.last_login_at, a.credentials_generation, a.sessions_generation, g.name as group_name from accounts a \
     left join account_groups g on g.account_id = a.id where a.id = $1";
const ALL: &str = "select a.id, a.username, a.name, a.email, a.password_hash, a.disabled, a.created_at, \
     a.last_login_at, a.credentials_generation, a.sessions_generation, g.name as group_name from accounts a \
     left join account_groups g on g.account_id = a.id";

pub(super) const ACCOUNT: &str = "insert into accounts (id, username, name, email, password_hash, disabled, \
     created_at, last_login_at) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";

/// Makes an account with its groups; `false`: its name is taken.
macro_rules! insert_account {
    ($tx:ident, $account:expr, $created_at:expr, $last_login_at:expr) => {{
        let who = &$account.identity;
        let made = sqlx::query($crate::store::sql::accounts::ACCOUNT)
            .bind(&who.id.0)
            .bind(who.username.as_str())
            .bind(who.name.as_deref())
            .bind(who.email.as_deref())
            .bind($account.password_hash.as_ref().map($crate::auth::secret::SecretText::expose))
            .bind(i64::from($account.disabled))
            .bind($created_at)
            .bind($last_login_at)
            .execute(&mut *$tx)
            .await?;
        let made = made.rows_affected() == 1;
        if made {
            for group in &who.groups {
                let insert = sqlx::query($crate::store::sql::accounts::GROUP).bind(&who.id.0).bind(&group.0);
                insert.execute(&mut *$tx).await?;
            }
        }
        made
    }};
}

pub(super) use insert_account;

#[async_trait]
impl Accounts for Database {
    async fn find(&self, name: &Username) -> Answer<Option<Account>> {
        let rows = each_row!(self, "accounts", sqlx::query(BY_NAME).bind(name.as_str()).bind(NO_HASH), AccountRow)?;
        let found = gather(rows).pop().transpose()?;
        Ok(found.filter(|account| !account.identity.id.0.is_empty()))
    }

    async fn load(&self, id: &UserId) -> Answer<Option<Account>> {
        let found = each_row!(self, "accounts", sqlx::query(BY_ID).bind(&id.0), AccountRow)?;
        gather(found).pop().transpose()
    }

    async fn create_recorded(&self, account: &Account, records: &Records) -> Answer<bool> {
        let (created_at, rows) = (time_of(account.created_at)?, RecordRows::of(records)?);
        let last_login_at = account.last_login_at.map(time_of).transpose()?;
        in_transaction!(self, tx => {
            if !insert_account!(tx, account, created_at, last_login_at) {
                return Ok(false);
            }
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }

    async fn change_recorded(&self, id: &UserId, change: AccountChange, records: &Records) -> Answer<bool> {
        const HASH: &str = "update accounts set password_hash = $1, \
             credentials_generation = credentials_generation + 1, sessions_generation = sessions_generation + 1 \
             where id = $2";
        const OWN: &str = "update accounts set password_hash = $1, \
             credentials_generation = credentials_generation + 1, sessions_generation = sessions_generation + $2 \
             where id = $3 and credentials_generation = $4";
        const FORGOTTEN: &str = "update accounts set credentials_generation = credentials_generation + 1 where id = $1";
        const REHASH: &str = "update accounts set password_hash = $1 where id = $2 and password_hash = $3";
        const DISABLED: &str = "update accounts set disabled = $1, \
             credentials_generation = credentials_generation + $1, sessions_generation = sessions_generation + $1 \
             where id = $2";
        // Where groups change the row is written first, so that two who do this at once take turns.
        const ENDED: &str = "update accounts set sessions_generation = sessions_generation + 1 where id = $1";
        const OUTSTANDING: &str = "update accounts set credentials_generation = credentials_generation + 1, \
             sessions_generation = sessions_generation + $1 where id = $2";
        // Who only forgets browsers goes on to wait.
        const GO_ON: &str = "update recoveries set credentials = credentials + 1 where account_id = $1 \
             and credentials + 1 = (select credentials_generation from accounts where id = $1)";
        const LEAVE: &str = "delete from account_groups where account_id = $1";
        const LOGIN: &str = "update accounts set last_login_at = $1 where id = $2";
        const PROFILE: &str = "update accounts set name = case when $1 = 1 then $2 else name end, \
             email = case when $3 = 1 then $4 else email end where id = $5";
        let rows = RecordRows::of(records)?;
        let at = if let AccountChange::LoggedIn(at) = &change { time_of(*at)? } else { 0 };
        let under = if let AccountChange::OwnPassword { under, .. } = &change { number_of(*under)? } else { 0 };
        in_transaction!(self, tx => {
            let query = match &change {
                AccountChange::PasswordHash(hash) => sqlx::query(HASH).bind(hash.expose()).bind(&id.0),
                AccountChange::Rehash { from, to } => {
                    sqlx::query(REHASH).bind(to.expose()).bind(&id.0).bind(from.expose())
                }
                AccountChange::OwnPassword { to, ends_sessions, .. } => {
                    sqlx::query(OWN).bind(to.expose()).bind(i64::from(*ends_sessions)).bind(&id.0).bind(under)
                }
                AccountChange::BrowsersForgotten => sqlx::query(FORGOTTEN).bind(&id.0),
                AccountChange::Disabled(disabled) => sqlx::query(DISABLED).bind(i64::from(*disabled)).bind(&id.0),
                AccountChange::SessionsEnded | AccountChange::Groups(_) => sqlx::query(ENDED).bind(&id.0),
                AccountChange::OutstandingEnded { ends_sessions } => {
                    sqlx::query(OUTSTANDING).bind(i64::from(*ends_sessions)).bind(&id.0)
                }
                AccountChange::Profile { name, email } => {
                    let (named, mailed) = (i64::from(name.is_some()), i64::from(email.is_some()));
                    let (name, email) = (name.clone().flatten(), email.clone().flatten());
                    sqlx::query(PROFILE).bind(named).bind(name).bind(mailed).bind(email).bind(&id.0)
                }
                AccountChange::LoggedIn(_) => sqlx::query(LOGIN).bind(at).bind(&id.0),
            };
            if query.execute(&mut *tx).await?.rows_affected() != 1 {
                return Ok(false);
            }
            if matches!(change, AccountChange::BrowsersForgotten) {
                sqlx::query(GO_ON).bind(&id.0).execute(&mut *tx).await?;
            }
            if change.ends_recoveries() {
                for sql in [WITHDRAWN, END_WAITING] {
                    sqlx::query(sql).bind(&id.0).execute(&mut *tx).await?;
                }
            }
            if let AccountChange::Groups(groups) = &change {
                sqlx::query(LEAVE).bind(&id.0).execute(&mut *tx).await?;
                for group in groups {
                    sqlx::query(GROUP).bind(&id.0).bind(&group.0).execute(&mut *tx).await?;
                }
            }
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }

    async fn delete_recorded(&self, id: &UserId, letters: &[String], records: &Records) -> Answer<bool> {
        const SQL: &str = "delete from accounts where id = $1 returning username";
        const INVITATIONS: &str = "delete from invitations where lower(email) in \
             (select lower(value) from addresses where account_id = $1)";
        let (rows, at) = (RecordRows::of(records)?, time_of(gone_at(records))?);
        in_transaction!(self, tx => {
            sqlx::query(INVITATIONS).bind(&id.0).execute(&mut *tx).await?;
            let gone: Vec<(String,)> = sqlx::query_as(SQL).bind(&id.0).fetch_all(&mut *tx).await?;
            let Some((name,)) = gone.first() else { return Ok(false) };
            for letter in letters {
                sqlx::query(LETTER_GONE).bind(letter).execute(&mut *tx).await?;
            }
            sqlx::query(NAMELESS).bind(&id.0).bind(name).bind(member(name)).execute(&mut *tx).await?;
            sqlx::query(UNKNOWN).bind(name).bind(member(name)).execute(&mut *tx).await?;
            sqlx::query(UNFINISHED).bind(&id.0).bind(at).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }

    async fn list(&self) -> Answer<Vec<Answer<Account>>> {
        let mut all = gather(each_row!(self, "accounts", sqlx::query(ALL), AccountRow)?);
        // Sorted here: databases differ in their order of letters.
        let name = |account: &Answer<Account>| account.as_ref().ok().map(|a| a.identity.username.clone());
        all.sort_by_cached_key(|account| (account.is_err(), name(account)));
        Ok(all)
    }
}

/// When an account went, by what is written of it.
fn gone_at(records: &Records) -> Timestamp {
    records.entries.first().map(|(at, ..)| *at).unwrap_or_default()
}

/// One account per id, with its groups sorted. One broken row breaks the account: it may have been that of a group.
fn gather(rows: Vec<Result<AccountRow, (String, StoreError)>>) -> Vec<Answer<Account>> {
    let mut accounts: BTreeMap<String, Answer<Account>> = BTreeMap::new();
    for row in rows {
        let (id, read) = match row {
            Ok(mut row) => (row.id.clone(), Ok((row.group_name.take().map(Group), row))),
            Err((id, fault)) => (id, Err(fault)),
        };
        let known = accounts.remove(&id);
        let account = read.and_then(|(group, row)| {
            let mut account = known.unwrap_or_else(|| account(row))?;
            account.identity.groups.extend(group);
            Ok(account)
        });
        accounts.insert(id, account);
    }
    for account in accounts.values_mut().flatten() {
        account.identity.groups.sort();
    }
    accounts.into_values().collect()
}

fn account(row: AccountRow) -> Answer<Account> {
    let AccountRow { id, username, name, email, .. } = row;
    let place = RowRef { table: "accounts", id: &id };
    let canonical = Username::parse(&username).filter(|name| name.as_str() == username);
    let username = canonical.ok_or_else(|| place.broken("`username` is not canonical"))?;
    let disabled = place.flag("disabled", row.disabled)?;
    let created_at = place.time("created_at", row.created_at)?;
    let last_login_at = row.last_login_at.map(|at| place.time("last_login_at", at)).transpose()?;
    let generation = Generation {
        credentials: place.number("credentials_generation", row.credentials_generation)?,
        sessions: place.number("sessions_generation", row.sessions_generation)?,
    };
    Ok(Account {
        identity: Identity { id: UserId(id), username, name, email, groups: Vec::new() },
        password_hash: row.password_hash.map(SecretText::new),
        disabled,
        created_at,
        last_login_at,
        generation,
    })
}
