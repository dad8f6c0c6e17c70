//! The end of an account by its owner: the password and as much as its factors can prove, freshly, and then a link that is mailed.
//! Following the link ends it, on whatever device.

mod confirm;

use std::time::Duration;

use super::Flows;
use super::attempt::Attempt;
use super::ceremony::stored::{Resumed, Slot};
use super::ports::{Account, Answer, DeletionLink, Letter, LinkPurpose, StoreError};
use super::reply::{CeremonyRef, Client, DeletionAsked, Locked, Outcome, Submission, WithEvents};
use super::settings::LetterBudget;
use super::verify::Verification;
use crate::auth::ceremony::{Ceremony, Step, Verdict};
use crate::auth::event::{Deed, What};
use crate::auth::factor::authenticator::{AddressKind, Enrolled};
use crate::auth::link_token::LinkToken;
use crate::auth::proof::{Factor, Method, MethodSet};
use crate::auth::session::Session;

/// How old a proof may be.
const FRESH: Duration = Duration::from_secs(300);
/// How long the link is good.
const LINK_LIVES: Duration = Duration::from_secs(1800);
/// The page of the link.
const PAGE: &str = "delete";

/// A deletion on its way, as the stores have its account now.
struct Leaving {
    ceremony: Ceremony,
    slot: Slot,
    account: Account,
    enrolled: Enrolled,
}

impl Flows {
    /// What must be proved before somebody may delete their account, any of these next; empty: nothing; `None`: their session is
    /// over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn before_deletion(&self, at: &CeremonyRef, client: &Client) -> Answer<Option<MethodSet>> {
        let (_, leaving) = self.leaving(at, client).await?;
        Ok(leaving.map(|leaving| factors_first(&leaving.ceremony)))
    }

    /// Sends the link that deletes an account, once all that comes before it is proved: in the session a moment ago, or by what
    /// comes along.
    ///
    /// # Errors
    /// A store did not answer; a link may be on its way that deletes nothing.
    pub async fn ask_deletion(
        &self,
        at: &CeremonyRef,
        given: Vec<Submission>,
        client: &Client,
    ) -> Outcome<DeletionAsked> {
        let (mut attempt, leaving) = self.leaving(at, client).await.map_err(WithEvents::none)?;
        let reply = match leaving {
            Some(leaving) => self.ask_to_leave(&mut attempt, leaving, given).await,
            None => Ok(DeletionAsked::Gone),
        };
        attempt.finish(reply)
    }

    async fn ask_to_leave(
        &self,
        attempt: &mut Attempt<'_>,
        mut leaving: Leaving,
        given: Vec<Submission>,
    ) -> Answer<DeletionAsked> {
        for submission in given {
            let submission = self.classify_code(submission);
            if let Err(answer) = self.prove_leaving(attempt, &mut leaving, submission).await? {
                return Ok(answer);
            }
        }
        let missing = factors_first(&leaving.ceremony);
        if !missing.is_empty() {
            return Ok(DeletionAsked::ProveFirst(missing));
        }
        let Some(address) = self.address_for_codes(&leaving.enrolled, AddressKind::Email).cloned() else {
            return Ok(DeletionAsked::NoAddress);
        };
        let sent = DeletionAsked::Sent { sent_to: address.masked(), expires_in: LINK_LIVES };
        let room = self.charge_asker(attempt, AddressKind::Email).await?;
        if !room || !self.charge_letter(attempt, ("deletion", LetterBudget::Proved), &address.folded(), true).await? {
            return Ok(sent);
        }
        let Leaving { ceremony, account, enrolled, .. } = leaving;
        let credentials = self.credentials(&account, &enrolled);
        let ceremony = Box::new(Ceremony { credentials, ..ceremony });
        let link = DeletionLink::Waits { ceremony, endings: account.generation.sessions };
        let token = LinkToken::mint(&self.random()?);
        attempt.intend(Deed::Sending, Some(Method::EmailCode));
        self.ports.deletions.put(&token.name(), &link, LINK_LIVES).await?;
        let url = attempt.client.letter_url(PAGE, &token);
        let letter = attempt.client.letter_link(&address.value, LinkPurpose::Deletion, url, LINK_LIVES);
        self.ports.outbox.put(&Letter::Link(letter), attempt.now, attempt.now.plus(LINK_LIVES)).await?;
        attempt.record(What::DeletionAsked);
        Ok(sent)
    }

    /// Takes one proof that came along; an inner `Err`: what is answered where it proves nothing.
    async fn prove_leaving(
        &self,
        attempt: &mut Attempt<'_>,
        leaving: &mut Leaving,
        submission: Submission,
    ) -> Answer<Result<(), DeletionAsked>> {
        let method = submission.method();
        // The address is proved by the link alone.
        if method.factor() == Factor::Reached {
            return Ok(Err(DeletionAsked::ProveFirst(factors_first(&leaving.ceremony))));
        }
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(Err(DeletionAsked::Wait(wait)));
        }
        let Leaving { ceremony, slot, account, enrolled } = leaving;
        match self.verify(attempt, account, enrolled, slot, submission).await? {
            Verification::Right(proved) => {
                self.forgive(attempt, MethodSet::EMPTY.with(proved)).await?;
                let offer = self.settings.offer_at(&ceremony.host);
                match ceremony.clone().advance(Verdict::Proved(proved), offer, attempt.now) {
                    Step::Ask(next, _) => *ceremony = next,
                    _ => return Err(StoreError::invariant("an account ended without its link")),
                }
                Ok(Ok(()))
            }
            Verification::Wrong(rejection) => Ok(Err(DeletionAsked::Rejected(rejection))),
            Verification::Locked => {
                let others = factors_first(ceremony).minus(MethodSet::EMPTY.with(method));
                let methods = MethodSet::EMPTY.with(method);
                Ok(Err(DeletionAsked::Locked(Locked { methods, others })))
            }
            Verification::Busy => Ok(Err(DeletionAsked::Busy)),
        }
    }

    /// The deletion of the account of a live session, with what was proved in it lately.
    async fn leaving<'a>(&self, at: &CeremonyRef, client: &'a Client) -> Answer<(Attempt<'a>, Option<Leaving>)> {
        let (attempt, resumed) = self.resume(at, client).await?;
        let Some(Resumed { ceremony, slot }) = resumed else { return Ok((attempt, None)) };
        let Slot::Session(_, session) = &slot else { return Ok((attempt, None)) };
        let session: Session = session.as_ref().clone();
        let Ok(account) = self.account_of(&ceremony, &slot).await? else { return Ok((attempt, None)) };
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let owned = self.factors_anywhere(&account, &enrolled);
        let ceremony = Ceremony::deletion(&session, owned, FRESH, attempt.now);
        Ok((attempt, Some(Leaving { ceremony, slot, account, enrolled })))
    }
}

/// What is to be proved before the link is sent.
fn factors_first(ceremony: &Ceremony) -> MethodSet {
    ceremony.before_deletion().iter().filter(|method| method.factor() != Factor::Reached).collect()
}
