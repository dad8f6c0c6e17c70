//! What goes on around a sign-in: travel, wrong proofs of its address range, accounts that nobody used.

use super::*;
use crate::auth::event::RiskRecord;
use crate::flow::risk::pin_person;
use crate::risk::settings::OnFault;
use crate::risk::{Location, PinReason, Signal};

fn record(events: &[Event]) -> Arc<RiskRecord> {
    events.iter().find_map(|event| event.risk.clone()).unwrap()
}

fn term(events: &[Event], signal: Signal) -> Option<f64> {
    let record = record(events);
    record.terms.iter().find(|term| term.signal == signal.name()).map(|term| term.evidence.into())
}

fn place(world: &Arc<World>, address: &str, (country, asn): (&str, u32), location: Option<(f64, f64)>) {
    let location = location.map(|(latitude, longitude)| Location { latitude, longitude, radius_km: 20.0 });
    let place = Place { country: Country::parse(country), asn: Some(asn), location, ..Place::default() };
    world.look(|s| s.places.places.insert(address.parse().unwrap(), place));
}

async fn remembered(world: &Arc<World>, flows: &Flows, name: &str, client: &Client) -> WithEvents<LoginReply> {
    let told = by_password(flows, name, client).await;
    world.remember(&told.events);
    told
}

#[tokio::test]
async fn who_cannot_have_travelled_so_far_is_told_apart() {
    for (minutes, expected) in [(30, Some(2.5)), (20 * 60, None)] {
        let world = world();
        place(&world, HOME, ("NO", 100), Some((59.9, 10.7)));
        place(&world, AWAY, ("BR", 200), Some((-23.5, -46.6)));
        world.person("bob");
        let flows = flows(&world, Mode::Shadow);
        usual(&world, &flows, "bob").await;
        world.pass(DAY);
        let home = remembered(&world, &flows, "bob", &at(HOME)).await;
        assert_eq!(term(&home.events, Signal::Travel), None);
        world.pass(Duration::from_secs(minutes * 60));
        let away = remembered(&world, &flows, "bob", &at(AWAY)).await;
        assert_eq!(term(&away.events, Signal::Travel), expected, "{minutes}: {:?}", record(&away.events));
    }
}

#[tokio::test]
async fn wrong_proofs_of_the_range_count_for_its_next_sign_in() {
    let world = world();
    world.person("bob");
    let flows = flows(&world, Mode::Shadow);
    usual(&world, &flows, "bob").await;
    let wrong = |name: String, ip: &'static str| {
        let flows = &flows;
        async move { flows.begin(given(&name, "wrong"), goal(), Channel::Cookie, &at(ip)).await.unwrap() }
    };
    assert_eq!(term(&by_password(&flows, "bob", &at(HOME)).await.events, Signal::Velocity), None);
    // Four names that nobody has, and one twice: not many enough.
    for n in [0, 1, 2, 2] {
        wrong(format!("nobody{n}"), NEAR).await;
    }
    assert_eq!(term(&by_password(&flows, "bob", &at(HOME)).await.events, Signal::Velocity), None);
    for n in 3..5 {
        wrong(format!("nobody{n}"), NEAR).await;
    }
    let step = |events: &[Event]| term(events, Signal::Velocity).map(|evidence| (evidence / 3f64.ln()).round() as u32);
    assert_eq!(step(&by_password(&flows, "bob", &at(HOME)).await.events), Some(1), "five accounts of the /24");
    assert_eq!(step(&by_password(&flows, "bob", &at(AWAY)).await.events), None, "another range");
    for n in 0..20 {
        wrong(format!("nobody{}", n % 4), NEAR).await;
    }
    assert_eq!(step(&by_password(&flows, "bob", &at(HOME)).await.events), Some(2), "and twenty wrong proofs");
    assert_eq!(step(&by_password(&flows, "bob", &at(HOME)).await.events), Some(2), "a right one takes nothing with it");
    world.pass(Duration::from_secs(2 * 3600));
    assert_eq!(step(&by_password(&flows, "bob", &at(HOME)).await.events), None, "and all is forgotten");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_counted_as_any_other() {
    let world = world();
    world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    let counted = async |name: &str| {
        world.look(|s| {
            s.counters.clear();
            s.quotas.clear();
        });
        flows.begin(given(name, "wrong"), goal(), Channel::Cookie, &at(HOME)).await.unwrap();
        let account = crate::auth::throttle::account_of_name(name);
        world.look(|s| {
            let mut keys: Vec<String> = s.counters.keys().map(|key| key.replace(&account, "ACCOUNT")).collect();
            keys.extend(s.quotas.iter().map(|(key, entries)| format!("{key} {}", entries.len())));
            keys.sort();
            keys
        })
    };
    let known = counted("bob").await;
    assert!(known.iter().any(|key| key == "risk:failures:192.0.2.0/24"), "{known:?}");
    assert!(known.iter().any(|key| key == "risk:people:192.0.2.0/24 1"), "{known:?}");
    assert_eq!(known, counted("nobody").await);
}

/// Whoever has the password of an account that nobody used for long does not become its owner by using it.
#[tokio::test]
async fn an_account_that_nobody_used_teaches_nothing_by_a_password_alone() {
    let world = world();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    world.pass(DAY * 200);
    for _ in 0..3 {
        world.pass(DAY);
        let told = by_password(&flows, "bob", &at(AWAY)).await;
        assert_eq!(level(&told.events), Some(RiskLevel::Medium));
        assert!(record(&told.events).dormant);
        asked(told);
        assert_eq!(learnt(&world, &bob).await, 0);
    }
    let next = asked(by_password(&flows, "bob", &at(HOME)).await);
    opened(flows.second_factor(&next.ceremony, Method::Totp, world.code(&key, 0), &at(HOME)).await.unwrap());
    assert_eq!(learnt(&world, &bob).await, 1);
    world.pass(DAY);
    let told = by_password(&flows, "bob", &at(HOME)).await;
    assert_eq!(level(&told.events), Some(RiskLevel::Unscored), "its owner is asked once, not each time");
}

/// Nobody can tell yet whether it is its owner: a password alone is believed for half.
#[tokio::test]
async fn a_new_account_is_asked_for_nothing_and_is_known_after_three() {
    let world = world();
    let bob = world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    for _ in 0..3 {
        let told = by_password(&flows, "bob", &at(HOME)).await;
        assert_eq!(level(&told.events), Some(RiskLevel::Unscored));
        assert!(told.events.iter().any(|event| matches!(event.what, What::SessionOpened { .. }) && event.learnt));
        opened(told);
    }
    assert_eq!(learnt(&world, &bob).await, 3);
    assert_eq!(level(&by_password(&flows, "bob", &at(HOME)).await.events), Some(RiskLevel::Low));
    assert!(level(&by_password(&flows, "bob", &other_browser(AWAY)).await.events) >= Some(RiskLevel::Medium));
}

/// Who owns nothing that would show that it is them is not asked for it.
#[tokio::test]
async fn who_has_no_second_factor_comes_back_after_long() {
    let world = world();
    world.person("ann");
    let flows = flows(&world, Mode::Enforce);
    world.pass(DAY * 400);
    let told = by_password(&flows, "ann", &at(HOME)).await;
    assert_eq!(level(&told.events), Some(RiskLevel::Unscored));
    opened(told);
}

/// A mark of a browser that does not hold is told only once the account was looked up, and the attempt is charged again then.
#[tokio::test]
async fn a_right_proof_leaves_nothing_in_its_range_whatever_its_mark() {
    let world = world();
    let bob = world.person("bob");
    let flows = flows(&world, Mode::Shadow);
    let open = opened(by_password(&flows, "bob", &at(HOME)).await);
    world.look(|s| s.accounts.get_mut(&bob).unwrap().generation.credentials += 1);
    opened(by_password(&flows, "bob", &Client { device: open.device.clone(), ..at(HOME) }).await);
    let left: Vec<String> = world.look(|s| s.counters.keys().filter(|key| key.starts_with("risk:")).cloned().collect());
    assert_eq!(left, [""; 0]);
    assert!(world.look(|s| s.quotas.values().all(|entries| entries.is_empty())));
}

/// How many calls of a sign-in may fail so that it is not assessed, and in how many of these it is opened.
async fn unassessed(mode: Mode, fail: OnFault, pinned: bool) -> (usize, usize) {
    let world = world();
    let bob = world.person("bob");
    place(&world, HOME, ("NO", 100), Some((59.9, 10.7)));
    let flows = flows_of(&world, Settings { mode, fail, ..Default::default() });
    usual(&world, &flows, "bob").await;
    if pinned {
        pin_person(&world.ports(), &bob, PinReason::Reported).await.unwrap();
    }
    world.fail(0, Blow::Before);
    by_password(&flows, "bob", &at(HOME)).await;
    let (mut unassessed, mut opened) = (0, 0);
    for nth in 1..=world.calls() {
        world.fail(nth, Blow::Before);
        let told = flows.begin(given("bob", PASSWORD), goal(), Channel::Cookie, &at(HOME)).await;
        world.fail(0, Blow::Before);
        let (is_opened, events) = match told {
            Ok(told) => (matches!(told.value, LoginReply::Opened(_)), told.events),
            Err(fault) => (false, fault.events),
        };
        if events.iter().any(|event| event.what == What::SignInUnassessed) {
            unassessed += 1;
            opened += usize::from(is_opened);
        }
    }
    (unassessed, opened)
}

/// Profile, pin, failures, the sign-in before, and the two counters of the range: what cannot be read of them is for `fail`.
#[tokio::test]
async fn what_cannot_be_compared_with_does_as_the_operator_says() {
    assert_eq!(unassessed(Mode::Shadow, OnFault::Deny, false).await, (6, 6));
    assert_eq!(unassessed(Mode::Enforce, OnFault::Allow, false).await, (6, 6));
    assert_eq!(unassessed(Mode::Enforce, OnFault::Deny, false).await, (6, 0));
    assert_eq!(unassessed(Mode::Enforce, OnFault::Allow, true).await, (2, 2), "who is pinned is high by that alone");
}
