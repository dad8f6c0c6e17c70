//! Passwords: the same work is done whether or not anybody has the name.

use std::time::Duration;

use super::{Mismatch, Proved, Verified};
use crate::auth::event::{Deed, RejectReason, ThrottleScope, What};
use crate::auth::factor::password;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::Username;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, AccountChange, Answer};
use crate::flow::reply::Rejection;

/// What became of a name and a password.
pub(in crate::flow) enum PasswordCheck {
    Right(Box<Account>),
    /// Wrong, or nobody has that name, or the account is disabled: told alike.
    Wrong,
    /// Too many attempts; the next is evaluated after this long.
    Wait(Duration),
    /// Hashing is full.
    Busy,
}

impl Flows {
    /// Verifies the name and the password of a sign-in: charges, looks up, hashes (always), records.
    pub(in crate::flow) async fn check_login(
        &self,
        attempt: &mut Attempt<'_>,
        name: Option<&Username>,
        password: SecretText,
    ) -> Answer<PasswordCheck> {
        let method = Method::Password;
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(PasswordCheck::Wait(wait));
        }
        let found = match name {
            Some(name) => self.ports.accounts.find(name).await?,
            None => None,
        };
        if let Some(wait) = self.charge_unrecognised(attempt, found.as_ref(), method).await? {
            return Ok(PasswordCheck::Wait(wait));
        }
        let Some(right) = self.hashing.verify(&attempt.lane(), password.clone(), found.as_ref()).await? else {
            self.refund(attempt).await?;
            attempt.record(What::Throttled { method, scope: ThrottleScope::Hashing });
            return Ok(PasswordCheck::Busy);
        };
        attempt.user = found.as_ref().map(|account| account.identity.id.clone());
        let reason = match found {
            None => RejectReason::UnknownUser,
            Some(account) if account.disabled => RejectReason::Disabled,
            Some(account) if account.password_hash.is_none() => RejectReason::NotEnrolled,
            Some(_) if !right => RejectReason::Mismatch,
            Some(mut account) => {
                attempt.record(What::ProofAccepted { method });
                self.refund_correct(attempt).await?;
                self.note_breached(attempt, &password).await;
                let valid = self.renew_hash(attempt, &mut account, password).await?;
                return Ok(if valid { PasswordCheck::Right(Box::new(account)) } else { PasswordCheck::Wrong });
            }
        };
        attempt.record(What::ProofRejected { method, reason });
        Ok(PasswordCheck::Wrong)
    }

    /// Verifies the password of somebody who is signed in.
    pub(super) async fn verify_password(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        password: SecretText,
    ) -> Answer<Verified> {
        let wrong = Mismatch { reason: RejectReason::Mismatch, rejection: Rejection::WrongCredentials };
        let right = self.hashing.verify(&attempt.lane(), password, Some(account)).await?;
        Ok(right.map(|right| if right { Ok(Proved::by(Method::Password)) } else { Err(wrong) }))
    }

    /// Renews the stored hash of a password just proved, if it was made with other parameters.
    ///
    /// `false`: the password was changed meanwhile, so what was proved counts no more.
    pub(in crate::flow) async fn renew_hash(
        &self,
        attempt: &mut Attempt<'_>,
        account: &mut Account,
        typed: SecretText,
    ) -> Answer<bool> {
        let stale = |hash: &&SecretText| password::needs_rehash(hash, self.hashing.params());
        let Some(from) = account.password_hash.as_ref().filter(stale).cloned() else { return Ok(true) };
        let Some(to) = self.hash_password(&attempt.lane(), typed.clone()).await? else { return Ok(true) };
        let (accounts, id) = (&self.ports.accounts, &account.identity.id);
        attempt.intend(Deed::Rehash, None);
        if accounts.change(id, AccountChange::Rehash { from, to: to.clone() }).await? {
            attempt.record(What::PasswordRehashed);
            account.password_hash = Some(to);
            return Ok(true);
        }
        attempt.clear_intent();
        // Somebody was first: another sign-in that renewed it too, or a change of the password.
        let current = accounts.load(id).await?;
        account.password_hash = current.as_ref().and_then(|now| now.password_hash.clone());
        Ok(self.hashing.verify(&attempt.lane(), typed, current.as_ref()).await? == Some(true))
    }
}
