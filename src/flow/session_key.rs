//! What became of a session behind something that lasts.

use super::Flows;
use super::ports::Answer;
use crate::auth::session::{Session, SessionKey, Standing};

impl Flows {
    /// Under which key a session stands that stood under `key`: this one, or the one that a step-up gave it; `None`
    /// once it has ended. Notes no use.
    ///
    /// # Errors
    /// The store did not answer: nothing is known.
    pub async fn current_key(&self, key: &SessionKey, session: &Session) -> Answer<Option<SessionKey>> {
        let now = self.now();
        if self.session_under(now, key, session.channel, &session.host, true).await?.is_some() {
            return Ok(Some(*key));
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
        Ok(self.session_under(now, &raised, session.channel, &session.host, true).await?.map(|_| raised))
    }
}
