//! Sessions: a hash each, indexed by owner.

use std::sync::Arc;

use async_trait::async_trait;

use super::{RedisState, broken, px, to_json, unreadable};
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, Sessions};

const SESSION: &str = "s1:";
const INDEX: &str = "u1:";

/// `body`, `seen_at`, `ends_at`, as Redis keeps them.
type Fields = (Option<String>, Option<u64>, Option<u64>);

#[async_trait]
impl Sessions for RedisState {
    async fn load(&self, key: &SessionKey) -> Answer<Option<Arc<Session>>> {
        let now = self.now();
        if let Some(session) = self.cache.get(key, now) {
            return Ok(Some(session));
        }
        let epoch = self.cache.epoch();
        let Some((session, ends_at)) = self.read(&key.encoded()).await? else { return Ok(None) };
        let session = Arc::new(session);
        self.cache.put(*key, epoch, session.clone(), ends_at);
        Ok(Some(session))
    }

    async fn replace(
        &self,
        old: Option<&SessionKey>,
        new: &SessionKey,
        session: &Session,
        ends_at: Timestamp,
    ) -> Answer<bool> {
        let now = self.now();
        let (digest, user) = (new.encoded(), &session.identity.id.0);
        let mut script = self.scripts.replace.prepare_invoke();
        script.key(self.key(SESSION, &digest)).key(self.key(INDEX, user));
        script.arg(to_json(session)?).arg(user).arg(session.seen_at.as_millis()).arg(ends_at.as_millis());
        script.arg(px(ends_at.since(now))).arg(&digest).arg(now.as_millis()).arg(self.channel());
        if let Some(old) = old {
            script.key(self.key(SESSION, &old.encoded())).arg(old.encoded());
        }
        let answer: Answer<u8> = self.link.run(&script).await;
        // Even a fault may have consumed the old one.
        if let Some(old) = old {
            self.cache.forget(old);
        }
        Ok(answer? == 1)
    }

    async fn touch(&self, key: &SessionKey, seen_at: Timestamp, ends_at: Timestamp) -> Answer<()> {
        let digest = key.encoded();
        let mut script = self.scripts.touch.key(self.key(SESSION, &digest));
        script.arg(seen_at.as_millis()).arg(ends_at.as_millis()).arg(px(ends_at.since(self.now())));
        script.arg(&digest).arg(self.key(INDEX, ""));
        let _: u8 = self.link.run(&script).await?;
        self.cache.forget(key);
        Ok(())
    }

    async fn revoke(&self, key: &SessionKey) -> Answer<bool> {
        let digest = key.encoded();
        let mut script = self.scripts.revoke.key(self.key(SESSION, &digest));
        script.arg(&digest).arg(self.key(INDEX, "")).arg(self.channel()).arg(self.now().as_millis());
        let answer: Answer<u8> = self.link.run(&script).await;
        self.cache.forget(key);
        Ok(answer? == 1)
    }

    async fn revoke_all(&self, user: &UserId) -> Answer<u64> {
        let known = self.members(user).await?;
        let mut script = self.scripts.revoke_all.key(self.key(INDEX, &user.0));
        script.arg(self.key(SESSION, "")).arg(self.channel()).arg(self.now().as_millis());
        let answer = self.link.run(&script).await;
        // The push tells this node too; whoever asked must not have to wait for it.
        for key in known.iter().filter_map(|digest| SessionKey::decode(digest)) {
            self.cache.forget(&key);
        }
        answer
    }

    async fn of_user(&self, user: &UserId) -> Answer<Vec<(SessionKey, Session)>> {
        let mut found = Vec::new();
        for digest in self.members(user).await? {
            let key = SessionKey::decode(&digest).ok_or_else(|| broken(&self.key(INDEX, &user.0), "no digest"))?;
            if let Some((session, _)) = self.read(&digest).await? {
                found.push((key, session));
            }
        }
        found.sort_by_key(|(_, session)| std::cmp::Reverse(session.seen_at));
        Ok(found)
    }
}

impl RedisState {
    async fn members(&self, user: &UserId) -> Answer<Vec<String>> {
        self.link.ask(::redis::cmd("ZRANGE").arg(self.key(INDEX, &user.0)).arg(0).arg(-1)).await
    }

    /// Reads a session past the cache; `None` if it is not there or over.
    async fn read(&self, digest: &str) -> Answer<Option<(Session, Timestamp)>> {
        let key = self.key(SESSION, digest);
        let command = ["body", "seen_at", "ends_at"];
        let (body, seen_at, ends_at): Fields = self.link.ask(::redis::cmd("HMGET").arg(&key).arg(&command)).await?;
        let (Some(body), Some(seen_at), Some(ends_at)) = (body, seen_at, ends_at) else { return Ok(None) };
        let mut session: Session = serde_json::from_str(&body).map_err(|cause| unreadable(&key, &cause))?;
        session.seen_at = Timestamp::from_millis(seen_at);
        let ends_at = Timestamp::from_millis(ends_at);
        Ok((ends_at > self.now()).then_some((session, ends_at)))
    }
}
