//! A sign-in that a link in a letter began: an address was reached, which is no factor. What only whoever knows the password
//! could try before is tried after it here too.

use super::{Ceremony, Purpose};
use crate::auth::proof::{Factor, Method, MethodSet};

impl Ceremony {
    /// Whether it is a sign-in in which an address was reached and nothing else was proved.
    pub fn is_unproved(&self) -> bool {
        let proved = self.proofs.methods();
        let reached = |method: Method| method.factor() == Factor::Reached;
        self.purpose == Purpose::SignIn && !proved.is_empty() && proved.iter().all(reached)
    }

    /// Whether it looks at a proof by this method: what comes second is not tried before what comes first.
    pub fn takes(&self, method: Method) -> bool {
        let first = self.first_factors();
        // Which kind of passkey it is shows only once it is verified.
        let is_passkey = MethodSet::PASSKEYS.contains(method) && !first.and(MethodSet::PASSKEYS).is_empty();
        !self.is_unproved() || first.contains(method) || is_passkey
    }

    /// What comes first then: the password, and where there is none, what people sign in by alone. Empty: the account has
    /// nothing that a sign-in could begin with.
    pub fn first_factors(&self) -> MethodSet {
        let password = MethodSet::EMPTY.with(Method::Password);
        match self.enrolled.contains(Method::Password) {
            true => password,
            false => self.enrolled.iter().filter(|m| m.factor() == Factor::Both).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::ceremony::{Complete, Step, Verdict, Who};
    use crate::auth::proof::{Offer, Requirement, Strength};
    use crate::auth::session::Channel;
    use crate::auth::time::Timestamp;
    use crate::auth::user::{UserId, Username};

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn methods() -> impl Strategy<Value = MethodSet> {
        proptest::collection::vec(0_usize..9, 0..9).prop_map(|all| all.into_iter().map(|n| Method::ALL[n]).collect())
    }

    fn begun(owned: MethodSet, requirement: Option<Requirement>) -> Ceremony {
        let blank = Ceremony::sign_in(None, requirement, "erp.example.com".to_owned(), Channel::Cookie, NOW);
        let who = Who::Known { user: UserId("01ANN".to_owned()), username: Username::parse("ann").unwrap() };
        let mut ceremony = Ceremony { who, ..blank };
        ceremony.set_methods(owned.closed(), MethodSet::EMPTY);
        ceremony
    }

    proptest! {
        #![proptest_config(crate::auth::generated::cases(4000))]

        /// Whatever an account owns and a destination asks, whoever reads its mail alone is asked for what knows them first,
        /// and nothing else that they prove before counts.
        #[test]
        fn an_address_that_was_reached_never_completes_and_is_followed_by_the_password(
            owned in methods(), strength in prop::option::of(0_usize..4), then in 0_usize..9,
        ) {
            let owned = owned.with(Method::Password);
            let requirement = strength.map(|n| Requirement::of(Strength::ALL[n]));
            let ceremony = begun(owned, requirement);
            let reached = Verdict::Proved(Method::EmailCode);
            let Step::Ask(ceremony, asked) = ceremony.advance(reached, Offer::BASIC, NOW) else {
                return Err(TestCaseError::fail("it asks for no more"));
            };
            let password = MethodSet::EMPTY.with(Method::Password);
            prop_assert_eq!((asked, ceremony.available(NOW)), (password, password));
            let method = Method::ALL[then];
            let before = ceremony.clone();
            match ceremony.advance(Verdict::Proved(method), Offer::BASIC, NOW) {
                Step::Rejected(same) => {
                    prop_assert!(method != Method::Password);
                    prop_assert_eq!(same, before);
                }
                step => {
                    prop_assert_eq!(method, Method::Password);
                    let step_completes = matches!(step, Step::Complete(_));
                    let enough = Strength::of(step.ceremony().proofs.methods());
                    prop_assert_eq!(enough, Some(Strength::TwoSteps), "and the link makes no more of it");
                    let asks = requirement.map(|r| r.strength);
                    prop_assert!(!step_completes || asks <= Some(Strength::TwoSteps) , "{:?}", asks);
                }
            }
        }
    }

    #[test]
    fn who_has_no_password_is_asked_for_what_they_sign_in_by_and_nothing_at_all_leads_nowhere() {
        let passkeys = MethodSet::EMPTY.with(Method::BoundPasskey).with(Method::Totp);
        let reached = Verdict::Proved(Method::EmailCode);
        let Step::Ask(ceremony, asked) = begun(passkeys, None).advance(reached, Offer::BASIC, NOW) else { panic!() };
        assert_eq!(asked, MethodSet::EMPTY.with(Method::Passkey));
        assert!(matches!(
            ceremony.clone().advance(Verdict::Proved(Method::Totp), Offer::BASIC, NOW),
            Step::Rejected(_)
        ));
        let done = ceremony.advance(Verdict::Proved(Method::BoundPasskey), Offer::BASIC, NOW);
        assert!(matches!(done, Step::Complete(Complete::Open(_))));
        let nothing = begun(MethodSet::EMPTY.with(Method::Totp), None).advance(reached, Offer::BASIC, NOW);
        assert!(!matches!(nothing, Step::Complete(_)), "an address alone signs nobody in");
    }
}
