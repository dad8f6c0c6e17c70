//! Passkeys and security keys. A credential id is one person's; a counter only grows.

use async_trait::async_trait;

use super::records::{RecordRows, commit_with};
use super::removal::{END_WAITING, OVER_BUT_KEPT, remove_beside};
use super::row::{RowRef, rows, text_of, time_of};
use super::{Database, fault, in_transaction, on_write};
use crate::auth::factor::passkey::{Aaguid, PasskeyRecord};
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, PasskeyUse, Passkeys, Records, Removal};

#[derive(sqlx::FromRow)]
struct PasskeyRow {
    id: String,
    account_id: String,
    name: String,
    rp_id: String,
    credential_id: String,
    public_key: String,
    aaguid: String,
    attested: i64,
    sign_count: i64,
    user_verified: i64,
    backup_eligible: i64,
    backup_state: i64,
    transports: String,
    created_at: i64,
    used_at: Option<i64>,
}

impl Database {
    /// Those of a person, the oldest first.
    pub(super) async fn passkeys_of(&self, user: &UserId) -> Answer<Vec<PasskeyRecord>> {
        const SQL: &str = "select id, account_id, name, rp_id, credential_id, public_key, aaguid, attested, sign_count, \
             user_verified, backup_eligible, backup_state, transports, created_at, used_at \
             from passkeys where account_id = $1 order by created_at, id";
        let found = rows!(self, "passkeys", sqlx::query(SQL).bind(&user.0), PasskeyRow)?;
        found.into_iter().map(|row| record(row).map(|(_, passkey)| passkey)).collect()
    }
}

#[async_trait]
impl Passkeys for Database {
    async fn find(&self, credential_id: &[u8]) -> Answer<Option<(UserId, PasskeyRecord)>> {
        const SQL: &str = "select id, account_id, name, rp_id, credential_id, public_key, aaguid, attested, sign_count, \
             user_verified, backup_eligible, backup_state, transports, created_at, used_at \
             from passkeys where credential_id = $1";
        let found = rows!(self, "passkeys", sqlx::query(SQL).bind(text_of(credential_id)), PasskeyRow)?;
        found.into_iter().next().map(record).transpose()
    }

    async fn add(&self, user: &UserId, passkey: &PasskeyRecord, records: &Records) -> Answer<bool> {
        const SQL: &str = "insert into passkeys (id, account_id, name, rp_id, credential_id, public_key, aaguid, \
             attested, sign_count, user_verified, backup_eligible, backup_state, transports, created_at, used_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             on conflict (credential_id) do nothing";
        let transports = serde_json::to_string(&passkey.transports).map_err(fault)?;
        let created_at = time_of(passkey.created_at)?;
        let used_at = passkey.used_at.map(time_of).transpose()?;
        let rows = RecordRows::of(records)?;
        in_transaction!(self, tx => {
            let query = sqlx::query(SQL).bind(&passkey.id).bind(&user.0).bind(&passkey.name).bind(&passkey.rp_id);
            let query = query.bind(text_of(&passkey.credential_id)).bind(text_of(&passkey.public_key));
            let query = query.bind(passkey.aaguid.to_string()).bind(i64::from(passkey.attested));
            let query = query.bind(i64::from(passkey.sign_count)).bind(i64::from(passkey.user_verified));
            let query = query.bind(i64::from(passkey.backup_eligible)).bind(i64::from(passkey.backup_state));
            let query = query.bind(transports.as_str()).bind(created_at).bind(used_at);
            if query.execute(&mut *tx).await?.rows_affected() != 1 {
                return Ok(false);
            }
            sqlx::query(END_WAITING).bind(&user.0).execute(&mut *tx).await?;
            commit_with!(self, tx, rows);
            Ok(true)
        })
    }

    async fn rename(&self, user: &UserId, id: &str, name: &str) -> Answer<bool> {
        const SQL: &str = "update passkeys set name = $1 where account_id = $2 and id = $3";
        let renamed = on_write!(self, pool => async {
            let query = sqlx::query(SQL).bind(name).bind(&user.0).bind(id);
            query.execute(pool).await.map(|d| d.rows_affected())
        })?;
        Ok(renamed == 1)
    }

    async fn remove(
        &self,
        user: &UserId,
        id: &str,
        staying: &[&str],
        ends_sessions: bool,
        records: &Records,
    ) -> Answer<Removal> {
        const SQL: &str = "delete from passkeys where account_id = $1 and id = $2";
        let rows = RecordRows::of(records)?;
        // What was granted by it is over.
        in_transaction!(self, tx => {
            let removal = remove_beside!(tx, SQL, user, id, staying);
            if removal == Removal::Removed {
                let over = sqlx::query(OVER_BUT_KEPT).bind(&user.0).bind(i64::from(ends_sessions));
                over.execute(&mut *tx).await?;
                sqlx::query(END_WAITING).bind(&user.0).execute(&mut *tx).await?;
                commit_with!(self, tx, rows);
            }
            Ok(removal)
        })
    }

    async fn record_use(&self, user: &UserId, id: &str, used: PasskeyUse) -> Answer<bool> {
        // Many authenticators count nothing: theirs stays 0.
        const SQL: &str = "update passkeys set sign_count = $1, backup_state = $2, used_at = $3 \
             where account_id = $4 and id = $5 and (sign_count < $1 or (sign_count = 0 and $1 = 0))";
        let at = time_of(used.at)?;
        let noted = on_write!(self, pool => async {
            let query = sqlx::query(SQL).bind(i64::from(used.sign_count)).bind(i64::from(used.backup_state)).bind(at);
            query.bind(&user.0).bind(id).execute(pool).await.map(|d| d.rows_affected())
        })?;
        Ok(noted == 1)
    }
}

fn record(row: PasskeyRow) -> Answer<(UserId, PasskeyRecord)> {
    let place = RowRef { table: "passkeys", id: &row.id };
    let sign_count = u32::try_from(row.sign_count).map_err(|_| place.broken("`sign_count` is out of range"))?;
    let passkey = PasskeyRecord {
        credential_id: place.bytes("credential_id", &row.credential_id)?,
        public_key: place.bytes("public_key", &row.public_key)?,
        aaguid: Aaguid::parse(&row.aaguid).ok_or_else(|| place.broken("`aaguid` is none"))?,
        attested: place.flag("attested", row.attested)?,
        sign_count,
        user_verified: place.flag("user_verified", row.user_verified)?,
        backup_eligible: place.flag("backup_eligible", row.backup_eligible)?,
        backup_state: place.flag("backup_state", row.backup_state)?,
        transports: serde_json::from_str(&row.transports).map_err(|_| place.broken("`transports` is no list"))?,
        created_at: place.time("created_at", row.created_at)?,
        used_at: row.used_at.map(|at| place.time("used_at", at)).transpose()?,
        id: row.id.clone(),
        name: row.name,
        rp_id: row.rp_id,
    };
    Ok((UserId(row.account_id), passkey))
}
