//! Several who begin with one address, and names that are somebody else's address.

use std::time::Duration;

use super::*;
use crate::auth::time::Timestamp;
use crate::flow::ports::{PendingSignUp, SignUpKey, TransientKind};
use crate::flow::testing::START;

#[tokio::test]
async fn of_those_who_begin_at_the_same_moment_each_keeps_their_claim() {
    let world = World::new();
    let flows = open(&world);
    let passwords = [OWN, OTHER, "eleven owls in a barn"];
    futures_util::future::join_all(passwords.map(|password| async {
        let client = client();
        begin(&flows, ADDRESS, password, &client).await;
    }))
    .await;
    let token = token_in(&letter(&world));
    // Each of them may confirm it; one of them gets it.
    for password in passwords {
        assert_eq!(
            told(&flows, Confirmation { username: Some("a\u{200b}b"), ..by_link(&token, password) }).await,
            "unusable"
        );
    }
    assert_eq!(told(&flows, by_link(&token, "a password of nobody")).await, "wrong");
    assert_eq!(told(&flows, by_link(&token, OTHER)).await, "opened");
    assert_eq!(accounts(&world), 1);
}

#[tokio::test]
async fn a_name_that_is_another_address_is_refused_whoever_has_that_one() {
    const BOB: &str = "bob@example.com";
    let world = World::new();
    let bob = world.person("bob");
    let value = BOB.to_owned();
    let address =
        AddressRecord { id: "1".into(), kind: AddressKind::Email, value, confirmed_at: Timestamp::from_secs(START) };
    world.look(|s| s.addresses.push((bob, address)));
    let flows = open(&world);
    let names = [BOB, "Bob@Example.com", "nobody@example.com"];
    for name in names {
        let begun = flows.begin_sign_up(form(Some(name), ADDRESS, OWN), &client()).await.unwrap().value;
        assert!(matches!(begun, SignUpBegun::Unusable(m) if m == [SignUpMistake::Username]), "{name}");
    }
    begin(&flows, ADDRESS, OWN, &client()).await;
    let token = token_in(&letter(&world));
    // The same for whoever was invited.
    let new = NewInvitation { email: "eve@example.com", groups: Vec::new(), origin: "https://x", host: HOST };
    let url = flows.invite(new, Records::default()).await.unwrap().url;
    let invited = LinkToken::parse(url.expose().split_once("?token=").unwrap().1).unwrap();
    for (token, own) in [(token, ADDRESS.to_uppercase()), (invited, "Eve@Example.com".to_owned())] {
        let other = |name| Confirmation { username: Some(name), ..by_link(&token, OWN) };
        for name in names {
            assert_eq!(told(&flows, other(name)).await, "unusable", "{name}");
        }
        assert_eq!(told(&flows, other(&own)).await, "opened");
    }
}

#[tokio::test]
async fn another_name_can_be_given_however_late_the_code_came_and_no_link_outlives_what_it_leads_to() {
    let world = World::new();
    world.person("ann");
    let flows = open(&world);
    flows.begin_sign_up(form(Some("ann"), ADDRESS, OWN), &client()).await.unwrap();
    let code = letter(&world).code.unwrap();
    world.pass(Duration::from_secs(29 * 60));
    let SignUpConfirmed::UsernameTaken(token) = confirm(&flows, by_code(ADDRESS, &code, OWN)).await.value else {
        panic!("not told")
    };
    let ends = |kind| {
        world
            .look(|s| s.transient.iter().filter(|((of, _), _)| *of == kind).map(|(_, (_, at))| *at).collect::<Vec<_>>())
    };
    let (waiting, links) = (ends(TransientKind::SignUp), ends(TransientKind::SignUpLink));
    assert_eq!((waiting.len(), links.len()), (1, 2));
    assert!(links.iter().all(|at| *at <= waiting[0]), "{links:?} {waiting:?}");
    world.pass(Duration::from_secs(9 * 60));
    let again = Confirmation { username: Some("annabelle"), ..by_link(&token, OWN) };
    assert_eq!(told(&flows, again).await, "opened");
}

/// Leaves a sign-up as a request does that has marked it and got no further.
async fn mark(world: &Arc<World>) -> Duration {
    let ports = world.ports();
    let key = world.look(|s| {
        let kept = s.transient.keys().find(|(kind, _)| *kind == TransientKind::SignUp);
        SignUpKey(kept.expect("one waits").1.clone())
    });
    let mut pending = ports.pending_sign_ups.load(&key).await.unwrap().unwrap();
    pending.confirming_until = Some(ports.clock.now().plus(PendingSignUp::CONFIRMING_LASTS));
    ports.pending_sign_ups.put(&key, &pending, Duration::from_secs(600)).await.unwrap();
    PendingSignUp::CONFIRMING_LASTS
}

#[tokio::test]
async fn while_one_confirms_the_others_come_again() {
    let world = World::new();
    let flows = open(&world);
    begin(&flows, ADDRESS, OWN, &client()).await;
    let letter = letter(&world);
    let (token, code) = (token_in(&letter), letter.code.unwrap());
    let lasts = mark(&world).await;
    assert_eq!(told(&flows, by_link(&token, OWN)).await, "busy");
    assert_eq!(told(&flows, by_code(ADDRESS, &code, OWN)).await, "busy");
    // Who begins meanwhile takes neither the mark nor the claim away.
    begin(&flows, ADDRESS, OTHER, &client()).await;
    assert_eq!(told(&flows, by_link(&token, OWN)).await, "busy");
    assert_eq!(accounts(&world), 0);
    world.pass(lasts);
    assert_eq!(told(&flows, by_link(&token, OWN)).await, "opened", "a node that died shuts nobody out");
    assert_eq!(told(&flows, by_link(&token, OWN)).await, "done");
    assert_eq!(accounts(&world), 1);
}
