//! Values that belong to a moment, and sent codes.

use std::time::Duration;

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;

use super::{Embedded, fault, millis, time, within};
use crate::auth::factor::authenticator::Sealed;
use crate::flow::ports::{
    Answer, Attempted, CodeDigest, OneTimeCodes, RECORD_VERSION, StoreError, Taken, Transient, TransientKind,
};
use crate::store::record_cipher::{from_text, to_text};
use crate::store::unreadable::{ReadError, Unreadable};

/// What holds of a record of a later version: a number and a dot stand before it.
macro_rules! newer {
    ($column:literal, $known:literal) => {
        concat!(
            "(instr(",
            $column,
            ", '.') > 0 and cast(substr(",
            $column,
            ", 1, instr(",
            $column,
            ", '.') - 1) as integer) > ",
            $known,
            ")"
        )
    };
}
pub(super) use newer;

const READ: &str = "select value from state_transient where kind = $1 and key = $2 and ends_at > $3";

#[async_trait]
impl Transient for Embedded {
    async fn put(&self, kind: TransientKind, key: &str, value: &Sealed, ttl: Duration) -> Answer<()> {
        const SQL: &str = concat!(
            "insert into state_transient (kind, key, value, ends_at) values ($1, $2, $3, $4) \
             on conflict (kind, key) do update set value = excluded.value, ends_at = excluded.ends_at \
             where state_transient.ends_at <= $5 or not ",
            newer!("state_transient.value", "$6")
        );
        self.purge_expired().await?;
        let now = self.clock.now();
        let query = sqlx::query(SQL).bind(kind.name()).bind(key).bind(to_text(kind.sized(value)?));
        let query = query.bind(millis(now.plus(ttl))?).bind(millis(now)?).bind(i64::from(RECORD_VERSION));
        match self.write(query.execute(&self.writer)).await?.rows_affected() {
            0 => Err(fault("a later version of this program keeps a value there")),
            _ => Ok(()),
        }
    }

    async fn put_new(&self, kind: TransientKind, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        let text = to_text(kind.sized(value)?);
        self.purge_expired().await?;
        // What lies there and cannot be read makes room.
        if let Err((text, why)) = self.held(kind, key).await? {
            self.remove(kind, key, text, &why).await?;
        }
        let kept = self.insert(kind, key, text, self.clock.now().plus(ttl)).await?;
        Ok(from_text(&kept).map_err(|why| why.with(|why| kind.broken(why)))?)
    }

    async fn load(&self, kind: TransientKind, key: &str) -> Answer<Option<Sealed>> {
        match self.held(kind, key).await? {
            Ok(held) => Ok(held),
            Err((_, why)) if kind.outlives_damage() => {
                self.report(kind, key, &why);
                Err(why)
            }
            Err((text, why)) => self.remove(kind, key, text, &why).await.map(|()| None),
        }
    }

    async fn take(&self, kind: TransientKind, key: &str) -> Answer<Option<Taken>> {
        const SQL: &str = concat!(
            "delete from state_transient where kind = $1 and key = $2 and ends_at > $3 and not ",
            newer!("value", "$4"),
            " returning value, ends_at"
        );
        let query = sqlx::query_as(SQL).bind(kind.name()).bind(key).bind(self.now()?).bind(i64::from(RECORD_VERSION));
        // All rows are read: a statement that is dropped half-way might be undone.
        let rows: Vec<(Vec<u8>, i64)> = self.write(query.fetch_all(&self.writer)).await?;
        let Some((text, ends_at)) = rows.first() else { return Ok(None) };
        match from_text(text) {
            Ok(value) => return Ok(Some(Taken { value, ends_at: time("state_transient", key, *ends_at)? })),
            Err(ReadError::Newer(version)) => self.cipher.left_alone(key, version),
            Err(ReadError::Broken(why)) => self.report(kind, key, &kind.broken(why.cause)),
        }
        Ok(None)
    }

    async fn put_back(&self, kind: TransientKind, key: &str, taken: &Taken) -> Answer<bool> {
        if taken.ends_at <= self.clock.now() {
            return Ok(false);
        }
        let text = to_text(kind.sized(&taken.value)?);
        Ok(self.insert(kind, key, text.clone(), taken.ends_at).await? == text.into_bytes())
    }

    async fn compare_and_set(
        &self,
        kind: TransientKind,
        key: &str,
        old: &Sealed,
        new: &Sealed,
        ttl: Duration,
    ) -> Answer<bool> {
        const SQL: &str = "update state_transient set value = $1, ends_at = $2 \
             where kind = $3 and key = $4 and ends_at > $5 and cast(value as blob) = $6";
        let now = self.clock.now();
        let query = sqlx::query(SQL).bind(to_text(kind.sized(new)?)).bind(millis(now.plus(ttl))?);
        let query = query.bind(kind.name()).bind(key).bind(millis(now)?).bind(to_text(old).into_bytes());
        Ok(self.write(query.execute(&self.writer)).await?.rows_affected() > 0)
    }

    async fn discard(&self, kind: TransientKind, key: &str, value: &Sealed, why: &StoreError) -> Answer<()> {
        self.remove(kind, key, to_text(value).into_bytes(), why).await
    }

    fn report(&self, kind: TransientKind, key: &str, why: &StoreError) {
        self.cipher.report(Unreadable::Transient(kind), key, why);
    }
}

#[async_trait]
impl OneTimeCodes for Embedded {
    async fn put(&self, key: &str, code: CodeDigest, attempts: u32, ttl: Duration) -> Answer<bool> {
        const SQL: &str = "insert into state_codes (key, digest, left_over, ends_at) values ($1, $2, $3, $4) \
             on conflict (key) do update set digest = excluded.digest, ends_at = excluded.ends_at, \
             left_over = case when state_codes.ends_at > $5 then min(excluded.left_over, state_codes.left_over) \
             else excluded.left_over end \
             where state_codes.ends_at <= $5 or state_codes.left_over > 0";
        self.purge_expired().await?;
        let now = self.clock.now();
        let query = sqlx::query(SQL).bind(self.cipher.code(key)).bind(BASE64URL_NOPAD.encode(&code.0));
        let query = query.bind(i64::from(attempts)).bind(millis(now.plus(ttl))?).bind(millis(now)?);
        Ok(self.write(query.execute(&self.writer)).await?.rows_affected() > 0)
    }

    async fn attempt(&self, key: &str, code: CodeDigest) -> Answer<Attempted> {
        const FIND: &str = "select digest, left_over from state_codes where key = $1 and ends_at > $2";
        const SPEND: &str = "delete from state_codes where key = $1";
        const COUNT: &str = "update state_codes set left_over = left_over - 1 where key = $1";
        let (name, now, given) = (self.cipher.code(key), self.now()?, BASE64URL_NOPAD.encode(&code.0));
        self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            let row: Option<(Vec<u8>, i64)> =
                sqlx::query_as(FIND).bind(&name).bind(now).fetch_optional(&mut *tx).await?;
            let Some((digest, left)) = row else { return Ok(Attempted::Absent) };
            let left = u32::try_from(left).unwrap_or(0);
            let Some(after) = left.checked_sub(1) else { return Ok(Attempted::Wrong { left }) };
            let right = digest == given.as_bytes();
            sqlx::query(if right { SPEND } else { COUNT }).bind(&name).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(if right { Attempted::Right } else { Attempted::Wrong { left: after } })
        })
        .await
    }

    async fn good_for(&self, key: &str) -> Answer<Option<Duration>> {
        const SQL: &str = "select ends_at from state_codes where key = $1 and ends_at > $2 and left_over > 0";
        let name = self.cipher.code(key);
        let query = sqlx::query_as(SQL).bind(&name).bind(self.now()?);
        let found: Option<(i64,)> = within(query.fetch_optional(&self.readers)).await?;
        let ends_at = found.map(|(ends_at,)| time("state_codes", &name, ends_at)).transpose()?;
        Ok(ends_at.map(|ends_at| ends_at.since(self.clock.now())))
    }
}

impl Embedded {
    /// What lies there, or what cannot be read and why.
    async fn held(&self, kind: TransientKind, key: &str) -> Answer<Result<Option<Sealed>, (Vec<u8>, StoreError)>> {
        let query = sqlx::query_as(READ).bind(kind.name()).bind(key).bind(self.now()?);
        let row: Option<(Vec<u8>,)> = within(query.fetch_optional(&self.readers)).await?;
        let Some((text,)) = row else { return Ok(Ok(None)) };
        Ok(match from_text(&text) {
            Ok(sealed) => Ok(Some(sealed)),
            Err(ReadError::Newer(version)) => {
                self.cipher.left_alone(key, version);
                Ok(None)
            }
            Err(ReadError::Broken(why)) => Err((text, kind.broken(why.cause))),
        })
    }

    /// Keeps a text unless one is there; answers the one that is.
    async fn insert(
        &self,
        kind: TransientKind,
        key: &str,
        text: String,
        ends_at: crate::auth::time::Timestamp,
    ) -> Answer<Vec<u8>> {
        const KEEP: &str = "insert into state_transient (kind, key, value, ends_at) values ($1, $2, $3, $4) \
             on conflict (kind, key) do update set value = excluded.value, ends_at = excluded.ends_at \
             where state_transient.ends_at <= $5";
        let (ends_at, now) = (millis(ends_at)?, self.now()?);
        self.write(async {
            let mut tx = self.writer.begin_with("begin immediate").await?;
            let query = sqlx::query(KEEP).bind(kind.name()).bind(key).bind(text).bind(ends_at).bind(now);
            query.execute(&mut *tx).await?;
            let kept = sqlx::query_as(READ).bind(kind.name()).bind(key).bind(now).fetch_one(&mut *tx).await?;
            let (kept,): (Vec<u8>,) = kept;
            tx.commit().await?;
            Ok(kept)
        })
        .await
    }

    /// Takes away a text that could not be read, unless another lies there by now, and reports it.
    async fn remove(&self, kind: TransientKind, key: &str, text: Vec<u8>, why: &StoreError) -> Answer<()> {
        const SQL: &str = "delete from state_transient where kind = $1 and key = $2 and cast(value as blob) = $3";
        let query = sqlx::query(SQL).bind(kind.name()).bind(key).bind(text);
        if self.write(query.execute(&self.writer)).await?.rows_affected() > 0 {
            self.report(kind, key, why);
        }
        Ok(())
    }
}
