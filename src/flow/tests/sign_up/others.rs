//! Several who begin with one address, and names that are somebody else's address.

use super::*;
use crate::auth::time::Timestamp;
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
async fn a_name_that_is_the_address_of_somebody_else_is_taken_too() {
    const BOB: &str = "bob@example.com";
    let world = World::new();
    let bob = world.person("bob");
    let value = BOB.to_owned();
    let address =
        AddressRecord { id: "1".into(), kind: AddressKind::Email, value, confirmed_at: Timestamp::from_secs(START) };
    world.look(|s| s.addresses.push((bob, address)));
    let flows = open(&world);
    let begun = flows.begin_sign_up(form(Some(BOB), ADDRESS, OWN), &client()).await.unwrap().value;
    assert!(matches!(begun, SignUpBegun::Sent { .. }), "nobody is told before the address is confirmed");
    let token = token_in(&letter(&world));
    let other = |name| Confirmation { username: Some(name), ..by_link(&token, OWN) };
    assert_eq!(told(&flows, other("Bob@Example.com")).await, "username taken");
    assert_eq!(told(&flows, other("annabelle")).await, "opened");
    // The same for whoever was invited.
    let new = NewInvitation { email: "eve@example.com", groups: Vec::new(), origin: "https://x", host: HOST };
    let url = flows.invite(new, Records::default()).await.unwrap().url;
    let token = LinkToken::parse(url.expose().split_once("?token=").unwrap().1).unwrap();
    let other = |name| Confirmation { username: Some(name), ..by_link(&token, OWN) };
    assert_eq!(told(&flows, other(BOB)).await, "username taken");
    assert_eq!(told(&flows, other("eve")).await, "opened");
}
