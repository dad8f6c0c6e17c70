//! Sessions.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::transient::newer;
use super::{Embedded, generation, millis, time, within};
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, End, EndReason, Ended, RECORD_VERSION, Sessions};
use crate::store::admin::counts::{SAMPLE_SIZE, SessionSample};
use crate::store::unreadable::{ReadError, Unreadable};

const TABLE: &str = "state_sessions";
/// How often it is looked whether another process ended sessions, while somebody wants to know.
const COMPARED_EVERY: Duration = Duration::from_millis(250);

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
        const END: &str = concat!(
            "delete from state_sessions where key = $1 and ends_at > $2 and not ",
            newer!("body", "$3"),
            " returning body"
        );
        const OPEN: &str =
            "insert into state_sessions (key, user_id, body, seen_at, ends_at) values ($1, $2, $3, $4, $5)";
        self.purge_expired().await?;
        let (now, seen_at, ends_at) = (self.now()?, millis(session.seen_at)?, millis(ends_at)?);
        let known = i64::from(RECORD_VERSION);
        let (name, owner) = (new.encoded(), self.cipher.owner(&session.identity.id)?);
        let body = self.cipher.seal(&name, session)?;
        let opened: Answer<Option<Vec<Vec<u8>>>> = self
            .write(async {
                let mut bodies = Vec::new();
                let mut tx = self.writer.begin_with("begin immediate").await?;
                if let Some(old) = old {
                    let query = sqlx::query_as(END).bind(old.encoded()).bind(now).bind(known);
                    let ended: Vec<(Vec<u8>,)> = query.fetch_all(&mut *tx).await?;
                    if ended.is_empty() {
                        return Ok(None);
                    }
                    bodies.extend(ended.into_iter().map(|(body,)| body));
                }
                let query = sqlx::query(OPEN).bind(name).bind(owner).bind(body);
                query.bind(seen_at).bind(ends_at).execute(&mut *tx).await?;
                tx.commit().await?;
                Ok(Some(bodies))
            })
            .await;
        self.void_cache(old.is_some());
        let bodies = opened?;
        for (key, body) in old.into_iter().zip(bodies.iter().flatten()) {
            self.tell(*key, body, EndReason::Replaced { by: Some(*new) });
        }
        Ok(bodies.is_some())
    }

    async fn touch(&self, key: &SessionKey, seen_at: Timestamp, ends_at: Timestamp) -> Answer<()> {
        const SQL: &str = "update state_sessions set seen_at = $1, ends_at = $2 where key = $3 and ends_at > $4";
        self.purge_expired().await?;
        let query = sqlx::query(SQL).bind(millis(seen_at)?).bind(millis(ends_at)?).bind(key.encoded());
        self.write(query.bind(self.now()?).execute(&self.writer)).await?;
        self.cache.forget(key);
        Ok(())
    }

    /// What other processes end is not told one by one: how many sessions ended is compared in between.
    fn ended(&self) -> BoxStream<'static, Ended> {
        let (readers, own) = (self.readers.clone(), self.own_ends.clone());
        let others = stream::unfold(None, move |mut known| {
            let (readers, own) = (readers.clone(), own.clone());
            async move {
                loop {
                    if let Ok(generation) = generation(&readers).await {
                        let others = generation - own.load(Ordering::SeqCst);
                        // What ended before the first look is unknown.
                        if known.replace(others).is_none_or(|known| others > known) {
                            return Some((Ended::Lost, known));
                        }
                    }
                    tokio::time::sleep(COMPARED_EVERY).await;
                }
            }
        });
        stream::select(self.endings.stream(), others).boxed()
    }

    async fn revoke(&self, key: &SessionKey) -> Answer<bool> {
        self.end(key, EndReason::Revoked).await
    }

    async fn supersede(&self, key: &SessionKey, by: &SessionKey) -> Answer<bool> {
        self.end(key, EndReason::Replaced { by: Some(*by) }).await
    }

    async fn revoke_all(&self, user: &UserId) -> Answer<u64> {
        const SQL: &str = "delete from state_sessions where user_id in (select value from json_each($1)) \
             returning key, body, seen_at, ends_at";
        let query = sqlx::query_as(SQL).bind(self.owners(user));
        let ended: Answer<Vec<SessionRow>> = self.write(query.fetch_all(&self.writer)).await;
        self.void_cache(true);
        self.deleted(&ended?, EndReason::Revoked)
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

    async fn end(&self, key: &SessionKey, why: EndReason) -> Answer<bool> {
        const SQL: &str = "delete from state_sessions where key = $1 returning key, body, seen_at, ends_at";
        let query = sqlx::query_as(SQL).bind(key.encoded());
        let ended: Answer<Vec<SessionRow>> = self.write(query.fetch_all(&self.writer)).await;
        self.void_cache(true);
        Ok(self.deleted(&ended?, why)? > 0)
    }

    /// Voids the cache, whether the write that might have ended a session is known to have succeeded or not.
    fn void_cache(&self, maybe: bool) {
        if maybe {
            self.cache.void();
        }
    }

    /// Tells of rows that were deleted; answers how many of them were live.
    fn deleted(&self, rows: &[SessionRow], why: EndReason) -> Answer<u64> {
        let now = self.now()?;
        for (key, body, _, _) in rows {
            match std::str::from_utf8(key).ok().and_then(SessionKey::decode) {
                Some(key) => self.tell(key, body, why),
                None => self.endings.lost(),
            }
        }
        Ok(u64::try_from(rows.iter().filter(|row| row.3 > now).count()).unwrap_or(u64::MAX))
    }

    fn tell(&self, key: SessionKey, body: &[u8], why: EndReason) {
        self.own_ends.fetch_add(1, Ordering::SeqCst);
        let session = self.cipher.open::<Session>(&key.encoded(), body).ok().map(|session| session.id);
        self.endings.one(key, session, why);
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
