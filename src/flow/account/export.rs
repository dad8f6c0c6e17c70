//! All that is held of a person, for them alone: what somebody else could sign in with is named, and never read.

use crate::auth::event::What;
use crate::auth::history::ActivityCursor;
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::enrol::Enrollee;
use crate::flow::erasure::recipients;
use crate::flow::ports::{Answer, RecoveryRef};
use crate::flow::reply::{AccountExport, CeremonyRef, Client, Exported, Outcome, WithEvents};
use crate::flow::risk::profile_summary;

/// How many rows of the trail are read at once, and the most that one export holds.
const ROWS: u32 = 1000;
const MOST_ROWS: usize = 20_000;

impl Flows {
    /// All that is held of the owner of a session: a privilege as a change is, for it tells where they were.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn export(&self, at: &CeremonyRef, client: &Client) -> Outcome<Exported> {
        let (mut attempt, enrollee) = self.enrollee(at, client).await.map_err(WithEvents::none)?;
        let reply = match enrollee {
            None => Ok(Exported::Gone),
            Some(who) => match self.missing_for_change(&who, attempt.now) {
                Some(methods) => Ok(Exported::ProveFirst(methods)),
                None => self.gather(&mut attempt, &who, at).await,
            },
        };
        attempt.finish(reply)
    }

    async fn gather(&self, attempt: &mut Attempt<'_>, who: &Enrollee, at: &CeremonyRef) -> Answer<Exported> {
        let Slot::Session(_, session) = &who.slot else { return Ok(Exported::Gone) };
        let Some(overview) = self.overview(session).await? else { return Ok(Exported::Gone) };
        let user = &session.identity.id;
        let (mut activity, mut next) = (Vec::new(), Some(ActivityCursor::from(attempt.now)));
        while let Some(cursor) = next.filter(|_| activity.len() < MOST_ROWS) {
            let page = self.ports.history.activity(user, Timestamp::default(), cursor, ROWS).await?;
            activity.extend(page.rows);
            next = page.next;
        }
        let recipients = recipients(&overview.enrolled);
        let enrolment_code = self.enrolment_code_good_for(user).await?;
        let export = AccountExport {
            at: attempt.now,
            overview,
            sessions: self.sessions_of(session).await?,
            browsers: self.browsers_of(session, attempt.client).await?,
            risk: profile_summary(&self.ports, user).await?,
            activity,
            activity_is_whole: next.is_none(),
            address_to_confirm: self.address_to_confirm(at, attempt.client).await?,
            app_to_confirm: self.pending_totp(at, attempt.client).await?.is_some(),
            origin: self.ports.sign_ups.origin(user).await?,
            letters: self.ports.outbox.kinds_for(&recipients).await?,
            recovery: self.ports.recoveries.waiting(RecoveryRef::Of(user), attempt.now).await?,
            recovery_code_until: self.ports.recoveries.issued(user, attempt.now).await?,
            enrolment_code_until: enrolment_code.map(|left| attempt.now.plus(left)),
            wrong_codes: self.ports.lockouts.remembered(user).await?,
        };
        attempt.record(What::DataExported);
        Ok(Exported::Whole(Box::new(export)))
    }
}
