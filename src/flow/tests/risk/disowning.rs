//! "This was not me", and pins of operators.

use super::*;
use crate::auth::secret::SecretBytes;
use crate::flow::ports::TransientKind;
use crate::flow::risk::{Disowned, clear_pin, forget_person, pin_person};
use crate::risk::PinReason;

async fn disown(flows: &Flows, open: &Opened, seen: &Client) -> (Box<Opened>, u64, Vec<Event>) {
    let told = flows.disown(&open.token, &open.session, seen).await.unwrap();
    match told.value {
        Disowned::Done { opened, ended } => (opened.unwrap(), ended, told.events),
        Disowned::Ended | Disowned::Gone => panic!("ended"),
    }
}

async fn next_level(flows: &Flows, name: &str) -> Option<RiskLevel> {
    level(&by_password(flows, name, &at(HOME)).await.events)
}

/// A person of whom nothing is known yet, and somebody else who knows the password.
#[tokio::test]
async fn a_disowned_sign_in_ends_and_its_person_is_high_everywhere() {
    let world = world();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let (here, there) = (flows(&world, Mode::Enforce), flows(&world, Mode::Enforce));
    let attacker = opened(by_password(&there, "bob", &at(AWAY)).await);
    let own = opened(by_password(&here, "bob", &at(HOME)).await);
    assert_eq!(risky(&there, &attacker.token, &at(AWAY)).await, "permit");
    world.pass(Duration::from_secs(1));
    let home = Client { device: own.device.clone(), ..at(HOME) };
    let (open, ended, events) = disown(&here, &own, &home).await;
    assert_eq!(ended, 1);
    assert!(events.iter().any(|event| event.what == What::SignInDisowned && event.user.as_ref() == Some(&bob)));
    for flows in [&here, &there] {
        assert_eq!(risky(flows, &attacker.token, &at(AWAY)).await, "login");
        assert_eq!(risky(flows, &own.token, &at(HOME)).await, "login", "its token is another one");
        assert_eq!(risky(flows, &open.token, &at(HOME)).await, "risk", "it may be the one that was not theirs");
        assert_eq!(next_level(flows, "bob").await, Some(RiskLevel::High));
    }
    world.pass(Duration::from_secs(60));
    let risen = flows_step_up(&world, &here, &open, &key).await;
    assert_eq!(risky(&there, &risen.token, &at(HOME)).await, "permit");
}

async fn flows_step_up(world: &Arc<World>, flows: &Flows, open: &Opened, key: &SecretBytes) -> Box<Opened> {
    opened(flows.elevate(&open.token, &open.session, Method::Totp, world.code(key, 0), &at(HOME)).await.unwrap())
}

#[tokio::test]
async fn a_pin_outlasts_what_is_learnt_and_forgotten_until_it_is_cleared() {
    let world = world();
    let bob = world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    usual(&world, &flows, "bob").await;
    assert_eq!(next_level(&flows, "bob").await, Some(RiskLevel::Low));
    pin_person(&world.ports(), &bob, PinReason::Reported).await.unwrap();
    let again = pin_person(&world.ports(), &bob, PinReason::Disowned).await.unwrap();
    assert_eq!(again.why, PinReason::Reported, "the first reason stays");
    assert_eq!(next_level(&flows, "bob").await, Some(RiskLevel::High));
    flows.learn_usual(&bob, &at(HOME), 3).await.unwrap();
    assert_eq!(next_level(&flows, "bob").await, Some(RiskLevel::High));
    assert!(erase_profile(&world.ports(), &bob).await.unwrap().is_some());
    assert_eq!(next_level(&flows, "bob").await, Some(RiskLevel::High));
    let shown = profile_summary(&world.ports(), &bob).await.unwrap().unwrap();
    assert_eq!((shown.sign_ins, shown.pinned.map(|pin| pin.why)), (0, Some(PinReason::Reported)));
    assert!(clear_pin(&world.ports(), &bob).await.unwrap().is_some());
    assert!(clear_pin(&world.ports(), &bob).await.unwrap().is_none());
    assert_eq!(next_level(&flows, "bob").await, Some(RiskLevel::Unscored));
}

/// Who copied a token gets no other one by saying so, and is not taken for who was asked to show that it is theirs.
#[tokio::test]
async fn a_session_that_is_used_from_elsewhere_ends_with_the_others() {
    let world = world();
    let bob = world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    let home = Client { device: open.device.clone(), ..at(HOME) };
    for attacker in [at(AWAY), other_browser(HOME), at(HOME)] {
        let open = opened(by_password(&flows, "bob", &home).await);
        let told = flows.disown(&open.token, &open.session, &attacker).await.unwrap();
        assert!(matches!(told.value, Disowned::Ended));
        assert_eq!(risky(&flows, &open.token, &home).await, "login");
        assert!(clear_pin(&world.ports(), &bob).await.unwrap().is_none(), "its owner is not shut out");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_an_account_that_goes() {
    let world = world();
    let bob = world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    usual(&world, &flows, "bob").await;
    pin_person(&world.ports(), &bob, PinReason::Reported).await.unwrap();
    forget_person(&world.ports(), &bob).await.unwrap();
    assert_eq!(profile_summary(&world.ports(), &bob).await.unwrap(), None);
    let kept = world.look(|s| s.transient.keys().filter(|(kind, _)| *kind == TransientKind::RiskProfile).count());
    assert_eq!(kept, 0);
}

/// A store that fails at any call: who is answered that they are pinned is, and their other session has ended.
#[tokio::test]
async fn no_fault_leaves_a_disowned_session_that_was_said_to_have_ended() {
    let world = world();
    world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    let mut through = 0;
    for nth in 1..40 {
        let attacker = opened(by_password(&flows, "bob", &at(AWAY)).await);
        let own = opened(by_password(&flows, "bob", &at(HOME)).await);
        let home = Client { device: own.device.clone(), ..at(HOME) };
        world.fail(nth, Blow::Before);
        let told = flows.disown(&own.token, &own.session, &home).await;
        world.fail(0, Blow::Before);
        if matches!(told, Ok(WithEvents { value: Disowned::Done { .. }, .. })) {
            through += 1;
            assert!(profile_summary(&world.ports(), &own.session.identity.id).await.unwrap().unwrap().pinned.is_some());
            assert_eq!(risky(&flows, &attacker.token, &at(AWAY)).await, "login", "call {nth}");
        }
        clear_pin(&world.ports(), &own.session.identity.id).await.unwrap();
    }
    assert!((10..35).contains(&through), "{through}");
}

/// A password that became known pins who proves it from where the person is not usual, in a browser that is not theirs: and
/// nobody else.
#[tokio::test]
async fn a_breached_password_from_elsewhere_pins_its_person() {
    type From = fn(&Opened) -> Client;
    let pinned = async |breached: bool, mode: Mode, usually: bool, client: From| {
        let world = world();
        let bob = world.person("bob");
        let flows = flows(&world, mode);
        let own = match usually {
            true => usual(&world, &flows, "bob").await,
            false => opened(by_password(&flows, "bob", &at(HOME)).await),
        };
        world.look(|state| state.places.breached.extend(breached.then_some(PASSWORD)));
        let events = by_password(&flows, "bob", &client(&own)).await.events;
        let told = events.iter().any(|event| event.what == What::RiskPinned);
        let kept = profile_summary(&world.ports(), &bob).await.unwrap().and_then(|shown| shown.pinned);
        assert_eq!(told, kept.is_some());
        assert!(kept.is_none_or(|pin| pin.why == PinReason::BreachedPassword));
        assert!(!told || level(&events) == Some(RiskLevel::High));
        told
    };
    let (away, home): (From, From) = (|_| other_browser(AWAY), |_| at(HOME));
    let known: From = |own| Client { device: own.device.clone(), ..other_browser(AWAY) };
    assert!(pinned(true, Mode::Enforce, true, away).await);
    assert!(!pinned(false, Mode::Enforce, true, away).await, "it is on no list");
    assert!(!pinned(true, Mode::Enforce, true, home).await, "nothing is unusual");
    assert!(!pinned(true, Mode::Enforce, true, known).await, "the browser is theirs");
    assert!(!pinned(true, Mode::Shadow, true, away).await, "shadow only counts");
    assert!(!pinned(true, Mode::Enforce, false, away).await, "there is nothing to compare with");
}
