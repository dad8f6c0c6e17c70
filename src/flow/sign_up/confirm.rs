//! The confirmation of a sign-up: from here on there is an account, and not before.

use super::begin::{DIGITS, new_username};
use super::claims::Marked;
use super::{ANOTHER_NAME_LIVES, ClaimedBy, ReachedBy, SIGN_UP_LIVES, SignUpConfirmed, SignUpMistake, WaitingSignUp};
use crate::auth::address::mail_address;
use crate::auth::event::{Deed, RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::factor::sent_code;
use crate::auth::handoff::BindingToken;
use crate::auth::link_token::LinkToken;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::Username;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Answer, Attempted, Claim, LetterKey, Made, Origin, SignUpKey, SignUpLink};
use crate::flow::reply::{Client, Outcome};
use crate::flow::risk::SignInGoal;
use crate::flow::sign_up::open::NewPerson;

/// What somebody confirms a sign-up with.
pub struct Confirmation<'a> {
    pub reached: ReachedBy<'a>,
    pub by: ClaimedBy,
    /// Another user name than the one that was given before.
    pub username: Option<&'a str>,
    /// Whether a second factor is wanted at once, if that was not said before.
    pub enable_mfa: Option<bool>,
}

impl Flows {
    /// Confirms a sign-up, or accepts an invitation, and signs its owner in by what was proved.
    ///
    /// # Errors
    /// A store did not answer; there is an account only if the last write to the database did.
    pub async fn confirm_sign_up(
        &self,
        given: Confirmation<'_>,
        goal: impl Into<SignInGoal>,
        client: &Client,
    ) -> Outcome<SignUpConfirmed> {
        let name = match &given.reached {
            ReachedBy::Link(token) => format!("sign-up link {}", token.name()),
            ReachedBy::Code { email, .. } => format!("sign-up code {}", self.sign_up_key(email).0),
        };
        let goal = goal.into();
        let mut attempt = self.begin_attempt(&name, None, client);
        let reply = self.confirm_signing_up(&mut attempt, given, &goal).await;
        attempt.finish(reply)
    }

    async fn confirm_signing_up(
        &self,
        attempt: &mut Attempt<'_>,
        given: Confirmation<'_>,
        goal: &SignInGoal,
    ) -> Answer<SignUpConfirmed> {
        if let Some(wait) = self.charge(attempt, Method::EmailCode).await? {
            return Ok(SignUpConfirmed::Wait(wait));
        }
        match given.reached {
            ReachedBy::Link(token) => {
                let name = LetterKey(token.name());
                match self.ports.sign_up_links.load(&name).await? {
                    Some(SignUpLink { done: true, .. }) => Ok(SignUpConfirmed::AlreadyDone),
                    Some(link) => self.confirm_by_link(attempt, (token, name), &link.leads_to, given, goal).await,
                    None => self.accept_invitation(attempt, token, given, goal).await,
                }
            }
            ReachedBy::Code { email, code } => {
                let key = self.sign_up_key(email);
                let code = code.clone();
                self.confirm_by_code(attempt, &key, &code, given, goal).await
            }
        }
    }

    async fn confirm_by_link(
        &self,
        attempt: &mut Attempt<'_>,
        (token, name): (&LinkToken, LetterKey),
        key: &SignUpKey,
        given: Confirmation<'_>,
        goal: &SignInGoal,
    ) -> Answer<SignUpConfirmed> {
        let pending = self.ports.pending_sign_ups.load(key).await?;
        let Some(found) = self.claim_of(attempt, pending.as_ref(), &given.by).await? else {
            return self.sign_up_busy(attempt).await;
        };
        let Some(claim) = found else {
            // A letter ends before the sign-up that it leads to: somebody who has the same one was faster.
            let Some(pending) = pending else { return Ok(Self::sign_up_spent(attempt)) };
            let gone = pending.taken;
            let reason = if gone { RejectReason::NoCode } else { RejectReason::Mismatch };
            attempt.record(What::ProofRejected { method: Method::Password, reason });
            return Ok(if gone { SignUpConfirmed::Over } else { SignUpConfirmed::Wrong });
        };
        let email = pending.map(|pending| pending.email).unwrap_or_default();
        self.make_claimed(attempt, key, (claim, &email), (token, &[name]), given, goal).await
    }

    async fn confirm_by_code(
        &self,
        attempt: &mut Attempt<'_>,
        key: &SignUpKey,
        code: &SecretText,
        given: Confirmation<'_>,
        goal: &SignInGoal,
    ) -> Answer<SignUpConfirmed> {
        let typed = sent_code::normalise(code.expose(), DIGITS);
        let (digest, name) = self.sign_up_code(key, typed.as_ref().map_or("", SecretText::expose));
        if self.ports.sign_up_links.load(&name).await?.is_some_and(|link| link.done) {
            return Ok(SignUpConfirmed::AlreadyDone);
        }
        let pending = self.ports.pending_sign_ups.load(key).await?;
        let Some(found) = self.claim_of(attempt, pending.as_ref(), &given.by).await? else {
            return self.sign_up_busy(attempt).await;
        };
        // A code is not used up while another request confirms: that one may fail.
        if found.is_some() && pending.as_ref().is_some_and(|pending| pending.is_confirmed_at(attempt.now)) {
            return self.sign_up_under_way(attempt).await;
        }
        // A right code is not used up by who does not know the password, but each attempt counts.
        let offered = if found.is_some() { digest } else { self.sign_up_code(key, "-").0 };
        attempt.intend(Deed::Spending, Some(Method::EmailCode));
        let right = self.ports.codes.attempt(&format!("sign-up:{}", key.0), offered).await?;
        let (Attempted::Right, Some(claim)) = (right, found) else {
            attempt.record(What::ProofRejected { method: Method::EmailCode, reason: RejectReason::Mismatch });
            return Ok(SignUpConfirmed::Wrong);
        };
        attempt.record(What::ProofAccepted { method: Method::EmailCode });
        // The code is over; should the name be taken, this link stands for it.
        let token = LinkToken::mint(&self.random()?);
        let link = LetterKey(token.name());
        let leads = SignUpLink { leads_to: key.clone(), done: false };
        self.ports.sign_up_links.put(&link, &leads, ANOTHER_NAME_LIVES).await?;
        let email = pending.map(|pending| pending.email).unwrap_or_default();
        self.make_claimed(attempt, key, (claim, &email), (&token, &[link, name]), given, goal).await
    }

    /// Makes the account of a claim whose address was reached.
    async fn make_claimed(
        &self,
        attempt: &mut Attempt<'_>,
        key: &SignUpKey,
        (claim, email): (Claim, &str),
        (token, names): (&LinkToken, &[LetterKey]),
        given: Confirmation<'_>,
        goal: &SignInGoal,
    ) -> Answer<SignUpConfirmed> {
        let Some(username) = chosen(given.username, &claim.username, email) else {
            return Ok(SignUpConfirmed::Unusable(SignUpMistake::Username));
        };
        if self.is_name_taken(&username).await? {
            return self.name_taken(attempt, key, (email, token)).await;
        }
        // Marked before anything is granted: of several who confirm, one goes on.
        attempt.intend(Deed::SigningUp, None);
        let (email, until) = match self.mark_sign_up(key, &claim).await? {
            Marked::Own { email, until } => (email, until),
            Marked::UnderWay => return self.sign_up_under_way(attempt).await,
            Marked::Dropped => return self.sign_up_over(attempt, names).await,
            Marked::Gone => return Ok(Self::sign_up_spent(attempt)),
        };
        let enable_mfa = given.enable_mfa.unwrap_or(claim.enable_mfa);
        let hash = SecretText::new(claim.password_hash);
        let new = NewPerson { username, email: &email, groups: Vec::new(), hash, origin: Origin::SignUp };
        let (made, account) = match self.make_account(attempt, new).await {
            Ok(made) => made,
            Err(fault) => {
                // Whether it was made is unsettled; if it was not, it can be confirmed again. No two can be made of it.
                let _ = self.unmark_sign_up(key, until).await;
                return Err(fault);
            }
        };
        match made {
            Made::Made => {}
            Made::NameTaken => {
                attempt.clear_intent();
                self.unmark_sign_up(key, until).await?;
                return Ok(SignUpConfirmed::UsernameTaken(token.clone()));
            }
            Made::AddressTaken | Made::NotInvited => {
                self.ports.pending_sign_ups.take(key).await?;
                return self.sign_up_over(attempt, names).await;
            }
        }
        for name in names {
            let done = SignUpLink { leads_to: key.clone(), done: true };
            self.ports.sign_up_links.put(name, &done, SIGN_UP_LIVES).await?;
        }
        // Last of all: whoever has the same letter finds that it is done, never that it is wrong.
        self.ports.pending_sign_ups.take(key).await?;
        self.open_made(attempt, account, enable_mfa, goal).await
    }

    /// What to say where the name is somebody's: it may be the account that was made, or is being made, of this very sign-up.
    async fn name_taken(
        &self,
        attempt: &mut Attempt<'_>,
        key: &SignUpKey,
        (email, token): (&str, &LinkToken),
    ) -> Answer<SignUpConfirmed> {
        let Some(pending) = self.ports.pending_sign_ups.load(key).await? else {
            return Ok(Self::sign_up_spent(attempt));
        };
        if pending.is_confirmed_at(self.now()) {
            return self.sign_up_under_way(attempt).await;
        }
        let email = mail_address::parse(email).map(|email| mail_address::folded(&email)).unwrap_or_default();
        // Who made it died before it was noted.
        if self.ports.addresses.owner(AddressKind::Email, &email).await?.is_some() {
            return Ok(Self::sign_up_spent(attempt));
        }
        Ok(SignUpConfirmed::UsernameTaken(token.clone()))
    }

    /// Another request confirms it at this moment, and may fail.
    async fn sign_up_under_way(&self, attempt: &mut Attempt<'_>) -> Answer<SignUpConfirmed> {
        attempt.clear_intent();
        self.refund(attempt).await?;
        Ok(SignUpConfirmed::Busy)
    }

    /// The claim was there a moment ago: whoever has the same letter was faster.
    fn sign_up_spent(attempt: &mut Attempt<'_>) -> SignUpConfirmed {
        attempt.clear_intent();
        attempt.record(What::ProofRejected { method: Method::EmailCode, reason: RejectReason::AlreadySpent });
        SignUpConfirmed::AlreadyDone
    }

    /// Somebody else confirmed it meanwhile, or its time is over.
    async fn sign_up_over(&self, attempt: &mut Attempt<'_>, names: &[LetterKey]) -> Answer<SignUpConfirmed> {
        attempt.record(What::ProofRejected { method: Method::EmailCode, reason: RejectReason::AlreadySpent });
        for name in names {
            if self.ports.sign_up_links.load(name).await?.is_some_and(|link| link.done) {
                return Ok(SignUpConfirmed::AlreadyDone);
            }
        }
        Ok(SignUpConfirmed::Over)
    }

    pub(super) async fn sign_up_busy(&self, attempt: &mut Attempt<'_>) -> Answer<SignUpConfirmed> {
        self.refund(attempt).await?;
        attempt.record(What::Throttled { method: Method::Password, scope: ThrottleScope::Hashing });
        Ok(SignUpConfirmed::Busy)
    }

    /// What a link leads to; nothing changes by looking. `None`: it is none, or was used, or is too old.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn waiting_sign_up(
        &self,
        token: &LinkToken,
        browser: Option<&BindingToken>,
    ) -> Answer<Option<WaitingSignUp>> {
        let name = LetterKey(token.name());
        let Some(link) = self.ports.sign_up_links.load(&name).await? else {
            let invited = self.ports.sign_ups.invitation(&name.0).await?;
            let open = invited.filter(|invitation| invitation.is_open(self.now()));
            return Ok(open.map(|invitation| WaitingSignUp::Invited { email: invitation.email }));
        };
        let pending = self.ports.pending_sign_ups.load(&link.leads_to).await?;
        let Some(pending) = pending.filter(|pending| !link.done && !pending.taken) else { return Ok(None) };
        let digest = browser.map(|browser| self.sign_up_browser(browser));
        let is_own = digest.is_some() && pending.claims.iter().any(|claim| claim.browser == digest);
        Ok(Some(WaitingSignUp::Claimed { email: pending.email, is_own }))
    }
}

/// A name that was given, if it can be one.
pub(super) fn chosen(given: Option<&str>, otherwise: &str, email: &str) -> Option<Username> {
    new_username(given.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(otherwise), email)
}
