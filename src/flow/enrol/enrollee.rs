//! Who enrols, and what they must have proved: enrolling is a privilege of who has just proved as much as the factors of the
//! account can.

use super::addresses::still_to_prove;
use crate::auth::ceremony::{Ceremony, CeremonyKey, Parent};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::proof::{Method, MethodSet, Proofs, Requirement, Strength};
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::{Resumed, Slot};
use crate::flow::ports::{Account, Answer};
use crate::flow::reply::{CeremonyRef, Client};
use crate::flow::standing_person::StandingPerson;

/// An account about to enrol, and where, as the stores have it now.
pub(in crate::flow) struct Enrollee {
    /// The sign-in or the step-up that the enrolment happens in.
    pub(in crate::flow) ceremony: Ceremony,
    pub(in crate::flow) slot: Slot,
    pub(in crate::flow) parent: Parent,
    /// Of the enrolment.
    pub(in crate::flow) key: CeremonyKey,
    pub(in crate::flow) account: Account,
    pub(in crate::flow) enrolled: Enrolled,
    /// What its person must prove first because they are not recognised.
    pub(in crate::flow) unrecognised: Option<Requirement>,
}

impl Flows {
    /// Who is enrolling, from the stores as they are now; `None` if that is over.
    pub(in crate::flow) async fn enrollee<'a>(
        &self,
        at: &CeremonyRef,
        client: &'a Client,
    ) -> Answer<(Attempt<'a>, Option<Enrollee>)> {
        let (mut attempt, resumed) = self.resume(at, client).await?;
        let Some(Resumed { ceremony, slot }) = resumed else { return Ok((attempt, None)) };
        let Some(parent) = slot.parent() else { return Ok((attempt, None)) };
        let Some(user) = ceremony.who.user() else { return Ok((attempt, None)) };
        let Some(person) = self.standing_person(user).await? else { return Ok((attempt, None)) };
        let StandingPerson { account, enrolled, credentials } = person;
        if !slot.session().is_none_or(|session| Self::is_of(session, &account)) {
            return Ok((attempt, None));
        }
        self.recheck_browser(&mut attempt, Some(&account));
        if matches!(slot, Slot::Stored(_)) && ceremony.credentials != credentials {
            self.end_stored(&slot).await?;
            return Ok((attempt, None));
        }
        let key = parent.enrolment_key();
        let unrecognised = match &slot {
            Slot::Session(_, session) => self.before_enrolling(session, client, attempt.now).await?,
            Slot::New | Slot::Stored(_) | Slot::Recovery(_) => {
                ceremony.forbids_enrolment(attempt.now).then(|| Requirement::of(Strength::TwoFactor))
            }
        };
        Ok((attempt, Some(Enrollee { unrecognised, ceremony, slot, parent, key, account, enrolled })))
    }

    /// What must be proved before something is set up, which asks more where it is the first second factor of the account. Who
    /// has only followed a link is told of nothing but what comes first.
    pub(in crate::flow) fn prove_first(&self, who: &Enrollee, now: Timestamp) -> Option<MethodSet> {
        if who.ceremony.is_unproved() {
            return Some(who.ceremony.first_factors());
        }
        let missing = self.missing_to_enrol(&who.account, &who.enrolled, (&who.ceremony.proofs, who.unrecognised), now);
        (!missing.is_empty()).then_some(missing)
    }

    /// What must be proved before anything of an account is changed.
    pub(in crate::flow) fn missing_for_change(&self, who: &Enrollee, now: Timestamp) -> Option<MethodSet> {
        if who.ceremony.is_unproved() {
            return Some(who.ceremony.first_factors());
        }
        if let Some(short) = who.unrecognised.and_then(|required| required.shortfall(&who.ceremony.proofs, now)) {
            return Some(short.methods);
        }
        let fresh = who.ceremony.proofs.fresh(self.settings.enroll_max_age, now);
        let missing = self.missing_strength(&who.account, &who.enrolled, fresh);
        (!missing.is_empty()).then_some(missing)
    }

    /// What must be proved before something is set up for an account with these proofs, of whom so much is asked because they
    /// are not recognised.
    pub(in crate::flow) fn missing_to_enrol(
        &self,
        account: &Account,
        enrolled: &Enrolled,
        (proofs, unrecognised): (&Proofs, Option<Requirement>),
        now: Timestamp,
    ) -> MethodSet {
        // Nothing that is set up now shows that it is its owner who sets it up.
        if let Some(short) = unrecognised.and_then(|required| required.shortfall(proofs, now)) {
            return short.methods;
        }
        let fresh = proofs.fresh(self.settings.enroll_max_age, now);
        let first = self.missing_for_first(account, enrolled, fresh);
        if first.is_empty() { self.missing_strength(account, enrolled, fresh) } else { first }
    }

    /// What is missing from `fresh`: as much as the factors of the account can prove, whatever host they belong to. What is
    /// bound here counts on all of them, and a weaker proof must not make a stronger one. A backup code beside the password
    /// stands in for a passkey that is lost.
    fn missing_strength(&self, account: &Account, enrolled: &Enrolled, fresh: MethodSet) -> MethodSet {
        let password = account.password_hash.is_none() || fresh.contains(Method::Password);
        let lost = password && fresh.contains(Method::BackupCode);
        let owned = self.factors_anywhere(account, enrolled);
        let mut missing = if lost { MethodSet::EMPTY } else { still_to_prove(owned, fresh) };
        if !missing.is_empty() && owned.contains(Method::BackupCode) {
            // Named too, or a passkey that is lost could never be removed. The password first: it uses nothing up.
            missing = missing.with(if password { Method::BackupCode } else { Method::Password });
        }
        // Who has proved nothing at all lately has no business here, whatever the account owns.
        if missing.is_empty() && fresh.is_empty() { MethodSet::EMPTY.with(Method::Password) } else { missing }
    }
}
