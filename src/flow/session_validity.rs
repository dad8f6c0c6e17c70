//! Whether the owner of a session may still have it: the account is there, is not disabled, and nothing has ended what was
//! granted to it before. Asked of the database when a session is loaded, and again every few seconds; never by a request
//! that finds it asked a moment ago.
//!
//! An outage of the database ends nothing and permits nothing new: who was asked about a short while ago goes on.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::Flows;
use super::bounded_map::BoundedMap;
use super::ports::{Account, Accounts, Answer, Sessions};
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;

/// Below this age an answer counts as it is.
const NEW: Duration = Duration::from_secs(2);
/// Up to this age it counts while it is asked for anew; beyond it, a request waits for the new one. So long at most does
/// a session outlive what the database says.
const COUNTS: Duration = Duration::from_secs(5);
/// How long an answer counts while the database does not give another.
const OUTAGE: Duration = Duration::from_secs(300);
/// Between two questions that no request waits for.
const PAUSE: Duration = Duration::from_secs(1);

/// What this node knows of the owners of sessions.
pub(super) struct SessionValidity {
    accounts: Arc<dyn Accounts>,
    sessions: Arc<dyn Sessions>,
    /// When the answer was that the session may go on. Kept beside the sessions, which are loaded anew now and then.
    answered: BoundedMap<SessionKey, Timestamp>,
    /// Answers up to this time, in milliseconds, are asked for anew before they count.
    doubted: AtomicU64,
}

impl Flows {
    /// Notes that ends may have been missed: whoever was asked about before now is asked about again.
    pub fn doubt_owners(&self) {
        self.validity.doubted.store(self.now().as_millis(), Relaxed);
    }

    /// Whether the owner of a session may still have it. One who may not has lost it by this.
    ///
    /// # Errors
    /// The database did not answer, and has said nothing of this session lately.
    pub(super) async fn is_valid(&self, key: &SessionKey, session: &Arc<Session>, now: Timestamp) -> Answer<bool> {
        // The way of a warm request.
        if age(session.checked.at(), now).is_some_and(|age| age < NEW) {
            return Ok(true);
        }
        self.validity.judge(key, session, now).await
    }

    /// Whether a session was opened under what the account grants now.
    pub(super) fn is_of(session: &Session, account: &Account) -> bool {
        !account.disabled && account.generation.sessions == session.generation
    }
}

impl SessionValidity {
    pub(super) fn new(accounts: Arc<dyn Accounts>, sessions: Arc<dyn Sessions>) -> Arc<Self> {
        Arc::new(Self { accounts, sessions, answered: BoundedMap::new(100_000), doubted: AtomicU64::new(0) })
    }

    /// Notes that the database has just vouched for a session.
    pub(super) fn note(&self, key: SessionKey, now: Timestamp) {
        self.answered.put(key, now);
    }

    async fn judge(self: &Arc<Self>, key: &SessionKey, session: &Arc<Session>, now: Timestamp) -> Answer<bool> {
        let known = self.answered.get(key).unwrap_or_default().max(session.checked.at());
        let age = age(known, now);
        let doubted = known.as_millis() <= self.doubted.load(Relaxed);
        if let Some(age) = age.filter(|_| !doubted) {
            session.checked.note(known);
            if age < NEW {
                return Ok(true);
            }
            if age < COUNTS || (session.checked.is_failing() && age < OUTAGE) {
                if session.checked.begin(now, PAUSE) {
                    let (owners, key, session) = (self.clone(), *key, session.clone());
                    // A fault is noted; the request that waits next tells it.
                    tokio::spawn(async move { owners.ask(&key, &session, now).await });
                }
                return Ok(true);
            }
        }
        match self.ask(key, session, now).await {
            Err(_) if age.is_some_and(|age| age < OUTAGE) => Ok(true),
            asked => asked,
        }
    }

    async fn ask(&self, key: &SessionKey, session: &Session, now: Timestamp) -> Answer<bool> {
        let found = self.accounts.load(&session.identity.id).await;
        session.checked.fails(found.is_err());
        if found?.is_some_and(|account| Flows::is_of(session, &account)) {
            session.checked.note(now);
            self.note(*key, now);
            return Ok(true);
        }
        session.checked.note(Timestamp::default());
        self.answered.forget(key);
        // Should it not be ended now, it is asked about again when it is loaded, and answered the same.
        let _ = self.sessions.revoke(key).await;
        Ok(false)
    }
}

/// How old an answer is; `None`: there was none, or the clock was set back.
fn age(at: Timestamp, now: Timestamp) -> Option<Duration> {
    (at != Timestamp::default() && at <= now).then(|| now.since(at))
}
