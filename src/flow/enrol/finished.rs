//! What was completed a moment ago, so that whoever sends the same again is told so, and not that it was wrong. Nothing that
//! was shown once is kept for it.

use crate::auth::ceremony::{Ceremony, Parent};
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::ports::Answer;
use crate::flow::reply::{CeremonyRef, Client};

impl CeremonyRef {
    /// In which of them something is set up.
    fn parent(&self) -> Parent {
        match self {
            Self::SignIn(token) => Parent::SignIn(token.key()),
            Self::Session(_, session) => Parent::Session(session.id.clone()),
        }
    }
}

impl Flows {
    /// Notes that `what` was completed there; for the rest of the time of `ceremony`.
    pub(super) async fn note_finished(
        &self,
        parent: &Parent,
        what: &str,
        ceremony: &Ceremony,
        now: Timestamp,
    ) -> Answer<()> {
        let noted = Ceremony { started_at: now, ..ceremony.clone().enrolment(parent.clone(), None) };
        self.replace_enrolment(&parent.finished_key(what), &noted, now).await
    }

    /// Whether `what` was completed there by whoever asks.
    pub(super) async fn is_finished(&self, at: &CeremonyRef, what: &str, client: &Client) -> Answer<bool> {
        Ok(self.stored_ceremony(&at.parent().finished_key(what), client, self.now()).await?.is_some())
    }
}
