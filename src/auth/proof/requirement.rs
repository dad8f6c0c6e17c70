//! What a rule asks for, and what is missing. The one mechanism behind login, step-up and freshness.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::binding::Binding;
use super::method::{Method, MethodSet};
use super::offer::Offer;
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
    #[serde(serialize_with = "as_named")]
    pub methods: MethodSet,
    /// For what a proof is accepted. It is asked for beside what is [missing](Self::shortfall), by the decision alone.
    #[serde(default, skip_serializing_if = "Binding::is_session")]
    pub binding: Binding,
}

/// The version before knows no bound passkey, and means it by a passkey.
fn as_named<S: serde::Serializer>(methods: &MethodSet, serializer: S) -> Result<S::Ok, S::Error> {
    methods.named().serialize(serializer)
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
    /// Enough for the rule, but the person is not recognised.
    Recognition,
    /// Enough for a session, but the rule asks for a proof that serves this request alone.
    Once,
    /// The same, of a request that was told beforehand.
    Transaction,
}

impl Lack {
    /// Every one, for tables.
    pub const ALL: [Self; 6] =
        [Self::Login, Self::Stronger, Self::Fresher, Self::Recognition, Self::Once, Self::Transaction];

    /// The stable word for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Stronger => "stronger",
            Self::Fresher => "fresher",
            Self::Recognition => "risk",
            Self::Once => "once",
            Self::Transaction => "transaction",
        }
    }
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
        Self { strength, max_age: None, methods: MethodSet::ALL, binding: Binding::Session }
    }

    /// The methods that count here: those allowed, and the password.
    pub const fn counted(&self) -> MethodSet {
        self.methods.with(Method::Password)
    }

    /// Whether a code that was sent to an address is enough beside a password, where these methods are served.
    pub fn is_met_by_sent_codes(&self, served: MethodSet) -> bool {
        let sent = MethodSet::EMPTY.with(Method::EmailCode).with(Method::SmsCode).and(served);
        self.strength == Strength::TwoSteps && !self.counted().and(sent).is_empty()
    }

    /// Whether some set of the counted methods meets it. One that nothing meets is a mistake of the operator.
    pub fn is_meetable(&self) -> bool {
        Strength::of(self.counted()) >= Some(self.strength)
    }

    /// Whether somebody who owns these methods could meet it.
    pub fn is_within(&self, owned: MethodSet) -> bool {
        Strength::of(owned.closed().and(self.counted())) >= Some(self.strength)
    }

    /// Whether these methods hold a passkey that may be copied to other devices, and only what stays on one would count.
    pub fn leaves_out_copies(&self, methods: MethodSet) -> bool {
        let has = |set: MethodSet, method| set.contains(method);
        let copied = has(methods, Method::Passkey) && !has(methods, Method::BoundPasskey);
        let kept = has(self.methods, Method::BoundPasskey) || has(self.methods, Method::SecurityKey);
        copied && kept && !has(self.methods, Method::Passkey) && !self.is_within(methods)
    }

    /// Whether somebody who owns these methods could meet it, perhaps after setting up what can be set up here.
    /// Who could not is never asked to set anything up for it: that would lead nowhere.
    pub fn is_attainable(&self, owned: MethodSet, offer: Offer) -> bool {
        self.is_within(offer.most(owned))
    }

    /// Whether it would be met if all of `more` were proved now, beside what is proved already.
    pub fn would_be_met(&self, proofs: &Proofs, more: MethodSet, now: Timestamp) -> bool {
        let all = more.iter().fold(proofs.clone(), |proofs, method| proofs.with(method, now));
        self.shortfall(&all, now).is_none()
    }

    /// What somebody who owns these methods, and could set up more, lacks for good: any of the answer would do.
    /// Empty if nothing is lacking, or nothing would do by itself.
    pub fn out_of_reach(&self, owned: MethodSet, offer: Offer) -> MethodSet {
        let most = offer.most(owned);
        if self.is_within(most) {
            return MethodSet::EMPTY;
        }
        let lacking: MethodSet = self.counted().minus(most).iter().filter(|m| self.is_within(most.with(*m))).collect();
        lacking.named()
    }

    /// What somebody who owns these methods would have to own: any of those that would do by itself, else all that count.
    pub fn lacking(&self, owned: MethodSet, offer: Offer) -> MethodSet {
        let any = self.out_of_reach(owned, offer);
        if any.is_empty() { self.counted().minus(owned.closed()).named() } else { any }
    }

    /// What is missing from `proofs` at `now`; `None` if the requirement is met.
    pub fn shortfall(&self, proofs: &Proofs, now: Timestamp) -> Option<Shortfall> {
        let proved = proofs.methods().and(self.counted());
        if Strength::of(proved) < Some(self.strength) {
            let lack = if proved.is_empty() { Lack::Login } else { Lack::Stronger };
            return Some(Shortfall { lack, methods: self.helpful(proved) });
        }
        let max_age = self.max_age?;
        let renewing = self.renewing();
        let fresh = proofs.fresh(max_age, now).and(renewing);
        fresh.is_empty().then_some(Shortfall { lack: Lack::Fresher, methods: renewing.named() })
    }

    /// The counted methods that show that the person is still there.
    pub fn renewing(&self) -> MethodSet {
        self.counted().iter().filter(|m| self.strength.renewed_by(*m)).collect()
    }

    /// What is missing for this one request, whatever the session has proved; `None` if a session is enough.
    pub fn missing_for_request(&self) -> Option<Shortfall> {
        let lack = match self.binding {
            Binding::Session => return None,
            Binding::Request => Lack::Once,
            Binding::Transaction => Lack::Transaction,
        };
        Some(Shortfall { lack, methods: self.renewing().named() })
    }

    /// The counted methods that add something to `proved`.
    fn helpful(&self, proved: MethodSet) -> MethodSet {
        let gain = |methods| self.strength.covered_by(methods);
        let more = self.counted().minus(proved).iter().filter(|m| gain(proved.with(*m)) > gain(proved));
        more.collect::<MethodSet>().named()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::proof::Factor;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn methods() -> impl Strategy<Value = MethodSet> {
        proptest::collection::vec(0_usize..9, 0..9).prop_map(|all| all.into_iter().map(|n| Method::ALL[n]).collect())
    }

    /// What somebody owns.
    fn owned() -> impl Strategy<Value = MethodSet> {
        methods().prop_map(MethodSet::closed)
    }

    fn offers() -> impl Strategy<Value = Offer> {
        let passkeys = [Method::Passkey, Method::BoundPasskey, Method::SecurityKey];
        let all = passkeys.into_iter().fold(Offer::BASIC, |offer, method| offer.with(method, true));
        prop::sample::select(vec![Offer::BASIC, Offer::BASIC.with(Method::SmsCode, false), all])
    }

    fn requirements() -> impl Strategy<Value = Requirement> {
        let strengths = prop::sample::select(&Strength::ALL[..]);
        (strengths, prop::option::of(0_u64..100), methods()).prop_map(|(strength, age, methods)| Requirement {
            strength,
            max_age: age.map(Duration::from_secs),
            methods,
            binding: Binding::Session,
        })
    }

    proptest! {
        #![proptest_config(crate::auth::generated::cases(4000))]

        /// Each strength includes the one before: what meets a requirement meets it at every weaker strength, and whatever
        /// is proved beside takes nothing away.
        #[test]
        fn strengths_are_an_order(
            requirement in requirements(), given in proptest::collection::vec((0_usize..9, 0_u64..200), 0..5), more in methods(),
        ) {
            let proofs = given.iter().fold(Proofs::none(), |proofs, (method, age)| {
                proofs.with(Method::ALL[*method], NOW.minus(Duration::from_secs(*age)))
            });
            let met = |strength, proofs: &Proofs| Requirement { strength, ..requirement }.shortfall(proofs, NOW).is_none();
            let all = more.iter().fold(proofs.clone(), |proofs, method| proofs.with(method, NOW));
            for (weaker, stronger) in Strength::ALL.into_iter().zip(Strength::ALL.into_iter().skip(1)) {
                prop_assert!(weaker < stronger);
                prop_assert!(!met(stronger, &proofs) || met(weaker, &proofs), "{:?} {:?} {:?}", stronger, requirement, proofs);
            }
            for strength in Strength::ALL {
                prop_assert!(!met(strength, &proofs) || met(strength, &all));
            }
        }

        /// No code that was sent to an address is a factor, with whatever was reached or recovered beside it.
        #[test]
        fn nothing_two_factor_is_met_by_a_sent_code(age in prop::option::of(0_u64..100), allowed in methods(), rest in methods()) {
            let none: MethodSet =
                rest.iter().filter(|m| !matches!(m.factor(), Factor::Possession | Factor::Both)).collect();
            let sent = none.with(Method::EmailCode).with(Method::SmsCode).with(Method::RecoveryCode);
            let proofs = sent.with(Method::Password).iter().fold(Proofs::none(), |p, m| p.with(m, NOW));
            for strength in [Strength::TwoFactor, Strength::PhishingResistant] {
                let requirement = Requirement { max_age: age.map(Duration::from_secs), methods: allowed, ..Requirement::of(strength) };
                let shortfall = requirement.shortfall(&proofs, NOW);
                prop_assert!(shortfall.is_some_and(|s| s.methods.and(sent).is_empty()), "nor is one asked for");
            }
        }

        /// Who proves by a bound passkey has proved what a passkey proves, never the other way round.
        #[test]
        fn a_bound_passkey_counts_as_a_passkey(requirement in requirements(), others in methods()) {
            let others = others.minus(MethodSet::EMPTY.with(Method::Passkey).with(Method::BoundPasskey));
            let met = |by: MethodSet, requirement: &Requirement| requirement.would_be_met(&Proofs::none(), by, NOW);
            let (bound, synced) = (others.with(Method::BoundPasskey), others.with(Method::Passkey));
            let asked = Requirement { methods: requirement.methods.with(Method::Passkey), ..requirement };
            prop_assert_eq!(met(bound, &asked), met(synced, &asked));
            let bound_only = requirement.methods.minus(synced).with(Method::BoundPasskey);
            let asked = Requirement { methods: bound_only, ..requirement };
            prop_assert!(!met(synced, &asked) || met(others, &asked));
            let text = serde_json::to_string(&requirement).unwrap();
            let back: Requirement = serde_json::from_str(&text).unwrap();
            prop_assert_eq!((back.counted(), back.strength), (requirement.counted().named(), requirement.strength));
            prop_assert_eq!(met(bound, &back), met(bound, &requirement), "the version before means the same");
        }

        /// "Within" means: who proves all they own, now, meets it, whatever was proved how long ago; and who does
        /// not, does not by that.
        #[test]
        fn within_is_what_proving_everything_reaches(requirement in requirements(), owned in owned(), old in owned()) {
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
            requirement in requirements(), owned in owned(), offer in offers(),
            choices in proptest::collection::vec(any::<prop::sample::Index>(), 16),
        ) {
            let (mut owned_now, mut proofs) = (owned, Proofs::none());
            let mut arrived = false;
            for choice in choices {
                let Some(shortfall) = requirement.shortfall(&proofs, NOW) else { arrived = true; break };
                let askable: Vec<Method> = shortfall.methods.and(owned_now).iter().collect();
                if requirement.is_within(owned_now) && !askable.is_empty() {
                    proofs = proofs.with(askable[choice.index(askable.len())], NOW);
                } else if offer.set_up(owned_now).is_empty() {
                    break;
                } else {
                    // Setting up proves what was set up; backup codes come along with the first.
                    let what: Vec<Method> = offer.set_up(owned_now).iter().filter(|m| *m != Method::BackupCode).collect();
                    let Some(what) = what.get(choice.index(what.len().max(1))).copied() else { break };
                    owned_now = owned_now.or(offer.set_up(owned_now).and(MethodSet::EMPTY.with(what).with(Method::BackupCode)));
                    proofs = proofs.with(what, NOW);
                }
            }
            arrived |= requirement.shortfall(&proofs, NOW).is_none();
            prop_assert_eq!(arrived, requirement.is_attainable(owned, offer), "{:?} {:?}", requirement, owned);
            let lacking = requirement.out_of_reach(owned, offer);
            prop_assert!(lacking.and(owned).is_empty());
            prop_assert!(lacking.is_empty() || !arrived);
            let with_password = owned.with(Method::Password);
            let named = !requirement.out_of_reach(with_password, offer).is_empty();
            prop_assert_eq!(named, requirement.is_meetable() && !requirement.is_attainable(with_password, offer));
        }
    }

    #[test]
    fn an_app_opens_what_two_factors_open_and_no_more() {
        let owned = MethodSet::EMPTY.with(Method::Password);
        assert!(Requirement::of(Strength::TwoFactor).is_attainable(owned, Offer::BASIC));
        let vault = Requirement::of(Strength::PhishingResistant);
        assert!(
            !vault.is_attainable(owned, Offer::BASIC) && !vault.is_attainable(owned.with(Method::Totp), Offer::BASIC)
        );
        let wanted = MethodSet::EMPTY.with(Method::Passkey).with(Method::SecurityKey);
        assert_eq!(vault.out_of_reach(owned.with(Method::Totp), Offer::BASIC), wanted);
        let texted =
            Requirement { methods: MethodSet::EMPTY.with(Method::SmsCode), ..Requirement::of(Strength::TwoSteps) };
        assert_eq!(texted.out_of_reach(owned, Offer::BASIC), texted.methods);
        assert!(!Requirement { strength: Strength::TwoFactor, ..texted }.is_meetable(), "a sent code is no factor");
        let texted = Requirement::of(Strength::TwoFactor);
        let codes = Requirement { methods: MethodSet::EMPTY.with(Method::BackupCode), ..texted };
        assert!(codes.is_attainable(owned, Offer::BASIC), "they come with the app");
        assert!(!codes.is_attainable(owned.with(Method::Totp), Offer::BASIC), "and are not made anew beside it");
    }
}
