//! The end of an account: its owner proves all that it can prove, and that its address is reached. Nothing else makes an
//! [`Erasure`], but an operator on the machine itself.

use std::time::Duration;

use super::{Ceremony, Complete, Purpose, Step};
use crate::auth::proof::{Factor, Method, MethodSet, Proofs, Strength};
use crate::auth::session::Session;
use crate::auth::time::Timestamp;
use crate::auth::user::{Identity, UserId};

/// Leave to erase one account.
#[derive(Debug, PartialEq, Eq)]
pub struct Erasure {
    user: UserId,
}

impl Erasure {
    /// By who may change the database by hand anyway.
    pub fn by_operator(who: &Identity) -> Self {
        Self { user: who.id.clone() }
    }

    pub const fn user(&self) -> &UserId {
        &self.user
    }
}

/// A deletion for which everything is proved. Made by [`Ceremony::advance`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionProved {
    ceremony: Ceremony,
}

impl DeletionProved {
    /// Leave to erase the account; `None`: nobody is known.
    pub fn erasure(&self) -> Option<Erasure> {
        self.ceremony.who.user().map(|user| Erasure { user: user.clone() })
    }

    pub(super) fn into_ceremony(self) -> Ceremony {
        self.ceremony
    }
}

impl Ceremony {
    /// The end of the account of a session, in which these factors were proved at most `max_age` ago. An address that was reached
    /// is none: what is sent for this is yet to be answered.
    pub fn deletion(session: &Session, owned: MethodSet, max_age: Duration, now: Timestamp) -> Self {
        let fresh = session.proofs.fresh(max_age, now);
        let factors = fresh.iter().filter(|method| method.factor() != Factor::Reached);
        let proofs = factors.fold(Proofs::none(), |proofs, method| proofs.with(method, now));
        let purpose = Purpose::Delete(session.id.clone());
        Self { purpose, proofs, enrolled: owned, ..Self::step_up(session, now) }
    }

    /// What is to be proved before the account of this deletion ends, any of these next: the password, as much as the factors of
    /// the account can prove, and last of all the address. A backup code beside the password stands in for what is lost.
    pub fn before_deletion(&self) -> MethodSet {
        let proved = self.proofs.methods();
        let factors: MethodSet = self.enrolled.iter().filter(|m| m.factor() != Factor::Reached).collect();
        let missing = factors.minus(proved);
        if missing.contains(Method::Password) {
            return MethodSet::EMPTY.with(Method::Password);
        }
        let most = Strength::of(factors);
        if !proved.contains(Method::BackupCode) && Strength::of(proved) < most {
            let raises: MethodSet = missing.iter().filter(|m| Strength::of(proved.with(*m)) >= most).collect();
            let backup = missing.and(MethodSet::EMPTY.with(Method::BackupCode));
            return if raises.is_empty() { missing } else { raises.or(backup) };
        }
        MethodSet::EMPTY.with(Method::EmailCode).minus(proved)
    }

    /// Where a deletion stands after one more proof.
    pub(super) fn delete(self) -> Step {
        let next = self.before_deletion();
        match next.is_empty() {
            true => Step::Complete(Complete::Erase(DeletionProved { ceremony: self })),
            false => Step::Ask(self, next.named()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::ceremony::{Verdict, Who};
    use crate::auth::proof::Offer;
    use crate::auth::session::Channel;
    use crate::auth::user::Username;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn methods() -> impl Strategy<Value = MethodSet> {
        proptest::collection::vec(0_usize..9, 0..9).prop_map(|all| all.into_iter().map(|n| Method::ALL[n]).collect())
    }

    fn deletion(owned: MethodSet) -> Ceremony {
        let blank = Ceremony::sign_in(None, None, "erp.example.com".to_owned(), Channel::Cookie, NOW);
        let who = Who::Known { user: UserId("01ANN".to_owned()), username: Username::parse("ann").unwrap() };
        Ceremony { purpose: Purpose::Delete("01S".to_owned()), who, enrolled: owned.closed(), ..blank }
    }

    proptest! {
        #![proptest_config(crate::auth::generated::cases(4000))]

        /// Whatever is proved in whatever order, an account ends only after its password, a second factor where it has one, and its
        /// address; following what is asked leads there.
        #[test]
        fn an_account_ends_after_all_that_it_can_prove(owned in methods(), order in proptest::collection::vec(0_usize..9, 0..12)) {
            let owned = owned.with(Method::Password);
            let two = Strength::of(owned.closed()) >= Some(Strength::TwoFactor);
            let mut ceremony = deletion(owned);
            for method in order.into_iter().map(|n| Method::ALL[n]) {
                match ceremony.advance(Verdict::Proved(method), Offer::BASIC, NOW) {
                    Step::Ask(next, asked) => {
                        prop_assert!(!asked.is_empty());
                        ceremony = next;
                    }
                    Step::Complete(Complete::Erase(done)) => {
                        let proved = done.ceremony.proofs.methods();
                        prop_assert!(proved.contains(Method::Password) && proved.contains(Method::EmailCode));
                        let held = Strength::of(proved) >= Some(Strength::TwoFactor);
                        prop_assert!(held || !two, "{:?} of {:?}", proved, owned);
                        prop_assert_eq!(done.erasure().map(|e| e.user), Some(UserId("01ANN".to_owned())));
                        return Ok(());
                    }
                    _ => return Err(TestCaseError::fail("it stopped")),
                }
            }
            for _ in 0..4 {
                let next = ceremony.before_deletion().iter().next();
                prop_assert!(next.is_some());
                match ceremony.advance(Verdict::Proved(next.unwrap()), Offer::BASIC, NOW) {
                    Step::Ask(next, _) => ceremony = next,
                    Step::Complete(Complete::Erase(_)) => return Ok(()),
                    _ => return Err(TestCaseError::fail("it stopped")),
                }
            }
            prop_assert!(false, "it never ends");
        }
    }

    #[test]
    fn no_other_ceremony_ends_an_account() {
        let all: MethodSet = Method::ALL.into_iter().collect();
        let session_id = || "01S".to_owned();
        let parent = crate::auth::ceremony::Parent::Session(session_id());
        for purpose in [Purpose::SignIn, Purpose::StepUp(session_id()), Purpose::Enrol(parent)] {
            let mut ceremony = Ceremony { purpose, ..deletion(all) };
            for method in Method::ALL {
                match ceremony.advance(Verdict::Proved(method), Offer::BASIC, NOW) {
                    Step::Complete(Complete::Erase(_)) => panic!("an account ends"),
                    step => ceremony = step.ceremony(),
                }
            }
        }
    }
}
