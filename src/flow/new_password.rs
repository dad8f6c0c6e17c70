//! A new password, wherever one is set: judged by the rule and the operator's list, and hashed in turn.

use super::Flows;
use super::attempt::Attempt;
use super::ports::Answer;
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::factor::password::{self, PasswordOwner, PasswordRule, Unfit};
use crate::auth::secret::SecretText;
use crate::auth::user::Identity;

/// What became of a new password.
pub(in crate::flow) enum NewPassword {
    /// It may be set: its hash.
    Fit(SecretText),
    Unfit(Unfit),
    /// Hashing is full.
    Busy,
}

impl Flows {
    /// What a new password must be, to be said before anybody types one.
    pub const fn password_rule(&self) -> &PasswordRule {
        &self.settings.new_passwords
    }

    /// As [`Self::new_password`], of who has an account: it must be neither their name nor an address of theirs.
    ///
    /// # Errors
    /// As [`Self::new_password`].
    pub(in crate::flow) async fn new_password_of(
        &self,
        attempt: &Attempt<'_>,
        who: &Identity,
        enrolled: &Enrolled,
        new: &SecretText,
    ) -> Answer<NewPassword> {
        let personal = enrolled.personal(who);
        self.new_password(attempt, new, &PasswordOwner { username: who.username.as_str(), personal: &personal }).await
    }

    /// Judges a new password of this person and hashes it, on a thread for hashing: to judge takes its time too.
    ///
    /// # Errors
    /// The list of breached passwords cannot be read, so that none may be set, or it cannot be hashed.
    pub(in crate::flow) async fn new_password(
        &self,
        attempt: &Attempt<'_>,
        new: &SecretText,
        whose: &PasswordOwner<'_>,
    ) -> Answer<NewPassword> {
        let (salt, params, rule) = (self.random()?, self.hashing.params(), self.settings.new_passwords.clone());
        let username = whose.username.to_owned();
        let personal: Vec<String> = whose.personal.iter().map(|text| (*text).to_owned()).collect();
        let (text, lane) = (new.clone(), attempt.lane());
        let judged = self.hashing.run(&lane, move || {
            let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
            match rule.judge(&text, &PasswordOwner { username: &username, personal: &personal }) {
                Ok(()) => password::hash(&text, &salt, params).map(Ok),
                Err(unfit) => Ok(Err(unfit)),
            }
        });
        Ok(match judged.await? {
            None => NewPassword::Busy,
            Some(Err(unfit)) => NewPassword::Unfit(unfit),
            Some(Ok(_)) if self.ports.breached.contains(new).await? => NewPassword::Unfit(Unfit::Breached),
            Some(Ok(hash)) => NewPassword::Fit(hash),
        })
    }
}
