//! Signing keys, shared by all nodes.

use std::time::Duration;

use async_trait::async_trait;

use super::row::{RowRef, rows, text_of, time_of};
use super::{Database, in_transaction, on_write};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, SigningKey, SigningKeys};

/// How long a key stays published after its successor began to sign: far longer than an assertion lives.
const OVERLAP: Duration = Duration::from_secs(3600);

type SigningKeyRow = (String, String, String, i64, Option<i64>);

#[async_trait]
impl SigningKeys for Database {
    async fn all(&self) -> Answer<Vec<SigningKey>> {
        const SQL: &str = "select kid, private, public_jwk, signs_from, retired_at from signing_keys order by place";
        rows!(self, "signing_keys", sqlx::query(SQL), SigningKeyRow)?.into_iter().map(key).collect()
    }

    /// Retires the earlier keys as well, an hour after the new one begins to sign.
    async fn add(&self, after: Option<&str>, key: &SigningKey) -> Answer<bool> {
        const NEWEST: &str = "select place, kid from signing_keys order by place desc limit 1";
        // Whoever saw the same newest key wants the same place, and the place is unique.
        const ADD: &str = "insert into signing_keys (place, kid, private, public_jwk, signs_from, retired_at) \
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
        const RETIRE: &str = "update signing_keys set retired_at = $1 where place < $2 and retired_at is null";
        let signs_from = time_of(key.signs_from)?;
        let retired_at = key.retired_at.map(time_of).transpose()?;
        let overlap_ends = time_of(key.signs_from.plus(OVERLAP))?;
        in_transaction!(self, tx => {
            let newest: Option<(i64, String)> = sqlx::query_as(NEWEST).fetch_optional(&mut *tx).await?;
            if newest.as_ref().map(|(_, kid)| kid.as_str()) != after {
                return Ok(false);
            }
            let place = newest.map_or(1, |(place, _)| place.saturating_add(1));
            let query = sqlx::query(ADD).bind(place).bind(&key.kid).bind(text_of(&key.private.0));
            let query = query.bind(&key.public_jwk).bind(signs_from).bind(retired_at);
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(RETIRE).bind(overlap_ends).bind(place).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(true)
        })
    }

    async fn prune(&self, now: Timestamp) -> Answer<()> {
        const SQL: &str = "delete from signing_keys where retired_at is not null and retired_at < $1";
        let now = time_of(now)?;
        on_write!(self, pool => async { sqlx::query(SQL).bind(now).execute(pool).await.map(|_| ()) })
    }
}

fn key((kid, private, public_jwk, signs_from, retired_at): SigningKeyRow) -> Answer<SigningKey> {
    let place = RowRef { table: "signing_keys", id: &kid };
    Ok(SigningKey {
        private: Sealed(place.bytes("private", &private)?),
        signs_from: place.time("signs_from", signs_from)?,
        retired_at: retired_at.map(|at| place.time("retired_at", at)).transpose()?,
        public_jwk,
        kid,
    })
}
