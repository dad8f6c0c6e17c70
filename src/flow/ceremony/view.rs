//! A ceremony as its page needs it.

use crate::auth::ceremony::{Ceremony, CeremonyToken};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::proof::{MethodSet, Requirement, Strength};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::ports::Answer;
use crate::flow::reply::{CeremonyView, Client};

impl Flows {
    /// The sign-in of a token on this host; `None` if it is over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn view(&self, token: &CeremonyToken, client: &Client) -> Answer<Option<CeremonyView>> {
        let now = self.now();
        let Some(mut ceremony) = self.stored_ceremony(&token.key(), client, now).await? else { return Ok(None) };
        let Some(username) = ceremony.who.username().cloned() else { return Ok(None) };
        let mut digits = self.settings.totp.digits;
        let mut before_enrolling = MethodSet::EMPTY;
        if let Some(user) = ceremony.who.user().cloned() {
            // A factor may have been switched off, or on, since the ceremony began.
            let enrolled = self.ports.authenticators.of(&user).await?;
            digits = enrolled.totp.as_ref().map_or(digits, |record| record.digits);
            ceremony.set_locked(enrolled.locked());
            if ceremony.available(now).is_empty() && ceremony.locked.is_empty() && !ceremony.is_unproved() {
                before_enrolling = self.asked_before_enrolling(&ceremony, &user, &enrolled, now).await?;
            }
        }
        let (available, locked) = (ceremony.available(now), ceremony.locked_that_would_help(now));
        let (enrols, methods) = (!before_enrolling.is_empty(), available.or(before_enrolling));
        Ok(Some(CeremonyView { username, ceremony, methods, enrols, locked, digits }))
    }

    /// What can be asked for in a sign-in before something is set up in it; empty: nothing is, or it cannot be given here.
    async fn asked_before_enrolling(
        &self,
        ceremony: &Ceremony,
        user: &UserId,
        enrolled: &Enrolled,
        now: Timestamp,
    ) -> Answer<MethodSet> {
        let Ok(account) = self.standing_account(user).await? else { return Ok(MethodSet::EMPTY) };
        let unrecognised = ceremony.forbids_enrolment(now).then(|| Requirement::of(Strength::TwoFactor));
        let missing = self.missing_to_enrol(&account, enrolled, (&ceremony.proofs, unrecognised), now);
        Ok(missing.and(self.asked_for_first(&account, enrolled)))
    }

    /// How many digits the codes of a person have: those of their authenticator, whatever new ones get.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn digits_of(&self, user: &UserId) -> Answer<u8> {
        let totp = self.ports.authenticators.of(user).await?.totp;
        Ok(totp.map_or(self.settings.totp.digits, |record| record.digits))
    }

    /// How many backup codes a person has left; `None` if none were made.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn backup_codes_of(&self, user: &UserId) -> Answer<Option<u32>> {
        Ok(self.ports.authenticators.of(user).await?.backup.map(|set| set.left))
    }
}
