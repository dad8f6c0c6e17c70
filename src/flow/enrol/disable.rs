//! Turning off two-step sign-in: the password and a current factor, both fresh, and as strong as the strongest that the
//! account owns. Addresses stay, for they are where its owner is told.

use super::addresses::lasting;
use super::enrollee::Enrollee;
use crate::auth::event::{Deed, What};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Factor, Method, MethodSet};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::destination::Destinations;
use crate::flow::ports::{Answer, DisabledFactors, Records, Removal};
use crate::flow::reply::{CeremonyRef, Client, DisableWish, MfaDisabled, Outcome, ProofsAlong, WithEvents};

impl Flows {
    /// Turns off the authenticator app, or every second factor. This session goes on under its token.
    ///
    /// # Errors
    /// A store did not answer; they may be gone, and some sessions may still stand.
    pub async fn disable_mfa(
        &self,
        at: &CeremonyRef,
        wish: DisableWish,
        destinations: &Destinations,
        client: &Client,
    ) -> Outcome<MfaDisabled> {
        let (mut attempt, enrollee) = self.enrollee(at, client).await.map_err(WithEvents::none)?;
        let reply = match enrollee.filter(|who| who.slot.session().is_some()) {
            Some(who) => self.disable(&mut attempt, who, wish, destinations).await,
            None => Ok(MfaDisabled::Gone),
        };
        attempt.finish(reply)
    }

    /// Whether there is anything to turn off, and what must be proved before; `None`: the session is over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn before_disabling(&self, at: &CeremonyRef, client: &Client) -> Answer<Option<(bool, MethodSet)>> {
        let (attempt, enrollee) = self.enrollee(at, client).await?;
        let who = enrollee.filter(|who| who.slot.session().is_some());
        Ok(who.map(|who| {
            let some = !left_without(DisabledFactors::All, &who.enrolled).1.is_empty();
            (some, self.missing_for_change(&who, attempt.now).unwrap_or_default())
        }))
    }

    async fn disable(
        &self,
        attempt: &mut Attempt<'_>,
        mut who: Enrollee,
        DisableWish { factors, along, others }: DisableWish,
        destinations: &Destinations,
    ) -> Answer<MfaDisabled> {
        let ProofsAlong { password, code } = along;
        if let Err(why) = self.prove_along(attempt, &mut who, ProofsAlong { password, code: None }).await? {
            return Ok(MfaDisabled::Unproved(why));
        }
        if left_without(factors, &who.enrolled).1.is_empty() {
            return Ok(MfaDisabled::AlreadyDisabled);
        }
        if let Err(why) = self.prove_along(attempt, &mut who, ProofsAlong { password: None, code }).await? {
            return Ok(MfaDisabled::Unproved(why));
        }
        let fresh = who.ceremony.proofs.fresh(self.settings.enroll_max_age, attempt.now);
        if who.account.password_hash.is_some() && !fresh.contains(Method::Password) {
            return Ok(MfaDisabled::ProveFirst(MethodSet::EMPTY.with(Method::Password)));
        }
        if let Some(methods) = self.missing_for_change(&who, attempt.now) {
            return Ok(MfaDisabled::ProveFirst(methods));
        }
        let user = who.account.identity.id.clone();
        self.end_other_sessions(attempt, &user, who.slot.session(), others).await?;
        loop {
            let (left, gone) = left_without(factors, &who.enrolled);
            if let Some(needed) = self.needed_beside(&who, &left, destinations) {
                return Ok(needed);
            }
            let records = self.removal_letters(attempt, &who, gone).await?;
            attempt.intend(Deed::Binding, gone.iter().next());
            match self.ports.authenticators.disable(&user, factors, &left.ids(), &records).await? {
                Removal::Removed => {
                    for method in gone.iter() {
                        attempt.record(What::AuthenticatorRemoved { method });
                    }
                    self.end_other_sessions(attempt, &user, who.slot.session(), others).await?;
                    return Ok(MfaDisabled::Disabled);
                }
                Removal::NotFound => {
                    attempt.clear_intent();
                    return Ok(MfaDisabled::AlreadyDisabled);
                }
                // Each time something else is gone, so this ends.
                Removal::Changed => {
                    attempt.clear_intent();
                    who.enrolled = self.ports.authenticators.of(&user).await?;
                }
            }
        }
    }

    /// What tells the person of each factor that goes. Backup codes go along with the others.
    async fn removal_letters(&self, attempt: &Attempt<'_>, who: &Enrollee, gone: MethodSet) -> Answer<Records> {
        let mut all = Records::default();
        for method in lasting(gone).iter() {
            let kind = NoticeKind::FactorRemoved(method);
            let records = self.notices(attempt, &who.account.identity.id, kind, &who.enrolled).await?;
            all.letters.extend(records.letters);
        }
        Ok(all)
    }

    /// Why what is `left` would not do: a rule that binds the person, or nothing to sign in with.
    fn needed_beside(&self, who: &Enrollee, left: &Enrolled, destinations: &Destinations) -> Option<MfaDisabled> {
        let methods = |enrolled: &Enrolled, host: &str| self.owned_at(&who.account, enrolled, host);
        let have = |host: &str| methods(&who.enrolled, host);
        let rule = destinations.needed(&who.account.identity, have, |host| lasting(methods(left, host)));
        if rule.is_some() {
            return Some(MfaDisabled::Needed { rule });
        }
        let signs_in = |method: Method| !matches!(method.factor(), Factor::Reached | Factor::None);
        let alone = lasting(left.methods(who.account.password_hash.is_some(), None)).iter().any(signs_in);
        (!alone).then_some(MfaDisabled::Needed { rule: None })
    }
}

/// What is left of what somebody has, and the methods that are gone with the rest. Backup codes go with the last thing that
/// they stand in for.
fn left_without(factors: DisabledFactors, enrolled: &Enrolled) -> (Enrolled, MethodSet) {
    let passkeys = match factors {
        DisabledFactors::All => Vec::new(),
        DisabledFactors::App => enrolled.passkeys.clone(),
    };
    let stays = match factors {
        DisabledFactors::All => false,
        DisabledFactors::App => enrolled.totp.is_none() || !passkeys.is_empty(),
    };
    let backup = enrolled.backup.clone().filter(|_| stays);
    let left = Enrolled { totp: None, backup, passkeys, ..enrolled.clone() };
    let keys: MethodSet = enrolled.passkeys.iter().map(PasskeyRecord::method).collect();
    let kept: MethodSet = left.passkeys.iter().map(PasskeyRecord::method).collect();
    let gone = enrolled.methods(false, None).minus(left.methods(false, None)).or(keys.minus(kept));
    (left, gone)
}
