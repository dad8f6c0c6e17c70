//! Sessions, as the flows ask for them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::{Answer, StoreError};
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// How long the end of a session is remembered, so that its owner can be told how it ended.
pub const REMEMBERED: Duration = Duration::from_secs(12 * 3600);

/// How often it is looked for more of a session that is to end everywhere.
const FAMILY_ROUNDS: u32 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When it was used last, as far as that was noted.
    pub seen_at: Timestamp,
    /// When it ended, if it was not ended before.
    pub ends_at: Timestamp,
}

/// What a store tells of sessions that end, on whatever node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// This one.
    One {
        /// Under which it was kept.
        key: SessionKey,
        /// Its id, which goes on where it was replaced; `None` where the store could not tell.
        session: Option<String>,
        why: EndReason,
    },
    /// Some may have ended that nobody told of: whoever keeps a session reads it again.
    Lost,
}

/// Why a session ended under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It goes on under another key; `None` where a node of the version before does not say which.
    Replaced { by: Option<SessionKey> },
    /// Somebody ended it.
    Revoked,
    /// A node of the version before does not say.
    Unknown,
}

/// Sessions, by the digest of their token.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The session of a key; expired ones may still be returned, the caller judges their standing.
    async fn load(&self, key: &SessionKey) -> Answer<Option<Arc<Session>>>;
    /// Opens `new`; where `old` is given, consumes it in the same atomic step.
    /// `false`: `old` was not there any more, and nothing was opened.
    async fn replace(
        &self,
        old: Option<&SessionKey>,
        new: &SessionKey,
        session: &Session,
        ends_at: Timestamp,
    ) -> Answer<bool>;
    /// When a session was used last and when it ended or will end, for half a day after that. `None`: it was ended before
    /// its time, or never was.
    async fn end_of(&self, key: &SessionKey) -> Answer<Option<End>>;
    /// Notes a use. Does nothing if the session is gone (never revives one).
    async fn touch(&self, key: &SessionKey, seen_at: Timestamp, ends_at: Timestamp) -> Answer<()>;
    /// Every end from now on, as it becomes known. A session that expires is not told of.
    fn ended(&self) -> BoxStream<'static, Ended>;
    /// Ends one session. `false` if it was not there.
    async fn revoke(&self, key: &SessionKey) -> Answer<bool>;
    /// Ends one that goes on, on its host, under the key of another row. `false` if it was not there.
    async fn supersede(&self, key: &SessionKey, by: &SessionKey) -> Answer<bool>;
    /// Ends every session of a person; says how many.
    async fn revoke_all(&self, user: &UserId) -> Answer<u64>;
    /// Ends the session of this id on every host that shares it; says on how many. One that a ticket opens meanwhile ends too:
    /// it looks for its family once more after it was opened (ADR 0024), and this looks once more after each ending.
    async fn revoke_family(&self, user: &UserId, id: &str) -> Answer<u64> {
        let mut ended = 0;
        for _ in 0..FAMILY_ROUNDS {
            let all = self.of_user(user).await?;
            let of_family = |kept: &Answer<Session>| kept.as_ref().is_ok_and(|session| session.id == id);
            let family: Vec<SessionKey> = all.iter().filter(|(_, kept)| of_family(kept)).map(|(key, _)| *key).collect();
            if family.is_empty() {
                return Ok(ended);
            }
            for key in &family {
                ended += u64::from(self.revoke(key).await?);
            }
        }
        Err(StoreError::invariant("a session is opened faster than it can be ended"))
    }
    /// The sessions of a person; in place of one that cannot be read, why. It is left as it is.
    async fn of_user(&self, user: &UserId) -> Answer<Vec<(SessionKey, Answer<Session>)>>;
}
