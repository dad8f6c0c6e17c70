//! What a rule asks for, and what is missing. The one mechanism behind login, step-up and freshness.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::method::{Factor, Method, MethodSet};
use super::proofs::Proofs;
use super::strength::Strength;
use crate::auth::time::Timestamp;

/// What a rule asks of the person behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// How strong.
    pub strength: Strength,
    /// How old the renewing factor may be (see [`Strength`]); `None`: as old as the session.
    pub max_age: Option<Duration>,
    /// The methods that count beside a password.
    pub methods: MethodSet,
}

/// Why proofs do not satisfy a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// Nobody is signed in.
    Login,
    /// Signed in, but not strongly enough.
    Stronger,
    /// Strong enough, but too long ago.
    Fresher,
}

/// What is missing: any of `methods` brings the person closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// Why there is one.
    pub lack: Lack,
    /// The methods, any of which would help. Empty only where nothing could ([`Requirement::is_meetable`]).
    pub methods: MethodSet,
}

impl Requirement {
    /// The plain requirement of a strength: any method, any age.
    pub const fn of(strength: Strength) -> Self {
        Self { strength, max_age: None, methods: MethodSet::ALL }
    }

    /// The methods that count here: those allowed, and the password.
    pub const fn counted(&self) -> MethodSet {
        self.methods.with(Method::Password)
    }

    /// Whether some set of the counted methods meets it. One that nothing meets is a mistake of the operator.
    pub fn is_meetable(&self) -> bool {
        Strength::of(self.counted()) >= Some(self.strength)
    }

    /// Whether somebody who owns these methods could meet it.
    pub fn is_within(&self, owned: MethodSet) -> bool {
        Strength::of(owned.and(self.counted())) >= Some(self.strength)
    }

    /// Whether somebody who owns these methods could meet it, perhaps after setting up what this version can set up.
    /// Who could not is never asked to set anything up for it: that would lead nowhere.
    pub fn is_attainable(&self, owned: MethodSet) -> bool {
        self.is_within(owned.or(owned.enrollable()))
    }

    /// Whether it would be met if all of `more` were proved now, beside what is proved already.
    pub fn would_be_met(&self, proofs: &Proofs, more: MethodSet, now: Timestamp) -> bool {
        let all = more.iter().fold(proofs.clone(), |proofs, method| proofs.with(method, now));
        self.shortfall(&all, now).is_none()
    }

    /// What somebody who owns these methods, and could set up more, lacks for good: any of the answer would do.
    /// Empty if nothing is lacking, or nothing would do by itself.
    pub fn out_of_reach(&self, owned: MethodSet) -> MethodSet {
        let most = owned.or(owned.enrollable());
        if self.is_within(most) {
            return MethodSet::EMPTY;
        }
        self.counted().minus(most).iter().filter(|m| self.is_within(most.with(*m))).collect()
    }

    /// What somebody who owns these methods would have to own: any of those that would do by itself, else all that count.
    pub fn lacking(&self, owned: MethodSet) -> MethodSet {
        let named = self.out_of_reach(owned);
        if named.is_empty() { self.counted().minus(owned) } else { named }
    }

    /// What is missing from `proofs` at `now`; `None` if the requirement is met.
    pub fn shortfall(&self, proofs: &Proofs, now: Timestamp) -> Option<Shortfall> {
        let proved = proofs.methods().and(self.counted());
        if Strength::of(proved) < Some(self.strength) {
            let lack = if proved.is_empty() { Lack::Login } else { Lack::Stronger };
            return Some(Shortfall { lack, methods: self.helpful(proved) });
        }
        let max_age = self.max_age?;
        let renewing: MethodSet = self.counted().iter().filter(|m| self.strength.renewed_by(*m)).collect();
        let fresh = proofs.fresh(max_age, now).and(renewing);
        fresh.is_empty().then_some(Shortfall { lack: Lack::Fresher, methods: renewing })
    }

    /// The counted methods that add something to `proved`.
    fn helpful(&self, proved: MethodSet) -> MethodSet {
        self.counted().minus(proved).iter().filter(|m| gain(proved.with(*m)) > gain(proved)).collect()
    }
}

/// How many of {knows, has, resists} a set of methods covers: what a further proof must raise.
fn gain(methods: MethodSet) -> usize {
    let knows = methods.iter().any(|m| matches!(m.factor(), Factor::Knowledge | Factor::Both));
    let has = methods.iter().any(|m| matches!(m.factor(), Factor::Possession | Factor::Both));
    let resists = methods.iter().any(Method::resists_phishing);
    usize::from(knows) + usize::from(has) + usize::from(resists)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn methods() -> impl Strategy<Value = MethodSet> {
        proptest::collection::vec(0_usize..8, 0..8).prop_map(|all| all.into_iter().map(|n| Method::ALL[n]).collect())
    }

    fn requirements() -> impl Strategy<Value = Requirement> {
        let strengths =
            prop_oneof![Just(Strength::OneFactor), Just(Strength::TwoFactor), Just(Strength::PhishingResistant)];
        (strengths, prop::option::of(0_u64..100), methods()).prop_map(|(strength, age, methods)| Requirement {
            strength,
            max_age: age.map(Duration::from_secs),
            methods,
        })
    }

    proptest! {
        #![proptest_config(crate::auth::generated::cases(4000))]

        /// "Within" means: who proves all they own, now, meets it, whatever was proved how long ago; and who does
        /// not, does not by that.
        #[test]
        fn within_is_what_proving_everything_reaches(requirement in requirements(), owned in methods(), old in methods()) {
            let long_ago = NOW.minus(Duration::from_secs(1000));
            let before = old.iter().fold(Proofs::none(), |proofs, method| proofs.with(method, long_ago));
            let met = requirement.would_be_met(&before, owned, NOW);
            if requirement.is_within(owned) {
                prop_assert!(met);
            } else if !requirement.is_within(owned.or(old)) {
                prop_assert!(!met);
            }
        }

        /// Attainable means that a way leads there: proving and setting up, in any order, as it is offered. Not
        /// attainable means that none does, and that what is named as lacking would open one.
        #[test]
        fn attainable_is_what_the_pages_can_lead_to(
            requirement in requirements(), owned in methods(), choices in proptest::collection::vec(any::<prop::sample::Index>(), 6),
        ) {
            let (mut owned_now, mut proofs) = (owned, Proofs::none());
            let mut arrived = false;
            for choice in choices {
                let Some(shortfall) = requirement.shortfall(&proofs, NOW) else { arrived = true; break };
                let askable: Vec<Method> = shortfall.methods.and(owned_now).iter().collect();
                if requirement.is_within(owned_now) && !askable.is_empty() {
                    proofs = proofs.with(askable[choice.index(askable.len())], NOW);
                } else if owned_now.enrollable().is_empty() {
                    break;
                } else {
                    // Setting up proves the app.
                    owned_now = owned_now.or(owned_now.enrollable());
                    proofs = proofs.with(Method::Totp, NOW);
                }
            }
            arrived |= requirement.shortfall(&proofs, NOW).is_none();
            prop_assert_eq!(arrived, requirement.is_attainable(owned), "{:?} {:?}", requirement, owned);
            let lacking = requirement.out_of_reach(owned);
            prop_assert!(lacking.and(owned).is_empty());
            prop_assert!(lacking.is_empty() || !arrived);
            let with_password = owned.with(Method::Password);
            let named = !requirement.out_of_reach(with_password).is_empty();
            prop_assert_eq!(named, requirement.is_meetable() && !requirement.is_attainable(with_password));
        }
    }

    #[test]
    fn an_app_opens_what_two_factors_open_and_no_more() {
        let owned = MethodSet::EMPTY.with(Method::Password);
        assert!(Requirement::of(Strength::TwoFactor).is_attainable(owned));
        let vault = Requirement::of(Strength::PhishingResistant);
        assert!(!vault.is_attainable(owned) && !vault.is_attainable(owned.with(Method::Totp)));
        let wanted = MethodSet::EMPTY.with(Method::Passkey).with(Method::SecurityKey);
        assert_eq!(vault.out_of_reach(owned.with(Method::Totp)), wanted);
        let texted =
            Requirement { methods: MethodSet::EMPTY.with(Method::SmsCode), ..Requirement::of(Strength::TwoFactor) };
        assert_eq!(texted.out_of_reach(owned), texted.methods);
        let codes = Requirement { methods: MethodSet::EMPTY.with(Method::BackupCode), ..texted };
        assert!(codes.is_attainable(owned), "they come with the app");
        assert!(!codes.is_attainable(owned.with(Method::Totp)), "and are not made anew beside it");
    }
}
