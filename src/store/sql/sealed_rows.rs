//! The sealed values of every table, for a rotation of the master key.

use async_trait::async_trait;

use super::row::{RowRef, rows, text_of};
use super::{Database, on_write};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, SealedAt, SealedRows};

type SecretRow = (String, String);

#[async_trait]
impl SealedRows for Database {
    async fn sealed(&self) -> Answer<Vec<(SealedAt, Sealed)>> {
        const TOTP: &str = "select account_id, secret from totp order by account_id";
        const SIGNING: &str = "select kid, private from signing_keys order by place";
        const LETTERS: &str = "select id, letter from outbox order by id";
        let mut all = Vec::new();
        for (user, secret) in rows!(self, "totp", sqlx::query(TOTP), SecretRow)? {
            let sealed = Sealed(RowRef { table: "totp", id: &user }.bytes("secret", &secret)?);
            all.push((SealedAt::Totp(UserId(user)), sealed));
        }
        for (kid, private) in rows!(self, "signing_keys", sqlx::query(SIGNING), SecretRow)? {
            let sealed = Sealed(RowRef { table: "signing_keys", id: &kid }.bytes("private", &private)?);
            all.push((SealedAt::Signing(kid), sealed));
        }
        for (id, letter) in rows!(self, "outbox", sqlx::query(LETTERS), SecretRow)? {
            let sealed = Sealed(RowRef { table: "outbox", id: &id }.bytes("letter", &letter)?);
            all.push((SealedAt::Letter(id), sealed));
        }
        Ok(all)
    }

    async fn swap(&self, at: &SealedAt, from: &Sealed, to: &Sealed) -> Answer<bool> {
        // The old value is part of the condition: an authenticator bound meanwhile is never overwritten.
        const TOTP: &str = "update totp set secret = $1 where account_id = $2 and secret = $3";
        const SIGNING: &str = "update signing_keys set private = $1 where kid = $2 and private = $3";
        const LETTER: &str = "update outbox set letter = $1 where id = $2 and letter = $3";
        let (sql, id) = match at {
            SealedAt::Totp(user) => (TOTP, user.0.as_str()),
            SealedAt::Signing(kid) => (SIGNING, kid.as_str()),
            SealedAt::Letter(id) => (LETTER, id.as_str()),
        };
        let swapped = on_write!(self, pool => async {
            let query = sqlx::query(sql).bind(text_of(&to.0)).bind(id).bind(text_of(&from.0));
            query.execute(pool).await.map(|d| d.rows_affected())
        })?;
        Ok(swapped == 1)
    }
}
