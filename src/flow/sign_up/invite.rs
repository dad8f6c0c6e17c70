//! Invitations: an operator asks somebody in, whoever may sign up.

use super::confirm::{Confirmation, chosen};
use super::open::NewPerson;
use super::{ClaimedBy, INVITATION_LIVES, SignUpConfirmed, SignUpMistake};
use crate::auth::event::{Deed, RejectReason, What};
use crate::auth::factor::password::PasswordOwner;
use crate::auth::link_token::LinkToken;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::Group;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::new_password::NewPassword;
use crate::flow::ports::{Answer, Invitation, Letter, LetterLink, LinkPurpose, Made, Origin, Recipient, Records};
use crate::flow::risk::SignInGoal;

/// Whom an operator invites.
pub struct NewInvitation<'a> {
    pub email: &'a str,
    pub groups: Vec<Group>,
    /// The origin of the page that the link leads to.
    pub origin: &'a str,
    /// Its host, as the letter names it.
    pub host: &'a str,
}

/// An invitation with the link that nothing keeps.
pub struct InvitationMade {
    pub invitation: Invitation,
    pub url: SecretText,
    /// The address had one that was still good.
    pub replaced: bool,
}

impl Flows {
    /// Invites somebody to make an account with an address; an earlier invitation there ends. The link is mailed where there
    /// is mail, and answered so that the operator can hand it over. `records`: what the operator does, for the audit trail.
    ///
    /// # Errors
    /// A store did not answer; nobody is invited.
    pub async fn invite(&self, new: NewInvitation<'_>, records: Records) -> Answer<InvitationMade> {
        let NewInvitation { email, groups, origin, host } = new;
        let (now, token) = (self.now(), LinkToken::mint(&self.random()?));
        let expires_at = now.plus(INVITATION_LIVES);
        let id = self.ulid()?;
        let invitation = Invitation { id, email: email.to_owned(), groups, created_at: now, expires_at, used_at: None };
        let url = SecretText::new(format!("{origin}/.stepgate/signup?token={}", token.expose()));
        let mut letters = Vec::new();
        if self.settings.mail {
            let letter = Letter::Link(LetterLink {
                to: Recipient::Email(email.to_owned()),
                purpose: LinkPurpose::Invitation,
                url: url.clone(),
                code: None,
                host: host.to_owned(),
                valid: INVITATION_LIVES,
            });
            letters.push(self.ports.outbox.seal(&letter, now, expires_at)?);
        }
        let records = Records { letters, ..records };
        let replaced = self.ports.sign_ups.invite(&invitation, &token.name(), &records).await?;
        Ok(InvitationMade { invitation, url, replaced })
    }

    /// Makes the account of whom an operator invited: the link shows that the address was reached, whatever password they set.
    pub(super) async fn accept_invitation(
        &self,
        attempt: &mut Attempt<'_>,
        token: &LinkToken,
        given: Confirmation<'_>,
        goal: &SignInGoal,
    ) -> Answer<SignUpConfirmed> {
        let found = self.ports.sign_ups.invitation(&token.name()).await?;
        let used = found.as_ref().is_some_and(|invitation| invitation.used_at.is_some());
        let Some(invitation) = found.filter(|invitation| invitation.is_open(attempt.now)) else {
            attempt.record(What::ProofRejected { method: Method::EmailCode, reason: RejectReason::NoCode });
            return Ok(if used { SignUpConfirmed::AlreadyDone } else { SignUpConfirmed::Over });
        };
        // An invitation was begun by no browser: there is a password to set.
        let password = match given.by {
            ClaimedBy::Password(password) => password,
            ClaimedBy::Browser(_) => SecretText::new(String::new()),
        };
        let Some(username) = chosen(given.username, &invitation.email, &invitation.email) else {
            return Ok(SignUpConfirmed::Unusable(SignUpMistake::Username));
        };
        if self.is_name_taken(&username).await? {
            // It may be the account that was made by this very invitation a moment ago.
            let now = self.ports.sign_ups.invitation(&token.name()).await?;
            return Ok(match now.is_some_and(|invitation| invitation.used_at.is_some()) {
                true => SignUpConfirmed::AlreadyDone,
                false => SignUpConfirmed::UsernameTaken(token.clone()),
            });
        }
        let whose = PasswordOwner { username: username.as_str(), personal: &[invitation.email.as_str()] };
        let hash = match self.new_password(attempt, &password, &whose).await? {
            NewPassword::Fit(hash) => hash,
            NewPassword::Unfit(unfit) => {
                self.refund(attempt).await?;
                return Ok(SignUpConfirmed::Unusable(SignUpMistake::Password(unfit)));
            }
            NewPassword::Busy => return self.sign_up_busy(attempt).await,
        };
        let (email, groups) = (invitation.email.as_str(), invitation.groups.clone());
        let new = NewPerson { username, email, groups, hash, origin: Origin::Invitation(&invitation.id) };
        attempt.intend(Deed::SigningUp, None);
        let (made, account) = self.make_account(attempt, new).await?;
        match made {
            Made::Made => {}
            Made::NameTaken => {
                attempt.clear_intent();
                return Ok(SignUpConfirmed::UsernameTaken(token.clone()));
            }
            Made::AddressTaken | Made::NotInvited => {
                attempt.record(What::ProofRejected { method: Method::EmailCode, reason: RejectReason::AlreadySpent });
                return Ok(SignUpConfirmed::AlreadyDone);
            }
        }
        self.open_made(attempt, account, given.enable_mfa.unwrap_or(false), goal).await
    }
}
