//! The other sessions of somebody who changes what they sign in by: whoever else is signed in as them did so by what was
//! before (ASVS 5.0 7.4.3).

use super::Flows;
use super::attempt::Attempt;
use super::ports::Answer;
use super::reply::OtherSessions;
use crate::auth::event::{Deed, What};
use crate::auth::session::Session;
use crate::auth::user::UserId;

impl Flows {
    /// Whether a person is signed in elsewhere than in the session `own`.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn has_other_sessions(&self, user: &UserId, own: Option<&Session>) -> Answer<bool> {
        let families = self.families_of(user).await?;
        Ok(families.keys().any(|id| own.is_none_or(|own| own.id != *id)))
    }

    /// Ends the other sessions of a person, unless they are to be kept; `own`, on every host that shares it, goes on. Done
    /// before a change and once more after it: the first, so that nothing is changed where they cannot be ended; the second
    /// for those that were opened meanwhile.
    pub(in crate::flow) async fn end_other_sessions(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        own: Option<&Session>,
        others: OtherSessions,
    ) -> Answer<()> {
        if others == OtherSessions::Keep {
            return Ok(());
        }
        let mut ended = false;
        attempt.intend(Deed::Ending, None);
        for (key, kept) in self.ports.sessions.of_user(user).await? {
            let is_own = kept.is_ok_and(|session| own.is_some_and(|own| own.id == session.id));
            if !is_own {
                ended |= self.ports.sessions.revoke(&key).await?;
            }
        }
        attempt.clear_intent();
        if ended {
            attempt.record(What::SessionsRevoked);
        }
        Ok(())
    }
}
