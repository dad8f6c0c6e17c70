//! The link that deletes an account. That it does so once, the database says: whoever follows it again, or at the same moment, finds
//! the account gone. So a fault on the way loses no link, and tells nobody that something is done that is not.

use super::LINK_LIVES;
use crate::auth::ceremony::{Ceremony, Complete, Step, Verdict};
use crate::auth::event::{Deed, Event, RejectReason, What};
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::erasure::{delete_account, forget_account};
use crate::flow::ports::{Answer, AuditEntry, DeletionLink, Records};
use crate::flow::reply::{Client, DeletionConfirmed, DeletionSeen, Outcome};

const METHOD: Method = Method::EmailCode;

impl Flows {
    /// What a link leads to on this host; it goes on waiting.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn waiting_deletion(&self, token: &LinkToken, client: &Client) -> Answer<DeletionSeen> {
        Ok(match self.ports.deletions.load(&token.name()).await? {
            Some(DeletionLink::Waits { ceremony, .. }) if ceremony.host == client.host => DeletionSeen::Waits,
            Some(_) => DeletionSeen::Over,
            None if self.is_done(token).await? => DeletionSeen::Done,
            None => DeletionSeen::Over,
        })
    }

    /// Follows the link: the account ends.
    ///
    /// # Errors
    /// A store did not answer: the account is there and the link waits on, or it is gone, which the same link tells.
    pub async fn confirm_deletion(&self, token: &LinkToken, client: &Client) -> Outcome<DeletionConfirmed> {
        let mut attempt = self.begin_attempt("", None, client);
        // Nothing that is written of this names anybody.
        attempt.username = None;
        let reply = self.delete(&mut attempt, token).await;
        attempt.finish(reply)
    }

    async fn delete(&self, attempt: &mut Attempt<'_>, token: &LinkToken) -> Answer<DeletionConfirmed> {
        let name = token.name();
        let Some(DeletionLink::Waits { ceremony, endings }) = self.ports.deletions.load(&name).await? else {
            return Ok(if self.is_done(token).await? { DeletionConfirmed::AlreadyDone } else { over(attempt) });
        };
        let Some(user) = ceremony.who.user().cloned() else { return Ok(over(attempt)) };
        if ceremony.host != attempt.client.host {
            return Ok(over(attempt));
        }
        if !self.is_unchanged(&user, &ceremony, endings).await? && self.ports.accounts.load(&user).await?.is_some() {
            return Ok(over(attempt));
        }
        let offer = self.settings.offer_at(&ceremony.host);
        let step = ceremony.advance(Verdict::Proved(METHOD), offer, attempt.now);
        let Step::Complete(Complete::Erase(proved)) = step else { return Ok(over(attempt)) };
        let Some(erasure) = proved.erasure() else { return Ok(over(attempt)) };
        let letters = self.deletion_notices(attempt, &user).await?.letters;
        attempt.user = Some(user);
        attempt.intend(Deed::Ending, None);
        let records = Records { entries: vec![tombstone(attempt)], letters };
        let (was_there, username) = delete_account(&self.ports, &erasure, &records).await?;
        // Before the link itself goes, so that nobody finds neither. Where it stays for a fault it leads to the same answer.
        self.ports.deletions.put(&done(&name), &DeletionLink::Done, LINK_LIVES).await?;
        let _ = self.ports.deletions.take(&name).await;
        let ended = forget_account(&self.ports, &erasure, username.as_ref()).await;
        attempt.clear_intent();
        if ended.is_some_and(|ended| ended > 0) {
            attempt.record(What::SessionsRevoked);
        }
        Ok(if was_there { DeletionConfirmed::Erased } else { DeletionConfirmed::AlreadyDone })
    }

    /// Whether an account proves itself by what it did when the link was sent, and its sessions were not ended since.
    async fn is_unchanged(&self, user: &UserId, ceremony: &Ceremony, endings: u64) -> Answer<bool> {
        let person = self.unchanged_person(user, &ceremony.credentials).await?;
        Ok(person.is_some_and(|person| person.account.generation.sessions == endings))
    }

    async fn deletion_notices(&self, attempt: &Attempt<'_>, user: &UserId) -> Answer<Records> {
        let Some(account) = self.ports.accounts.load(user).await? else { return Ok(Records::default()) };
        let enrolled = self.ports.authenticators.of(user).await?;
        let who = (user, &account.identity.username);
        self.notices_to(attempt, who, NoticeKind::AccountDeleted, &enrolled).await
    }

    async fn is_done(&self, token: &LinkToken) -> Answer<bool> {
        Ok(self.ports.deletions.load(&done(&token.name())).await?.is_some())
    }
}

/// What the trail keeps of it: when, from where, and an id that says nothing.
fn tombstone(attempt: &Attempt<'_>) -> AuditEntry {
    let event = Event {
        what: What::AccountDeleted,
        user: attempt.user.clone(),
        username: None,
        client_ip: Some(attempt.client.ip),
        session: None,
        browser: None,
        risk: None,
        by: None,
        agent: None,
        form: None,
        is_written: false,
        learnt: false,
    };
    (attempt.now, None, event)
}

/// What is kept of a link that was followed, for as long as it would have been good.
fn done(name: &str) -> String {
    format!("done:{name}")
}

fn over(attempt: &mut Attempt<'_>) -> DeletionConfirmed {
    attempt.record(What::ProofRejected { method: METHOD, reason: RejectReason::NoCode });
    DeletionConfirmed::Over
}
