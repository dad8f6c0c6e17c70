//! The passkeys of somebody who is signed in: looked at, renamed, removed.

use crate::auth::event::{Deed, What};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::auth::session::{Session, SessionToken};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::destination::Destinations;
use crate::flow::enrol::{Enrollee, NAME_CHARS, lasting, tidy};
use crate::flow::ports::{Answer, Removal};
use crate::flow::reply::OtherSessions;
use crate::flow::reply::{CeremonyRef, Client, Outcome, PasskeyRemoved, Renamed, WithEvents};

impl Flows {
    /// The passkeys of a person, the oldest first.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn passkeys_of(&self, user: &UserId) -> Answer<Vec<PasskeyRecord>> {
        Ok(self.ports.authenticators.of(user).await?.passkeys)
    }

    /// The user handle and the credential ids of a person at this host: what `signalAllAcceptedCredentials` tells a browser.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn accepted_credentials(&self, user: &UserId, host: &str) -> Answer<(Vec<u8>, Vec<Vec<u8>>)> {
        let rp_id = self.settings.rp_id(host);
        let passkeys = self.passkeys_of(user).await?.into_iter().filter(|passkey| passkey.rp_id == rp_id);
        Ok((self.user_handle(user).to_vec(), passkeys.map(|passkey| passkey.credential_id).collect()))
    }

    /// What a passkey is called that its person calls so; `None`: nothing of it can be seen, or it is too long.
    pub fn passkey_name(given: &str) -> Option<String> {
        let name = tidy(given);
        let fits = !name.is_empty() && given.trim().chars().count() <= NAME_CHARS;
        fits.then_some(name)
    }

    /// Gives a passkey another name, as [`Self::passkey_name`] writes it: a privilege as adding one is, so that nobody else
    /// disguises what its owner would remove.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn rename_passkey(&self, at: &CeremonyRef, id: &str, name: &str, client: &Client) -> Answer<Renamed> {
        let (attempt, enrollee) = self.enrollee(at, client).await?;
        let Some(who) = enrollee else { return Ok(Renamed::Gone) };
        if let Some(methods) = self.missing_for_change(&who, attempt.now) {
            return Ok(Renamed::ProveFirst(methods));
        }
        let name = tidy(name);
        let renamed = !name.is_empty() && self.ports.passkeys.rename(&who.account.identity.id, id, &name).await?;
        Ok(if renamed { Renamed::Renamed } else { Renamed::NotFound })
    }

    /// Removes a passkey: a privilege as adding one is. `destinations` know which rules bind the person.
    ///
    /// # Errors
    /// A store did not answer; the passkey may be gone.
    pub async fn remove_passkey(
        &self,
        token: &SessionToken,
        session: &std::sync::Arc<Session>,
        (id, others): (&str, OtherSessions),
        destinations: &Destinations,
        client: &Client,
    ) -> Outcome<PasskeyRemoved> {
        let at = CeremonyRef::Session(token.clone(), session.clone());
        let (mut attempt, enrollee) = self.enrollee(&at, client).await.map_err(WithEvents::none)?;
        let Some(who) = enrollee else { return Ok(WithEvents::none(PasskeyRemoved::Gone)) };
        let reply = self.remove(&mut attempt, who, (id, others), destinations).await;
        attempt.finish(reply)
    }

    async fn remove(
        &self,
        attempt: &mut Attempt<'_>,
        mut who: Enrollee,
        (id, others): (&str, OtherSessions),
        destinations: &Destinations,
    ) -> Answer<PasskeyRemoved> {
        let (gone, after) = loop {
            let (gone, after) = match self.removable(&who, id, destinations, attempt.now) {
                Ok(judged) => judged,
                Err(refused) => return Ok(refused),
            };
            attempt.intend(Deed::Ending, Some(gone.method()));
            let user = &who.account.identity.id;
            let removed = NoticeKind::FactorRemoved(gone.method());
            let records = self.notices(attempt, user, removed, &who.enrolled).await?;
            match self.ports.passkeys.remove(user, id, &after.ids(), others.end(), &records).await? {
                Removal::Removed => break (gone, after),
                Removal::NotFound => {
                    attempt.clear_intent();
                    return Ok(PasskeyRemoved::NotFound);
                }
                // Each time something else is gone, so this ends.
                Removal::Changed => {
                    attempt.clear_intent();
                    who.enrolled = self.ports.authenticators.of(&who.account.identity.id).await?;
                }
            }
        };
        let owner = &who.account.identity;
        attempt.record(What::AuthenticatorRemoved { method: gone.method() });
        self.end_other_sessions(attempt, &owner.id, who.slot.session(), others).await?;
        let Ok(account) = self.standing_account(&owner.id).await? else { return Ok(PasskeyRemoved::Gone) };
        let credentials = self.credentials(&account, &after);
        Ok(match self.reopen(attempt, &account, credentials, &who.slot).await? {
            Some(opened) => PasskeyRemoved::Removed(Box::new(opened)),
            None => PasskeyRemoved::Gone,
        })
    }

    /// The passkey and what is left without it, if its person may remove it.
    fn removable(
        &self,
        who: &Enrollee,
        id: &str,
        destinations: &Destinations,
        now: Timestamp,
    ) -> Result<(PasskeyRecord, Enrolled), PasskeyRemoved> {
        if let Some(methods) = self.missing_for_change(who, now) {
            return Err(PasskeyRemoved::ProveFirst(methods));
        }
        let owner = &who.account.identity;
        let (gone, left): (Vec<PasskeyRecord>, Vec<PasskeyRecord>) =
            who.enrolled.passkeys.iter().cloned().partition(|passkey| passkey.id == id);
        let Some(gone) = gone.into_iter().next() else { return Err(PasskeyRemoved::NotFound) };
        let after = Enrolled { passkeys: left, ..who.enrolled.clone() };
        let methods = |enrolled: &Enrolled, host: &str| self.owned_at(&who.account, enrolled, host);
        let needed =
            destinations.needed(owner, |host| methods(&who.enrolled, host), |host| lasting(methods(&after, host)));
        if let Some(rule) = needed {
            return Err(PasskeyRemoved::Needed { rule: Some(rule) });
        }
        let has_password = who.account.password_hash.is_some();
        if !after.methods(has_password, None).iter().any(|method| method != Method::BackupCode) {
            return Err(PasskeyRemoved::Needed { rule: None });
        }
        Ok((gone, after))
    }
}
