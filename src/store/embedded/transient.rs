//! Sign-ins under way and values that wait.

use std::time::Duration;

use async_trait::async_trait;

use super::{Embedded, millis, within};
use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::auth::factor::authenticator::Sealed;
use crate::flow::ports::{Answer, Ceremonies, Pending};
use crate::store::record_cipher::RecordKind;
use crate::store::unreadable::Unreadable;

#[async_trait]
impl Ceremonies for Embedded {
    async fn put(&self, key: &CeremonyKey, ceremony: &Ceremony, ttl: Duration) -> Answer<()> {
        const SQL: &str = "insert into state_ceremonies (key, body, ends_at) values ($1, $2, $3) \
             on conflict (key) do update set body = excluded.body, ends_at = excluded.ends_at";
        self.purge_expired().await?;
        let ends_at = millis(self.clock.now().plus(ttl))?;
        let name = key.encoded();
        let record = self.cipher.seal(RecordKind::Ceremony, &name, ceremony)?;
        let query = sqlx::query(SQL).bind(name).bind(record).bind(ends_at);
        self.write(query.execute(&self.writer)).await.map(|_| ())
    }

    async fn load(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        const SQL: &str = "select body from state_ceremonies where key = $1 and ends_at > $2";
        let query = sqlx::query_as(SQL).bind(key.encoded()).bind(self.now()?);
        let row: Option<(Vec<u8>,)> = within(query.fetch_optional(&self.readers)).await?;
        match row.map(|(body,)| self.cipher.open(RecordKind::Ceremony, &key.encoded(), &body)).transpose() {
            // To take it is to end it, and to tell.
            Err(_) => Ceremonies::take(self, key).await,
            read => read,
        }
    }

    async fn take(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        const SQL: &str = "delete from state_ceremonies where key = $1 and ends_at > $2 returning body";
        let query = sqlx::query_as(SQL).bind(key.encoded()).bind(self.now()?);
        // All rows are read: a statement that is dropped half-way might be undone.
        let rows: Vec<(Vec<u8>,)> = self.write(query.fetch_all(&self.writer)).await?;
        let name = key.encoded();
        let read = rows.first().map(|(body,)| self.cipher.open(RecordKind::Ceremony, &name, body)).transpose();
        Ok(read.unwrap_or_else(|why| {
            self.cipher.report(Unreadable::Ceremony, &name, &why);
            None
        }))
    }
}

#[async_trait]
impl Pending for Embedded {
    async fn keep(&self, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        const KEEP: &str = "insert into state_pending (key, value, ends_at) values ($1, $2, $3) \
             on conflict (key) do update set value = excluded.value, ends_at = excluded.ends_at \
             where state_pending.ends_at <= $4";
        const READ: &str = "select value from state_pending where key = $1";
        self.purge_expired().await?;
        // What lies there and cannot be read makes room.
        Pending::load(self, key).await?;
        let record = self.cipher.seal(RecordKind::Pending, key, &value.0)?;
        let now = self.clock.now();
        let (ends_at, now) = (millis(now.plus(ttl))?, millis(now)?);
        let (kept,): (Vec<u8>,) = self
            .write(async {
                let mut tx = self.writer.begin_with("begin immediate").await?;
                let query = sqlx::query(KEEP).bind(key).bind(record.into_bytes()).bind(ends_at).bind(now);
                query.execute(&mut *tx).await?;
                let kept = sqlx::query_as(READ).bind(key).fetch_one(&mut *tx).await?;
                tx.commit().await?;
                Ok(kept)
            })
            .await?;
        self.cipher.open(RecordKind::Pending, key, &kept).map(Sealed)
    }

    async fn load(&self, key: &str) -> Answer<Option<Sealed>> {
        const SQL: &str = "select value from state_pending where key = $1 and ends_at > $2";
        let query = sqlx::query_as(SQL).bind(key).bind(self.now()?);
        let row: Option<(Vec<u8>,)> = within(query.fetch_optional(&self.readers)).await?;
        match row.map(|(value,)| self.cipher.open(RecordKind::Pending, key, &value).map(Sealed)).transpose() {
            // As a ceremony.
            Err(_) => Pending::take(self, key).await,
            read => read,
        }
    }

    async fn take(&self, key: &str) -> Answer<Option<Sealed>> {
        const SQL: &str = "delete from state_pending where key = $1 and ends_at > $2 returning value";
        let query = sqlx::query_as(SQL).bind(key).bind(self.now()?);
        let rows: Vec<(Vec<u8>,)> = self.write(query.fetch_all(&self.writer)).await?;
        let read =
            rows.first().map(|(value,)| self.cipher.open(RecordKind::Pending, key, value).map(Sealed)).transpose();
        Ok(read.unwrap_or_else(|why| {
            self.cipher.report(Unreadable::Pending, key, &why);
            None
        }))
    }
}
