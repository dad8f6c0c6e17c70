//! "This was not me", said by the link in a letter: from any device, without a session. Whoever reads the letters of a person
//! can end what is open, and no more; the link opens nothing.

use crate::auth::event::{Deed, What};
use crate::auth::link_token::LinkToken;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{AccountChange, Answer, NoticeLink};
use crate::flow::reply::{Client, Outcome, WithEvents};
use crate::flow::risk::pin_person;
use crate::risk::PinReason;

/// What became of it.
pub enum LetterDisowned {
    /// The link is not known: used, over, or never one of ours.
    Gone,
    /// The account is gone; there was nothing to end.
    AccountGone,
    Done {
        /// How many sessions ended.
        ended: u64,
    },
}

impl Flows {
    /// What the link in a letter is about. Changes nothing.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn noticed(&self, token: &LinkToken) -> Answer<Option<NoticeLink>> {
        self.ports.notice_links.load(token).await
    }

    /// Takes the word of whoever reads the letters of a person that something was not done by them: pins them at high risk,
    /// where risk is assessed, stops a recovery that waits, and ends all their sessions.
    ///
    /// # Errors
    /// A store did not answer; some sessions may still stand, and it can be said again.
    pub async fn disown_by_letter(&self, token: &LinkToken, client: &Client) -> Outcome<LetterDisowned> {
        let Some((link, taken)) = self.ports.notice_links.take_whole(token).await.map_err(WithEvents::none)? else {
            return Ok(WithEvents::none(LetterDisowned::Gone));
        };
        let mut attempt = self.begin_attempt("", None, client);
        let reply = self.disown_linked(&mut attempt, &link).await;
        if reply.is_err() {
            // It can be said again, as far as the store still lets us.
            let _ = self.ports.notice_links.put_back(token, &taken).await;
        }
        attempt.finish(reply)
    }

    async fn disown_linked(&self, attempt: &mut Attempt<'_>, link: &NoticeLink) -> Answer<LetterDisowned> {
        let Some(user) = &link.user else { return Ok(LetterDisowned::AccountGone) };
        let Some(account) = self.ports.accounts.load(user).await? else { return Ok(LetterDisowned::AccountGone) };
        self.name_attempt(attempt, &account);
        attempt.intend(Deed::Ending, None);
        // First of all: who signs in from here on is judged by it.
        if self.settings.risk.is_some() {
            pin_person(&self.ports, user, PinReason::Disowned).await?;
        }
        attempt.record(What::SignInDisowned);
        self.end_any_recovery(attempt, user).await?;
        attempt.intend(Deed::Ending, None);
        // All that a thief may hold: what is granted or under way counts by the same counts as sessions and marks.
        self.ports.accounts.change(user, AccountChange::OutstandingEnded { ends_sessions: true }).await?;
        let ended = self.ports.sessions.revoke_all(user).await?;
        attempt.record(What::SessionsRevoked);
        Ok(LetterDisowned::Done { ended })
    }
}
