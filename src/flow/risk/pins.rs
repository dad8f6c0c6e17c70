//! Pins: a person who said that a sign-in was not theirs, or of whom an operator knows it, counts as high risk until
//! somebody clears it.
//!
//! A pin lies beside the profile and not in it: what is learnt at the same moment cannot write over it, and what is usual can
//! be forgotten without it. It ends with the account alone, or by an operator.

use std::sync::Arc;
use std::time::Duration;

use super::profiles::{ProfileSummary, erase_profile, pin_name};
use crate::auth::event::{Deed, What};
use crate::auth::proof::RiskLevel;
use crate::auth::secret::SecretText;
use crate::auth::session::{Pinned, Session, SessionKey, SessionToken};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::{Resumed, Slot};
use crate::flow::known_browser::KnownBrowser;
use crate::flow::ports::{AccountChange, Answer, Ports};
use crate::flow::reply::{CeremonyRef, Client, Opened, Outcome, WithEvents};
use crate::risk::{Pin, PinReason, Profile};

/// A value of a moment must end: nobody waits so long.
const PIN_LASTS: Duration = Duration::from_secs(3650 * 86_400);

/// What became of "This was not me".
pub enum Disowned {
    /// The person is pinned, where there is risk, and their other sessions have ended.
    Done {
        /// The one in which it was said, under a new token and, where there is risk, of high risk; `None`: it was used from elsewhere than it was
        /// proved, and has ended too.
        opened: Option<Box<Opened>>,
        /// How many others.
        ended: u64,
    },
    /// All sessions have ended, this one too: it is unusual or used from elsewhere, and nothing in it shows that it is its owner's.
    /// Nobody is pinned.
    Ended,
    /// The session is over; the person is pinned if it ended while this was done.
    Gone,
}

/// Pins a person; one who is pinned already stays so for the first reason. Answers the pin that holds.
///
/// # Errors
/// The store did not answer.
pub async fn pin_person(ports: &Ports, user: &UserId, why: PinReason) -> Answer<Pin> {
    let pin = Pin { why, since: ports.clock.now() };
    let kept = Profile::default().with_pin(Some(pin));
    let held = ports.profiles.put_new(&pin_name(ports, user), &kept, PIN_LASTS).await?;
    Ok(held.pinned.unwrap_or(pin))
}

/// Takes the pin of a person away; `None`: there was none.
///
/// # Errors
/// The store did not answer.
pub async fn clear_pin(ports: &Ports, user: &UserId) -> Answer<Option<Pin>> {
    Ok(ports.profiles.take(&pin_name(ports, user)).await?.and_then(|kept| kept.pinned))
}

/// Forgets all that is kept of somebody whose account goes: what is usual for them, and the pin.
///
/// # Errors
/// The store did not answer.
pub async fn forget_person(ports: &Ports, user: &UserId) -> Answer<Option<ProfileSummary>> {
    let erased = erase_profile(ports, user).await?;
    clear_pin(ports, user).await?;
    Ok(erased)
}

/// Takes the pin of a person away if it is no newer than this moment; says whether it did.
pub(in crate::flow) async fn clear_older_pin(ports: &Ports, user: &UserId, than: Timestamp) -> Answer<bool> {
    let name = pin_name(ports, user);
    let older = ports.profiles.load(&name).await?.and_then(|kept| kept.pinned).is_some_and(|pin| pin.since <= than);
    Ok(older && ports.profiles.take(&name).await?.is_some())
}

impl Flows {
    /// Notes whether a password that was just proved became known, where somebody else may have it: in a browser that is not
    /// known. A list that cannot be read abstains.
    pub(in crate::flow) async fn note_breached(&self, attempt: &mut Attempt<'_>, password: &SecretText) {
        if self.settings.risk.is_some() && !attempt.device.as_ref().is_some_and(KnownBrowser::is_familiar) {
            attempt.breached = self.ports.breached.contains(password).await.unwrap_or(false);
        }
    }

    /// Takes the word of who is signed in that a sign-in was not theirs: ends their other sessions and what is outstanding, and
    /// pins them where risk is assessed. Their own goes on, then as one of high risk, for it may be the one that was not theirs.
    ///
    /// # Errors
    /// A store did not answer; the person may be pinned, and some sessions may still stand.
    pub async fn disown(&self, token: &SessionToken, session: &Arc<Session>, client: &Client) -> Outcome<Disowned> {
        let at = CeremonyRef::Session(token.clone(), session.clone());
        let (mut attempt, resumed) = self.resume(&at, client).await.map_err(WithEvents::none)?;
        let reply = match resumed {
            Some(resumed) => self.disown_in(&mut attempt, resumed).await,
            None => Ok(Disowned::Gone),
        };
        attempt.finish(reply)
    }

    async fn disown_in(&self, attempt: &mut Attempt<'_>, Resumed { ceremony, slot }: Resumed) -> Answer<Disowned> {
        let Slot::Session(key, session) = &slot else { return Ok(Disowned::Gone) };
        let user = &session.identity.id;
        if self.account_of(&ceremony, &slot).await?.is_err() {
            return Ok(Disowned::Gone);
        }
        // First of all: who signs in from here on is judged by it. Who stole a cookie or a password and has proved no more ends what
        // is open, and does not shut its owner out.
        let asked = self.before_enrolling(session, attempt.client, attempt.now).await?;
        let is_scored = self.settings.risk.is_some();
        let is_here = !is_scored || self.is_where_pinned(session, attempt.client);
        let is_shown = asked.map_or(is_here, |required| required.shortfall(&session.proofs, attempt.now).is_none());
        if is_shown {
            if is_scored {
                pin_person(&self.ports, user, PinReason::Disowned).await?;
            }
            attempt.record(What::SignInDisowned);
        }
        // With its letter; whatever of it begins from here on ends by the counts.
        self.end_any_recovery(attempt, user).await?;
        attempt.intend(Deed::Ending, None);
        // Whatever is opened or set at this moment was granted before, and is over by this.
        self.ports.accounts.change(user, AccountChange::OutstandingEnded { ends_sessions: true }).await?;
        let opened = match is_shown && is_here {
            true => self.reopen_disowned(attempt, key, session).await?,
            // A token that was copied shall not become another one here, which its owner has not.
            false => None,
        };
        let own = opened.as_ref().map(|opened| opened.token.key());
        let mut ended = 0;
        attempt.intend(Deed::Ending, None);
        for (other, _) in self.ports.sessions.of_user(user).await? {
            if Some(other) != own {
                ended += u64::from(self.ports.sessions.revoke(&other).await? && other != *key);
            }
        }
        attempt.record(What::SessionsRevoked);
        Ok(match opened.map(Box::new) {
            None if !is_shown => Disowned::Ended,
            opened => Disowned::Done { opened, ended },
        })
    }

    /// The same session, as one of high risk where it was pinned if there is risk; `None`: it ended meanwhile.
    async fn reopen_disowned(
        &self,
        attempt: &mut Attempt<'_>,
        key: &SessionKey,
        session: &Session,
    ) -> Answer<Option<Opened>> {
        let user = &session.identity.id;
        let Ok(account) = self.standing_account(user).await? else { return Ok(None) };
        let enrolled = self.ports.authenticators.of(user).await?;
        let credentials = self.credentials(&account, &enrolled);
        let (level, at) = (RiskLevel::High, attempt.now);
        let pinned = match &session.pinned {
            Some(pinned) if self.settings.risk.is_some() => Some(Pinned { level, at, ..pinned.clone() }),
            Some(pinned) => Some(pinned.clone()),
            None => self.pin(attempt.client, level, at),
        };
        let risen = Slot::Session(*key, Arc::new(Session { pinned, ..session.clone() }));
        self.reopen(attempt, &account, credentials, &risen).await
    }
}
