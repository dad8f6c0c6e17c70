//! Sessions.

use std::sync::Arc;

use async_trait::async_trait;

use super::transient::newer;
use super::{Embedded, millis, time, within};
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, End, RECORD_VERSION, Sessions};
use crate::store::admin::counts::{SAMPLE_SIZE, SessionSample};
use crate::store::unreadable::{ReadError, Unreadable};

const TABLE: &str = "state_sessions";

/// `key`, `body`, `seen_at`, `ends_at`; the texts as bytes, for they may be none.
type SessionRow = (Vec<u8>, Vec<u8>, i64, i64);

#[async_trait]
impl Sessions for Embedded {
    async fn load(&self, key: &SessionKey) -> Answer<Option<Arc<Session>>> {
        const SQL: &str = "select key, body, seen_at, ends_at from state_sessions where key = $1 and ends_at > $2";
        let now = self.now()?;
        if !self.cache.trusted() {
            let asked = self.cache.tick();
            let generation = self.generation().await?;
            self.cache.compare(generation, asked);
        }
        if let Some(session) = self.cache.get(key, now) {
            return Ok(Some(session));
        }
        let epoch = self.cache.epoch();
        let query = sqlx::query_as(SQL).bind(key.encoded()).bind(now);
        let Some(row): Option<SessionRow> = within(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        match self.session(&row) {
            Ok(session) => {
                let session = Arc::new(session);
                self.cache.put(*key, epoch, row.3, session.clone());
                Ok(Some(session))
            }
            Err(ReadError::Newer(version)) => {
                self.cipher.left_alone(&key.encoded(), version);
                Ok(None)
            }
            Err(ReadError::Broken(why)) => {
                if self.revoke(key).await? {
                    self.cipher.report(Unreadable::Session, &key.encoded(), &why);
                }
                Ok(None)
            }
        }
    }

    async fn end_of(&self, key: &SessionKey) -> Answer<Option<End>> {
        const SQL: &str = "select seen_at, ends_at from state_sessions where key = $1";
        let name = key.encoded();
        let query = sqlx::query_as(SQL).bind(&name);
        let Some((seen_at, ends_at)) = within(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        Ok(Some(End { seen_at: time(TABLE, &name, seen_at)?, ends_at: time(TABLE, &name, ends_at)? }))
    }

    async fn replace(
        &self,
        old: Option<&SessionKey>,
        new: &SessionKey,
        session: &Session,
        ends_at: Timestamp,
    ) -> Answer<bool> {
        const END: &str =
            concat!("delete from state_sessions where key = $1 and ends_at > $2 and not ", newer!("body", "$3"));
        const OPEN: &str =
            "insert into state_sessions (key, user_id, body, seen_at, ends_at) values ($1, $2, $3, $4, $5)";
        self.purge_expired().await?;
        let (now, seen_at, ends_at) = (self.now()?, millis(session.seen_at)?, millis(ends_at)?);
        let known = i64::from(RECORD_VERSION);
        let (name, owner) = (new.encoded(), self.cipher.owner(&session.identity.id)?);
        let body = self.cipher.seal(&name, session)?;
        let opened = self
            .write(async {
                let mut tx = self.writer.begin_with("begin immediate").await?;
                if let Some(old) = old {
                    let ended = sqlx::query(END).bind(old.encoded()).bind(now).bind(known).execute(&mut *tx).await?;
                    if ended.rows_affected() != 1 {
                        return Ok(false);
                    }
                }
                let query = sqlx::query(OPEN).bind(name).bind(owner).bind(body);
                query.bind(seen_at).bind(ends_at).execute(&mut *tx).await?;
                tx.commit().await?;
                Ok(true)
            })
            .await;
        self.ended(old.is_some());
        opened
    }

    async fn touch(&self, key: &SessionKey, seen_at: Timestamp, ends_at: Timestamp) -> Answer<()> {
        const SQL: &str = "update state_sessions set seen_at = $1, ends_at = $2 where key = $3 and ends_at > $4";
        self.purge_expired().await?;
        let query = sqlx::query(SQL).bind(millis(seen_at)?).bind(millis(ends_at)?).bind(key.encoded());
        self.write(query.bind(self.now()?).execute(&self.writer)).await?;
        self.cache.forget(key);
        Ok(())
    }

    async fn revoke(&self, key: &SessionKey) -> Answer<bool> {
        const SQL: &str = "delete from state_sessions where key = $1 returning ends_at";
        let query = sqlx::query_as(SQL).bind(key.encoded());
        let ended: Answer<Vec<(i64,)>> = self.write(query.fetch_all(&self.writer)).await;
        self.ended(true);
        let now = self.now()?;
        Ok(ended?.iter().any(|(ends_at,)| *ends_at > now))
    }

    async fn revoke_all(&self, user: &UserId) -> Answer<u64> {
        const SQL: &str = "delete from state_sessions where user_id in (select value from json_each($1)) \
             returning ends_at";
        let query = sqlx::query_as(SQL).bind(self.owners(user));
        let ended: Answer<Vec<(i64,)>> = self.write(query.fetch_all(&self.writer)).await;
        self.ended(true);
        let now = self.now()?;
        let live = ended?.iter().filter(|(ends_at,)| *ends_at > now).count();
        Ok(u64::try_from(live).unwrap_or(u64::MAX))
    }

    async fn of_user(&self, user: &UserId) -> Answer<Vec<(SessionKey, Answer<Session>)>> {
        const SQL: &str = "select key, body, seen_at, ends_at from state_sessions \
             where user_id in (select value from json_each($1)) and ends_at > $2 order by seen_at desc, key";
        let query = sqlx::query_as(SQL).bind(self.owners(user)).bind(self.now()?);
        let rows: Vec<SessionRow> = within(query.fetch_all(&self.readers)).await?;
        // No token has a digest that is none.
        let key = |row: &SessionRow| std::str::from_utf8(&row.0).ok().and_then(SessionKey::decode);
        Ok(rows.iter().filter_map(|row| Some((key(row)?, self.session(row).map_err(Into::into)))).collect())
    }
}

impl Embedded {
    /// How many sessions there are, and some of them.
    pub(crate) async fn session_sample(&self) -> Answer<SessionSample> {
        const COUNT: &str = "select count(*) from state_sessions where ends_at > $1";
        const SOME: &str = "select key, body, seen_at, ends_at from state_sessions where ends_at > $1 limit $2";
        let now = self.now()?;
        let (total,): (i64,) = within(sqlx::query_as(COUNT).bind(now).fetch_one(&self.readers)).await?;
        let limit = i64::try_from(SAMPLE_SIZE).unwrap_or(i64::MAX);
        let rows: Vec<SessionRow> = within(sqlx::query_as(SOME).bind(now).bind(limit).fetch_all(&self.readers)).await?;
        // What cannot be read is none to look at.
        let some = rows.iter().filter_map(|row| self.session(row).ok()).collect();
        Ok(SessionSample { total: u64::try_from(total).unwrap_or(0), sessions: some })
    }

    /// Voids the cache, whether the write that might have ended a session is known to have succeeded or not.
    fn ended(&self, maybe: bool) {
        if maybe {
            self.cache.void();
        }
    }

    fn session(&self, (key, body, seen_at, _): &SessionRow) -> Result<Session, ReadError> {
        let key = String::from_utf8_lossy(key);
        let mut session: Session = self.cipher.open(&key, body)?;
        session.seen_at = time(TABLE, &key, *seen_at).map_err(ReadError::Broken)?;
        Ok(session)
    }

    /// The names of a person, under each master key one, as a statement takes a list.
    fn owners(&self, user: &UserId) -> String {
        serde_json::Value::from(self.cipher.owners(user)).to_string()
    }
}
