//! What became of a session behind something that lasts.

use std::sync::Arc;
use std::time::Duration;

use super::Flows;
use super::ports::Answer;
use crate::auth::session::{Session, SessionKey, Standing};

impl Flows {
    /// The session that stood under `key` and the key under which it stands: this one, or the one that a step-up gave it;
    /// `None` once it has ended. Notes a use if it is `used`.
    ///
    /// # Errors
    /// The store did not answer: nothing is known.
    pub async fn follow(
        &self,
        key: &SessionKey,
        session: &Session,
        used: bool,
    ) -> Answer<Option<(SessionKey, Arc<Session>)>> {
        let now = self.now();
        if let Some(found) = self.session_under(now, key, session.channel, &session.host, !used).await? {
            return Ok(Some((*key, found)));
        }
        let same = |other: &Session| {
            other.id == session.id
                && other.host == session.host
                && self.settings.session.standing(other, now) == Standing::Live
        };
        let others = self.ports.sessions.of_user(&session.identity.id).await?;
        let raised = others.into_iter().find(|(other, kept)| other != key && kept.as_ref().is_ok_and(same));
        let Some((raised, _)) = raised else { return Ok(None) };
        // A store may list what it would not give out.
        let found = self.session_under(now, &raised, session.channel, &session.host, !used).await?;
        Ok(found.map(|found| (raised, found)))
    }

    /// In how long a session ends if it is not used again, and how long after a use another one is to be noted.
    pub fn lifetime_of(&self, session: &Session) -> (Duration, Duration) {
        let lifetimes = &self.settings.session;
        (lifetimes.ends_at(session).since(self.now()), lifetimes.touch_after())
    }
}
