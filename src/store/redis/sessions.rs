//! Sessions.

use std::sync::Arc;

use ::redis::ScriptInvocation;
use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::connection::of_type;
use super::metrics::Verb;
use super::session_record::{self, SessionFields};
use super::{Redis, millis};
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, End, Ended, RECORD_VERSION, Sessions};
use crate::store::admin::counts::{SAMPLE_SIZE, SessionSample};
use crate::store::unreadable::{ReadError, Unreadable};

const SESSION: &str = "s1:";
/// Remembers how a session ended.
const END: &str = "e1:";
const INDEX: &str = "u1:";
/// How many steps a walk over the keys takes at most.
const WALK: usize = 500;

/// A text as a glob of Redis that means itself.
pub(super) fn glob_free(text: &str) -> String {
    text.chars()
        .flat_map(|c| matches!(c, '*' | '?' | '[' | ']' | '\\' | '^').then_some('\\').into_iter().chain([c]))
        .collect()
}

#[async_trait]
impl Sessions for Redis {
    async fn load(&self, key: &SessionKey) -> Answer<Option<Arc<Session>>> {
        if let Some(session) = self.cache.get(key, self.clock.now()) {
            return Ok(Some(session));
        }
        let generation = self.cache.generation(key);
        let mut cmd = ::redis::cmd("HMGET");
        cmd.arg(self.key(SESSION, &key.encoded())).arg(&["d", "s", "e"]);
        let held: Answer<SessionFields> =
            self.connection.run(Verb::Load, |mut c| async move { of_type(cmd.query_async(&mut c).await) }).await?;
        let read = held.map_err(ReadError::Broken).and_then(|f| session_record::session(&self.cipher, key, &f));
        match read {
            Ok(None) => Ok(None),
            Ok(Some((session, ends_at))) => {
                self.cache.put(*key, generation, ends_at, &session);
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
        let mut cmd = ::redis::cmd("GET");
        cmd.arg(self.key(END, &key.encoded()));
        let held: Answer<Option<String>> =
            self.connection.run(Verb::Load, |mut c| async move { of_type(cmd.query_async(&mut c).await) }).await?;
        // What is no such pair tells nothing.
        let held = held.ok().flatten();
        let pair = held.as_deref().and_then(|text| text.split_once(':'));
        let at = |text: &str| text.parse().ok().map(Timestamp::from_millis);
        Ok(pair.and_then(|(seen, ends)| Some(End { seen_at: at(seen)?, ends_at: at(ends)? })))
    }

    async fn replace(
        &self,
        old: Option<&SessionKey>,
        new: &SessionKey,
        session: &Session,
        ends_at: Timestamp,
    ) -> Answer<bool> {
        let (name, owner) = (new.encoded(), self.cipher.owner(&session.identity.id)?);
        let record = self.cipher.seal(&name, session)?;
        let mut call = self.scripts.replace.prepare_invoke();
        call.key(self.key(SESSION, &name)).key(self.key(INDEX, &owner));
        call.arg(&self.prefix).arg(name).arg(record);
        call.arg(session.seen_at.as_millis()).arg(ends_at.as_millis()).arg(self.life(ends_at));
        call.arg(owner).arg(self.channel()).arg(RECORD_VERSION);
        if let Some(old) = old {
            call.key(self.key(SESSION, &old.encoded())).arg(old.encoded());
        }
        let opened = self.invoke(Verb::Replace, call).await;
        // Also after a fault: the script may have run.
        for key in old.into_iter().chain([new]) {
            self.cache.end(key);
        }
        opened
    }

    async fn touch(&self, key: &SessionKey, seen_at: Timestamp, ends_at: Timestamp) -> Answer<()> {
        let name = key.encoded();
        let mut call = self.scripts.touch.prepare_invoke();
        call.key(self.key(SESSION, &name)).arg(&self.prefix).arg(name);
        call.arg(seen_at.as_millis()).arg(ends_at.as_millis()).arg(self.life(ends_at));
        let noted: Answer<bool> = self.invoke(Verb::Touch, call).await;
        self.cache.forget(key);
        noted.map(|_| ())
    }

    fn ended(&self) -> BoxStream<'static, Ended> {
        self.endings.stream()
    }

    async fn revoke(&self, key: &SessionKey) -> Answer<bool> {
        self.end(key, None).await
    }

    async fn supersede(&self, key: &SessionKey, by: &SessionKey) -> Answer<bool> {
        self.end(key, Some(by)).await
    }

    async fn revoke_all(&self, user: &UserId) -> Answer<u64> {
        let mut call = self.scripts.revoke_all.prepare_invoke();
        for index in self.indexes(user) {
            call.key(index);
        }
        call.arg(&self.prefix).arg(self.channel());
        let ended: Answer<Vec<String>> = self.invoke(Verb::RevokeAll, call).await;
        // Which ones, a fault does not tell.
        let ended = ended.inspect_err(|_| self.cache.end_all())?;
        for name in &ended {
            match SessionKey::decode(name) {
                Some(key) => self.cache.end(&key),
                None => self.cache.end_all(),
            }
        }
        Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
    }

    async fn of_user(&self, user: &UserId) -> Answer<Vec<(SessionKey, Answer<Session>)>> {
        let mut call = self.scripts.of_user.prepare_invoke();
        for index in self.indexes(user) {
            call.key(index);
        }
        call.arg(&self.prefix);
        let found: Vec<(String, SessionFields)> = self.invoke(Verb::OfUser, call).await?;
        let mut sessions = Vec::with_capacity(found.len());
        for (name, fields) in &found {
            // No token has a digest that is none.
            let Some(key) = SessionKey::decode(name) else { continue };
            if let Some(read) = session_record::session(&self.cipher, &key, fields).transpose() {
                let read = read.map(|(session, _)| Arc::unwrap_or_clone(session));
                sessions.push((key, read.map_err(Into::into)));
            }
        }
        Ok(sessions)
    }
}

impl Redis {
    async fn end(&self, key: &SessionKey, by: Option<&SessionKey>) -> Answer<bool> {
        let name = key.encoded();
        let mut call = self.scripts.revoke.prepare_invoke();
        call.key(self.key(SESSION, &name)).arg(&self.prefix).arg(name).arg(self.channel());
        if let Some(by) = by {
            call.arg(by.encoded());
        }
        let ended = self.invoke(Verb::Revoke, call).await;
        self.cache.end(key);
        ended
    }

    /// How many sessions there are, and some of them. Walks the keys a thousand at a time, so that nobody waits for
    /// it, and stops after [`WALK`] steps: what was not reached by then is not counted.
    pub(super) async fn sample(&self) -> Answer<SessionSample> {
        let prefix = self.key(SESSION, "");
        let pattern = format!("{}*", glob_free(&prefix));
        let (mut total, mut names, mut cursor) = (0_u64, Vec::<String>::new(), 0_u64);
        for _ in 0..WALK {
            let mut cmd = ::redis::cmd("SCAN");
            cmd.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
            let (next, found): (u64, Vec<String>) =
                self.connection.run(Verb::Scan, |mut c| async move { cmd.query_async(&mut c).await }).await?;
            total = total.saturating_add(u64::try_from(found.len()).unwrap_or(u64::MAX));
            let room = SAMPLE_SIZE.saturating_sub(names.len());
            names.extend(found.into_iter().take(room));
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        let mut all = ::redis::pipe();
        for name in &names {
            all.cmd("HMGET").arg(name).arg(&["d", "s", "e"]);
        }
        let fields: Vec<SessionFields> = if names.is_empty() {
            Vec::new()
        } else {
            self.connection.run(Verb::Scan, |mut c| async move { all.query_async(&mut c).await }).await?
        };
        let mut some = Vec::with_capacity(fields.len());
        for (name, fields) in names.iter().zip(&fields) {
            // One that ended meanwhile, or cannot be read, is none to look at.
            let Some(key) = name.strip_prefix(&prefix).and_then(SessionKey::decode) else { continue };
            if let Ok(Some((session, _))) = session_record::session(&self.cipher, &key, fields) {
                some.push(Arc::unwrap_or_clone(session));
            }
        }
        Ok(SessionSample { total, sessions: some })
    }

    pub(super) async fn query<T: ::redis::FromRedisValue>(&self, verb: Verb, cmd: ::redis::Cmd) -> Answer<T> {
        self.connection.run(verb, |mut c| async move { cmd.query_async(&mut c).await }).await
    }

    /// Calls a script; gives Redis its text when it does not know it, within the same deadline.
    pub(super) async fn invoke<T: ::redis::FromRedisValue>(&self, verb: Verb, call: ScriptInvocation<'_>) -> Answer<T> {
        self.connection.run(verb, |mut c| async move { call.invoke_async(&mut c).await }).await
    }

    /// Where the sessions of a person are listed: under each master key in one place.
    fn indexes(&self, user: &UserId) -> Vec<String> {
        self.cipher.owners(user).iter().map(|owner| self.key(INDEX, owner)).collect()
    }

    fn channel(&self) -> String {
        self.key("x1", "")
    }

    /// How long until `ends_at`, as Redis takes it.
    fn life(&self, ends_at: Timestamp) -> u64 {
        millis(ends_at.since(self.clock.now()))
    }
}
