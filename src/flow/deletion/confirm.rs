//! The link that deletes an account: taken once, and put back where the database could not do it.

use super::LINK_LIVES;
use crate::auth::ceremony::{Ceremony, Complete, Erasure, Step, Verdict};
use crate::auth::event::{Deed, Event, RejectReason, What};
use crate::auth::link_token::LinkToken;
use crate::auth::proof::Method;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::erasure::erase_account;
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
        let Some(DeletionLink::Waits { ceremony, .. }) = self.ports.deletions.load(&name).await? else {
            return Ok(if self.is_done(token).await? { DeletionConfirmed::AlreadyDone } else { over(attempt) });
        };
        if ceremony.host != attempt.client.host {
            return Ok(over(attempt));
        }
        // Before it is taken, so that nobody finds neither.
        self.ports.deletions.put(&done(&name), &DeletionLink::Done, LINK_LIVES).await?;
        attempt.intend(Deed::Spending, Some(METHOD));
        let Some((link, taken)) = self.ports.deletions.take_whole(&name).await? else {
            attempt.clear_intent();
            return Ok(DeletionConfirmed::AlreadyDone);
        };
        let DeletionLink::Waits { ceremony, endings } = link else { return Ok(over(attempt)) };
        match self.end_account(attempt, *ceremony, endings).await {
            Ok(Some(())) => Ok(DeletionConfirmed::Erased),
            Ok(None) => {
                self.ports.deletions.take(&done(&name)).await?;
                Ok(over(attempt))
            }
            Err(fault) => {
                // It may be done or not: whoever follows the link again finds out.
                self.ports.deletions.put_back(&name, &taken).await?;
                Err(fault)
            }
        }
    }

    /// `None`: the account proves itself by something else by now, or all its sessions were ended since.
    async fn end_account(&self, attempt: &mut Attempt<'_>, ceremony: Ceremony, endings: u64) -> Answer<Option<()>> {
        let Some(user) = ceremony.who.user().cloned() else { return Ok(None) };
        // Where the account is gone already, what is left of it is taken away.
        if self.ports.accounts.load(&user).await?.is_some() {
            let person = self.unchanged_person(&user, &ceremony.credentials).await?;
            if person.is_none_or(|person| person.account.generation.sessions != endings) {
                return Ok(None);
            }
        }
        let offer = self.settings.offer_at(&ceremony.host);
        let step = ceremony.advance(Verdict::Proved(METHOD), offer, attempt.now);
        let Step::Complete(Complete::Erase(proved)) = step else { return Ok(None) };
        let Some(erasure) = proved.erasure() else { return Ok(None) };
        self.erase(attempt, user, &erasure).await.map(Some)
    }

    async fn erase(&self, attempt: &mut Attempt<'_>, user: UserId, erasure: &Erasure) -> Answer<()> {
        attempt.user = Some(user);
        attempt.intend(Deed::Ending, None);
        let erased = erase_account(&self.ports, erasure, &Records::entries(vec![tombstone(attempt)])).await?;
        attempt.clear_intent();
        if erased.ended.is_some_and(|ended| ended > 0) {
            attempt.record(What::SessionsRevoked);
        }
        Ok(())
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
        form: None,
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
