//! Sessions that move, by what is kept of where they were, on whatever node.

use super::*;
use crate::auth::secret::SecretBytes;
use crate::flow::ports::StoreError;
use crate::risk::settings::OnFault;

const CABIN: &str = "198.51.100.9";
const FAR: &str = "100.0.0.9";

fn places() -> Arc<World> {
    let world = world();
    for (address, country, asn) in [(CABIN, "NO", 300), (FAR, "BR", 400)] {
        world.place_at(address, country, asn);
    }
    world
}

async fn step_up(world: &Arc<World>, flows: &Flows, open: &Opened, key: &SecretBytes, seen: &Client) -> Box<Opened> {
    world.pass(Duration::from_secs(60));
    let code = world.code(key, 0);
    let risen = opened(flows.elevate(&open.token, &open.session, Method::Totp, code, seen).await.unwrap());
    world.pass(Duration::from_secs(1));
    risen
}

#[tokio::test]
async fn who_has_proved_two_places_goes_between_them_and_an_attacker_elsewhere_is_found() {
    let world = places();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    let home = Client { device: open.device.clone(), ..at(HOME) };
    assert_eq!(risky(&flows, &open.token, &at(AWAY)).await, "risk");
    let open = step_up(&world, &flows, &open, &key, &at(AWAY)).await;
    for seen in [&home, &at(AWAY), &home, &at(AWAY)] {
        world.pass(Duration::from_secs(60));
        assert_eq!(risky(&flows, &open.token, seen).await, "permit");
    }
    // Two earlier places are kept: the third takes the place of the first.
    for place in [CABIN, FAR] {
        assert_eq!(risky(&flows, &open.token, &at(place)).await, "risk");
    }
    let at_cabin = step_up(&world, &flows, &open, &key, &at(CABIN)).await;
    assert_eq!(risky(&flows, &at_cabin.token, &home).await, "permit");
    let far = step_up(&world, &flows, &at_cabin, &key, &at(FAR)).await;
    assert_eq!(risky(&flows, &far.token, &at(CABIN)).await, "permit");
    assert_eq!(risky(&flows, &far.token, &at(AWAY)).await, "permit");
    assert_eq!(risky(&flows, &far.token, &home).await, "risk", "it is forgotten");
}

/// Here, there and here again within minutes, where nobody has shown that both are theirs.
#[tokio::test]
async fn a_place_that_was_never_proved_is_not_gone_between() {
    let world = places();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    let home = Client { device: open.device.clone(), ..at(HOME) };
    assert_eq!(risky(&flows, &open.token, &at(AWAY)).await, "risk");
    let open = step_up(&world, &flows, &open, &key, &at(AWAY)).await;
    assert_eq!(risky(&flows, &open.token, &home).await, "permit");
    for _ in 0..2 {
        assert_eq!(risky(&flows, &open.token, &at(FAR)).await, "risk");
        world.pass(Duration::from_secs(120));
        assert_eq!(risky(&flows, &open.token, &home).await, "permit");
    }
    world.pass(Duration::from_secs(900));
    assert_eq!(risky(&flows, &open.token, &home).await, "login", "it looked stolen, and nobody answered");
}

/// What was not known of a place speaks for no other one.
#[tokio::test]
async fn a_place_of_which_nothing_is_known_opens_no_other() {
    let world = places();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = opened(by_password(&flows, "bob", &at("10.0.0.7")).await);
    let open = step_up(&world, &flows, &open, &key, &at(HOME)).await;
    assert_eq!(open.session.pinned.as_ref().unwrap().before.len(), 1);
    assert_eq!(risky(&flows, &open.token, &at(AWAY)).await, "risk");
}

#[tokio::test]
async fn a_browser_that_no_longer_names_itself_is_another_one() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    let nameless = Client { device: open.device.clone(), user_agent: None, ..at(HOME) };
    let risk = flows.risk_of(&open.session, &nameless, true, flows.now()).await.unwrap().risk;
    assert!(risk.changed.browser && !risk.changed.network, "{risk:?}");
}

/// A node that has never seen the person judges a session that moved as the one where they signed in.
#[tokio::test]
async fn every_node_judges_a_session_that_moved_alike() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let here = flows(&world, Mode::Enforce);
    let open = usual(&world, &here, "bob").await;
    let there = flows(&world, Mode::Enforce);
    let away = other_browser(AWAY);
    for flows in [&here, &there] {
        assert_eq!(outcome(&admitted(flows, &open.token, "GET", "/writes/x", &away).await), "permit");
        assert_eq!(outcome(&admitted(flows, &open.token, "POST", "/writes/x", &away).await), "risk");
    }
}

/// Of the calls of a request from a place that is usual, though the session was never there, one after another fails.
#[tokio::test]
async fn a_session_that_moved_is_treated_as_told_where_its_profile_cannot_be_read() {
    for (fail, expected) in [(OnFault::StepUp, "risk"), (OnFault::Allow, "permit"), (OnFault::Deny, "fault")] {
        let world = places();
        let bob = world.person("bob");
        world.with_totp(&bob);
        let here = flows_of(&world, Settings { fail, ..Default::default() });
        let open = usual(&world, &here, "bob").await;
        here.learn_usual(&bob, &at(CABIN), 20).await.unwrap();
        let mut seen = Vec::new();
        for nth in 0..5 {
            let there = flows_of(&world, Settings { fail, ..Default::default() });
            let resource = Resource::parse(HOST, "POST", b"/writes/x", Default::default()).unwrap();
            let around = Circumstances::of(at(CABIN).ip);
            world.fail(nth, Blow::Before);
            let presented = Some((&open.token, Channel::Cookie));
            let admission = there.admit(&app(), &resource, &around, presented, &at(CABIN)).await;
            seen.push(admission.as_ref().map_or("fault", outcome));
            world.fail(0, Blow::Before);
        }
        assert_eq!(seen.first(), Some(&"permit"), "nothing failed: {seen:?}");
        assert!(seen.contains(&expected), "{seen:?}");
        assert!(seen.iter().all(|seen| [expected, "fault", "permit"].contains(seen)), "{seen:?}");
    }
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_compared_is_in_the_trail() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    usual(&world, &flows, "bob").await;
    world.fail(0, Blow::Before);
    by_password(&flows, "bob", &at(HOME)).await;
    let mut actions = Vec::new();
    for nth in 1..=world.calls() {
        world.fail(nth, Blow::Before);
        let told = flows.begin(given("bob", PASSWORD), goal(), Channel::Cookie, &at(HOME)).await;
        let events = told.map_or_else(|failed: WithEvents<StoreError>| failed.events, |told| told.events);
        let unassessed = events.iter().filter(|event| event.what == What::SignInUnassessed);
        actions.extend(unassessed.filter_map(|event| event.risk.as_ref().map(|risk| risk.action)));
    }
    assert_eq!(
        actions, ["step_up"; 5],
        "the profile, whether they are pinned, what went wrong, and two counters of the range"
    );
}

/// A key of hashes lasts 90 days; a place is known again for as long as a profile is kept.
#[tokio::test]
async fn a_place_is_known_again_after_months() {
    let world = places();
    let bob = world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    let mut known = Vec::new();
    for day in 0..=365 {
        world.pass(DAY);
        flows.learn_usual(&bob, &at(HOME), 1).await.unwrap();
        if day % 175 == 0 {
            flows.learn_usual(&bob, &at(CABIN), 1).await.unwrap();
            known.push(profile_summary(&world.ports(), &bob).await.unwrap().unwrap().fields);
        }
    }
    assert_eq!(known, [known[0]; 3], "what was seen before is no new field");
}
