//! Another password, set by its owner: a privilege of who has just proved all that the account can prove.

use crate::auth::event::{Deed, ThrottleScope, What};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Method, MethodSet};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::enrol::Enrollee;
use crate::flow::new_password::NewPassword;
use crate::flow::ports::{AccountChange, Answer};
use crate::flow::reply::{CeremonyRef, Client, Outcome, PasswordChanged, PasswordWish, ProofsAlong, WithEvents};

impl Flows {
    /// Sets another password. What was granted before is over, but for this session, which goes on under a new token, and for
    /// the others where their owner keeps them.
    ///
    /// # Errors
    /// A store did not answer; the password may be set, and some sessions may still stand.
    pub async fn change_password(
        &self,
        at: &CeremonyRef,
        new: PasswordWish,
        client: &Client,
    ) -> Outcome<PasswordChanged> {
        let (mut attempt, enrollee) = self.enrollee(at, client).await.map_err(WithEvents::none)?;
        let reply = match enrollee {
            Some(who) => self.change_password_of(&mut attempt, who, new).await,
            None => Ok(PasswordChanged::Gone),
        };
        attempt.finish(reply)
    }

    async fn change_password_of(
        &self,
        attempt: &mut Attempt<'_>,
        mut who: Enrollee,
        new: PasswordWish,
    ) -> Answer<PasswordChanged> {
        let ProofsAlong { password, code } = new.along;
        if let Err(unproved) = self.prove_along(attempt, &mut who, ProofsAlong { password, code: None }).await? {
            return Ok(PasswordChanged::Unproved(unproved));
        }
        let missing = self.missing_for_change(&who, attempt.now);
        if let Some(methods) = missing.filter(|_| code.is_none()) {
            return Ok(PasswordChanged::ProveFirst(methods));
        }
        // Judged before a code is spent on it.
        let to = match self.new_password_of(attempt, &who.account.identity, &who.enrolled, &new.password).await? {
            NewPassword::Fit(hash) => hash,
            NewPassword::Unfit(unfit) => return Ok(PasswordChanged::Unfit(unfit)),
            NewPassword::Busy => {
                attempt.record(What::Throttled { method: Method::Password, scope: ThrottleScope::Hashing });
                return Ok(PasswordChanged::Busy);
            }
        };
        if let Err(unproved) = self.prove_along(attempt, &mut who, ProofsAlong { password: None, code }).await? {
            return Ok(PasswordChanged::Unproved(unproved));
        }
        if let Some(methods) = self.missing_for_change(&who, attempt.now) {
            return Ok(PasswordChanged::ProveFirst(methods));
        }
        let Slot::Session(_, own) = &who.slot else { return Ok(PasswordChanged::Gone) };
        let (owner, under) = (&who.account.identity.id, who.account.generation.credentials);
        let ends_sessions = new.others.end();
        self.end_other_sessions(attempt, owner, Some(own.as_ref()), new.others).await?;
        let letters = self.notices(attempt, owner, NoticeKind::PasswordChanged, &who.enrolled).await?;
        attempt.intend(Deed::Binding, Some(Method::Password));
        let change = AccountChange::OwnPassword { to, under, ends_sessions };
        if !self.ports.accounts.change_recorded(owner, change, &letters).await? {
            // Its owner, or somebody else, changed it meanwhile, and ended this session by that.
            attempt.clear_intent();
            return Ok(PasswordChanged::Gone);
        }
        attempt.record(What::PasswordSet);
        self.end_other_sessions(attempt, owner, Some(own.as_ref()), new.others).await?;
        let Ok(account) = self.standing_account(owner).await? else { return Ok(PasswordChanged::Gone) };
        let credentials = self.credentials(&account, &who.enrolled);
        Ok(match self.reopen(attempt, &account, credentials, &who.slot).await? {
            Some(opened) => PasswordChanged::Changed(Box::new(opened)),
            None => PasswordChanged::Gone,
        })
    }

    /// What must be proved before the owner of a session may change what is theirs; `None`: the session is over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn before_change(&self, at: &CeremonyRef, client: &Client) -> Answer<Option<MethodSet>> {
        let (attempt, enrollee) = self.enrollee(at, client).await?;
        Ok(enrollee.map(|who| self.missing_for_change(&who, attempt.now).unwrap_or_default()))
    }
}
