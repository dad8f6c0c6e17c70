//! Addresses: confirmed by a code that was sent there, in a session that is fresh and as strong as the account can be.

use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::address::phone_number::NumberRefusal;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::flow::destination::Destinations;
use crate::flow::ports::{Authenticators as _, Letter};
use crate::flow::reply::{AddressAsked, AddressConfirmed, AddressRemoved, CeremonyRef, Named, Renamed};
use crate::flow::testing::{HOST, World, client, sending};

struct Stage {
    world: Arc<World>,
    flows: Flows,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let flows = Flows::new(world.ports(), sending());
        Self { world, flows }
    }

    /// Ann has two addresses, and has proved one.
    async fn with_two_addresses() -> (Self, CeremonyRef) {
        let stage = Self::new();
        let ann = stage.world.person("ann");
        with_address(&stage.world, &ann, AddressKind::Email, "ann@example.com");
        with_address(&stage.world, &ann, AddressKind::Email, "ann@example.org");
        let steps = Some(Requirement::of(Strength::TwoSteps));
        let next = asked(stage.flows.begin(given("ann", PASSWORD), steps, Channel::Cookie, &client()).await.unwrap());
        let sign_in = CeremonyRef::SignIn(next.ceremony.clone());
        stage.flows.send_code(&sign_in, AddressKind::Email, &client()).await.unwrap();
        let Letter::SignInCode(code) = stage.world.look(|s| s.letters.last().unwrap().0.clone()) else {
            panic!("none")
        };
        let told = stage.flows.second_factor(&next.ceremony, Method::EmailCode, code.code, &client()).await.unwrap();
        let open = opened(told);
        let at = CeremonyRef::Session(open.token, open.session);
        (stage, at)
    }

    async fn session(&self, name: &str) -> CeremonyRef {
        let one = Some(Requirement::of(Strength::OneFactor));
        let open = opened(self.flows.begin(given(name, PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
        CeremonyRef::Session(open.token, open.session)
    }

    async fn add(&self, at: &CeremonyRef, kind: AddressKind, typed: &str) -> AddressAsked {
        self.flows.add_address(at, kind, typed, &client()).await.unwrap().value
    }

    async fn confirm(&self, at: &CeremonyRef, code: &SecretText) -> AddressConfirmed {
        self.flows.confirm_address(at, code, Default::default(), &client()).await.unwrap().value
    }

    async fn remove(&self, at: &CeremonyRef, id: &str, rules: &Destinations) -> AddressRemoved {
        self.flows.remove_address(at, id, Default::default(), rules, &client()).await.unwrap().value
    }

    fn code(&self) -> SecretText {
        self.world.look(|s| match s.letters.last() {
            Some((Letter::AddressCode(code), _)) => code.code.clone(),
            _ => panic!("no code was sent"),
        })
    }
}

/// Everybody needs so much everywhere.
fn rules(strength: Strength) -> Destinations {
    let access = Access::Guarded { audience: Audience::default(), requirement: Requirement::of(strength) };
    let rule = Rule::new("payroll", PathPattern::glob("/**").unwrap(), access);
    Destinations::new(Arc::new(Policy::new([AppPolicy {
        offer: sending().offer,
        host: HOST.to_owned(),
        tolerate: Default::default(),
        rules: vec![Arc::new(rule)].into(),
    }])))
}

#[tokio::test]
async fn an_address_counts_after_its_code() {
    let stage = Stage::new();
    let ann = stage.world.person("ann");
    let at = stage.session("ann").await;
    let told = stage.add(&at, AddressKind::Email, " Ann@Example.com ").await;
    assert!(matches!(told, AddressAsked::Sent { to, .. } if to == "Ann@example.com"));
    assert!(stage.world.look(|s| s.addresses.is_empty()), "not yet");
    let (code, wrong) = (stage.code(), secret("000000"));
    assert!(matches!(stage.confirm(&at, &wrong).await, AddressConfirmed::Rejected(Rejection::WrongCode)));
    let other = stage.session("ann").await;
    let told = stage.confirm(&other, &code).await;
    assert!(matches!(told, AddressConfirmed::Rejected(Rejection::NoCode)), "in that session alone");
    assert!(
        matches!(stage.confirm(&at, &code).await, AddressConfirmed::Added(added) if added.value == "Ann@example.com")
    );
    assert!(stage.world.look(|s| s.addresses[0].0 == ann));
    // Now she can prove more than a password, and must before the next change.
    assert!(matches!(stage.confirm(&at, &code).await, AddressConfirmed::AlreadyDone), "sent twice");
    let told = stage.add(&at, AddressKind::Email, "ann@example.org").await;
    assert!(matches!(told, AddressAsked::ProveFirst(m) if m.contains(Method::EmailCode)));
    assert!(stage.world.look(|s| s.codes.is_empty() && s.pending().is_empty()), "nothing waits any more");
}

#[tokio::test]
async fn a_code_for_one_purpose_is_none_for_the_other() {
    let stage = Stage::new();
    let ann = stage.world.person("ann");
    with_address(&stage.world, &ann, AddressKind::Email, "ann@example.com");
    let at = stage.session("ann").await;
    assert!(
        matches!(stage.add(&at, AddressKind::Email, "ann@example.org").await, AddressAsked::ProveFirst(m) if m.contains(Method::EmailCode))
    );
    // By a code of the address that is there.
    stage.flows.send_code(&at, AddressKind::Email, &client()).await.unwrap();
    let letter = stage.world.look(|s| s.letters.last().unwrap().0.clone());
    let Letter::SignInCode(code) = letter else { panic!("no code for a step-up") };
    let told = stage.confirm(&at, &code.code).await;
    assert!(matches!(told, AddressConfirmed::ProveFirst(_)));
    let CeremonyRef::Session(token, session) = &at else { panic!("no session") };
    let open = opened(stage.flows.elevate(token, session, Method::EmailCode, code.code, &client()).await.unwrap());
    let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
    assert!(matches!(stage.add(&at, AddressKind::Email, "ann@example.org").await, AddressAsked::Sent { .. }));
    let confirming = stage.code();
    let told = stage.flows.elevate(&open.token, &open.session, Method::EmailCode, confirming, &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::NoCode, RejectReason::NoCode), "{}", word(&told.value));
}

#[tokio::test]
async fn who_could_prove_more_must_do_so_first_and_lately() {
    let stage = Stage::new();
    let ann = stage.world.person("ann");
    let key = stage.world.with_totp(&ann);
    with_address(&stage.world, &ann, AddressKind::Email, "ann@example.com");
    let at = stage.session("ann").await;
    let asked = stage.add(&at, AddressKind::Sms, "+1 650 253 0000").await;
    // No sent code would do: the account can do better.
    assert!(matches!(asked, AddressAsked::ProveFirst(m) if m == MethodSet::EMPTY.with(Method::Totp)));
    assert!(matches!(
        stage.remove(&at, "Aann@example.com", &rules(Strength::OneFactor)).await,
        AddressRemoved::ProveFirst(_)
    ));
    assert!(stage.world.look(|s| s.letters.is_empty()));
    let open = whole(&stage.flows, "ann", &client(), stage.world.code(&key, 0)).await;
    let at = CeremonyRef::Session(open.token, open.session);
    assert!(matches!(stage.add(&at, AddressKind::Sms, "+1 650 253 0000").await, AddressAsked::Sent { .. }));
    stage.world.pass(Duration::from_secs(601));
    assert!(
        matches!(stage.confirm(&at, &stage.code()).await, AddressConfirmed::ProveFirst(_)),
        "long ago counts no more"
    );
}

#[tokio::test]
async fn an_address_of_somebody_else_is_told_to_who_reads_it_alone() {
    let stage = Stage::new();
    let ann = stage.world.person("ann");
    with_address(&stage.world, &ann, AddressKind::Email, "ann@example.com");
    stage.world.person("bob");
    let at = stage.session("bob").await;
    assert!(
        matches!(stage.add(&at, AddressKind::Email, "ANN@example.com").await, AddressAsked::Sent { .. }),
        "as any other"
    );
    assert!(matches!(stage.confirm(&at, &stage.code()).await, AddressConfirmed::Taken));
    assert_eq!(stage.world.look(|s| s.addresses.len()), 1);
}

#[tokio::test]
async fn what_no_code_can_reach_is_refused() {
    let stage = Stage::new();
    stage.world.person("ann");
    let at = stage.session("ann").await;
    for (kind, typed, why) in [
        (AddressKind::Email, "ann@example.com\r\nBcc: x@example.com", NumberRefusal::Malformed),
        (AddressKind::Sms, "0151 23456789", NumberRefusal::Malformed),
        (AddressKind::Sms, "+1 900 253 0000", NumberRefusal::Kind),
        (AddressKind::Sms, "+49 1512 3456789", NumberRefusal::Country),
    ] {
        assert!(matches!(stage.add(&at, kind, typed).await, AddressAsked::Unusable(told) if told == why), "{typed}");
    }
    for n in 0..5 {
        with_address(
            &stage.world,
            &crate::auth::user::UserId("01ANN".to_owned()),
            AddressKind::Sms,
            &format!("+1650253000{n}"),
        );
    }
    let settings = sending();
    assert_eq!(settings.codes.most_addresses, 5);
    let at = {
        // Her numbers can be proved with now, so she must.
        stage.flows.send_code(&at, AddressKind::Sms, &client()).await.unwrap();
        let Letter::SignInCode(code) = stage.world.look(|s| s.letters.last().unwrap().0.clone()) else {
            panic!("none")
        };
        let CeremonyRef::Session(token, session) = &at else { panic!("no session") };
        let open = opened(stage.flows.elevate(token, session, Method::SmsCode, code.code, &client()).await.unwrap());
        CeremonyRef::Session(open.token, open.session)
    };
    assert!(matches!(stage.add(&at, AddressKind::Sms, "+1 650 253 0009").await, AddressAsked::TooMany));
}

#[tokio::test]
async fn a_name_is_its_owners_to_give_and_takes_a_fresh_proof() {
    let (stage, at) = Stage::with_two_addresses().await;
    let ann = stage.world.look(|s| s.addresses[0].0.clone());
    let name = async |what, name| stage.flows.rename_authenticator(&at, what, name, &client()).await.unwrap();
    let one = Named::Address("Aann@example.com");
    assert!(matches!(name(one, " Work\u{200b} ").await, Renamed::Renamed));
    for (what, text) in [(one, "\u{200b}"), (Named::Address("Abob@example.com"), "Work"), (Named::App, "Phone")] {
        assert!(matches!(name(what, text).await, Renamed::NotFound), "{what:?}");
    }
    let enrolled = stage.world.of(&ann).await.unwrap();
    assert_eq!((enrolled.name_of("Aann@example.com"), enrolled.name_of("Aann@example.org")), (Some("Work"), None));
    let weak = stage.session("ann").await;
    let told = stage.flows.rename_authenticator(&weak, one, "Mine", &client()).await.unwrap();
    assert!(
        matches!(told, Renamed::ProveFirst(methods) if methods.contains(Method::EmailCode)),
        "as removing one asks"
    );
    stage.world.with_totp(&ann);
    stage.world.pass(Duration::from_secs(601));
    for what in [one, Named::App] {
        assert!(matches!(name(what, "Mine").await, Renamed::ProveFirst(methods) if methods.contains(Method::Totp)));
    }
}

#[tokio::test]
async fn two_addresses_given_up_at_once_leave_one_that_a_rule_needs() {
    let (stage, at) = Stage::with_two_addresses().await;
    let (rules, client) = (rules(Strength::TwoSteps), client());
    let (one, other) = tokio::join!(
        stage.flows.remove_address(&at, "Aann@example.com", Default::default(), &rules, &client),
        stage.flows.remove_address(&at, "Aann@example.org", Default::default(), &rules, &client),
    );
    let told = [one.unwrap().value, other.unwrap().value];
    assert_eq!(told.iter().filter(|told| matches!(told, AddressRemoved::Removed)).count(), 1);
    assert_eq!(told.iter().filter(|told| matches!(told, AddressRemoved::Needed(rule) if rule == "payroll")).count(), 1);
    assert_eq!(stage.world.look(|s| s.addresses.len()), 1);
}

#[tokio::test]
async fn the_last_address_that_a_rule_needs_stays() {
    let (stage, at) = Stage::with_two_addresses().await;
    let strict = rules(Strength::TwoSteps);
    assert!(matches!(stage.remove(&at, "nothing", &strict).await, AddressRemoved::NotFound));
    assert!(
        matches!(stage.remove(&at, "Aann@example.com", &strict).await, AddressRemoved::Removed),
        "there is another"
    );
    let needed = stage.remove(&at, "Aann@example.org", &strict).await;
    assert!(matches!(needed, AddressRemoved::Needed(rule) if rule == "payroll"));
    assert_eq!(stage.world.look(|s| s.addresses.len()), 1);
    assert!(matches!(
        stage.remove(&at, "Aann@example.org", &rules(Strength::OneFactor)).await,
        AddressRemoved::Removed
    ));
}
