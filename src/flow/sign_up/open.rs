//! A new account, and its first sign-in.

use super::SignUpConfirmed;
use crate::auth::ceremony::{Ceremony, Verdict};
use crate::auth::event::What;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord, Enrolled};
use crate::auth::proof::{Method, Requirement, Strength};
use crate::auth::secret::SecretText;
use crate::auth::user::{Group, Identity, UserId, Username};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{Account, Answer, ConfirmedAccount, Generation, Made, Origin, Records};
use crate::flow::risk::SignInGoal;

/// Who is to get an account.
pub(super) struct NewPerson<'a> {
    pub(super) username: Username,
    pub(super) email: &'a str,
    pub(super) groups: Vec<Group>,
    pub(super) hash: SecretText,
    pub(super) origin: Origin<'a>,
}

impl Flows {
    /// Whether somebody has a user name. Whether it is somebody's confirmed address is not looked for: a name that is an address is
    /// the one that was reached.
    pub(super) async fn is_name_taken(&self, username: &Username) -> Answer<bool> {
        Ok(self.ports.accounts.find(username).await?.is_some())
    }

    /// Makes an account with its address. Where it is made, the trail has it by the same transaction, and the attempt is its
    /// owner's from then on.
    pub(super) async fn make_account(&self, attempt: &mut Attempt<'_>, new: NewPerson<'_>) -> Answer<(Made, Account)> {
        let NewPerson { username, email, groups, hash, origin } = new;
        let (id, email) = (UserId(self.ulid()?), email.to_owned());
        let address = AddressRecord {
            id: self.ulid()?,
            kind: AddressKind::Email,
            value: email.clone(),
            confirmed_at: attempt.now,
        };
        let account = Account {
            identity: Identity { id, username, name: None, email: Some(email), groups },
            password_hash: Some(hash),
            disabled: false,
            created_at: attempt.now,
            last_login_at: None,
            generation: Generation::default(),
        };
        let confirmed = ConfirmedAccount { account: &account, address: &address, origin };
        let what = match origin {
            Origin::SignUp => What::SignedUp,
            Origin::Invitation(_) => What::InvitationAccepted,
        };
        let event = attempt.event_of_new(what, &account.identity);
        let records = Records::entries(vec![(attempt.now, None, event.clone())]);
        let made = self.ports.sign_ups.make(&confirmed, &records).await?;
        if made == Made::Made {
            self.name_attempt(attempt, &account);
            attempt.record_written(event);
        }
        Ok((made, account))
    }

    /// Signs the owner of a new account in like anybody else: by the password and the letter, and by no more.
    pub(super) async fn open_made(
        &self,
        attempt: &mut Attempt<'_>,
        account: Account,
        enable_mfa: bool,
        goal: &SignInGoal,
    ) -> Answer<SignUpConfirmed> {
        let two_factors = Requirement::of(Strength::TwoFactor);
        let stronger = goal.requirement.filter(|asked| asked.strength >= Strength::TwoFactor);
        let requirement = if enable_mfa { Some(stronger.unwrap_or(two_factors)) } else { goal.requirement };
        let (host, channel) = (attempt.client.host.clone(), attempt.client.channel);
        let name = Some(account.identity.username.clone());
        let ceremony = Ceremony::sign_in(name, requirement, host, channel, attempt.now);
        let enrolled: Enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let mut ceremony = self.identify(ceremony, &account, &enrolled);
        ceremony.proofs = ceremony.proofs.with(Method::EmailCode, attempt.now);
        let goal = SignInGoal { requirement, ..goal.clone() };
        let ceremony = self.assess(attempt, &account, ceremony, &goal).await?;
        let offer = self.settings.offer_at(&ceremony.host);
        let step = ceremony.advance(Verdict::Proved(Method::Password), offer, attempt.now);
        let reply = self.proceed(attempt, &account, step, &Slot::New).await?;
        Ok(SignUpConfirmed::Made { who: Box::new(account.identity), reply })
    }
}
