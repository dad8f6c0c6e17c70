use std::time::Duration;

use super::*;
use crate::auth::ceremony::{Ceremony, Complete, Step, Verdict};
use crate::auth::proof::{MethodSet, Offer};
use crate::flow::ceremony::stored::Slot;
use crate::flow::testing::{HOST, World, client};

#[tokio::test]
async fn a_risen_session_is_the_same_session_with_a_new_token() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let one = Some(Requirement::of(Strength::OneFactor));
    let low = opened(flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    world.pass(Duration::from_secs(600));
    let elevate = async |method, code| flows.elevate(&low.token, &low.session, method, code, &client()).await.unwrap();
    let told = elevate(Method::Totp, secret("000000")).await;
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::Mismatch));
    let told = elevate(Method::Password, secret("wrong")).await;
    assert!(is_rejected(&told, Rejection::WrongCredentials, RejectReason::Mismatch));
    let told = elevate(Method::Totp, world.code(&key, 0)).await;
    assert!(told.events.iter().any(|e| e.what == What::SessionElevated));
    let high = opened(told);
    assert_eq!((&high.session.id, high.session.created_at), (&low.session.id, low.session.created_at));
    assert_eq!(high.session.proofs.when(Method::Totp), Some(flows.now()));
    assert_eq!(high.session.proofs.when(Method::Password), low.session.proofs.when(Method::Password));
    assert!(
        flows.session(&low.token, low.session.channel, HOST, true).await.unwrap().is_none(),
        "the old token is worth nothing"
    );
    assert!(flows.session(&high.token, high.session.channel, HOST, true).await.unwrap().is_some());
    let told = elevate(Method::Password, secret(PASSWORD)).await;
    assert!(is_rejected(&told, Rejection::SessionGone, RejectReason::NoSession));
}

#[tokio::test]
async fn only_a_live_session_of_a_standing_account_on_its_host_rises() {
    let world = World::new();
    let user = world.person("ann");
    let flows = world.flows();
    let open = opened(flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    let elevate = async |client: &Client| {
        flows.elevate(&open.token, &open.session, Method::Password, secret(PASSWORD), client).await.unwrap()
    };
    let abroad = Client { host: "other.example.com".to_owned(), ..client() };
    assert!(is_rejected(&elevate(&abroad).await, Rejection::SessionGone, RejectReason::NoSession));
    world.disable(&user, true);
    assert!(is_rejected(&elevate(&client()).await, Rejection::SessionGone, RejectReason::NoSession));
    world.disable(&user, false);
    world.pass(Duration::from_secs(3600));
    assert!(is_rejected(&elevate(&client()).await, Rejection::SessionGone, RejectReason::NoSession));
}

#[tokio::test]
async fn an_account_disabled_while_it_signs_in_gets_no_session() {
    let world = World::new();
    let user = world.person("ann");
    let flows = world.flows();
    // What a racing operator does between the password and the session.
    let account = world.look(|s| s.accounts[&user].clone());
    let told = flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await.unwrap();
    let session = opened(told).session;
    world.disable(&user, true);
    let from = client();
    let mut attempt = flows.begin_attempt("ann", Some(user.clone()), &from);
    let credentials = flows.credentials(&account, &crate::auth::factor::authenticator::Enrolled::default());
    let password = MethodSet::EMPTY.with(Method::Password);
    let one = Some(Requirement::of(Strength::OneFactor));
    let ceremony = Ceremony::sign_in(None, one, HOST.to_owned(), Channel::Cookie, flows.now());
    let ceremony = ceremony.identified(&account.identity, password, MethodSet::EMPTY, credentials);
    let Step::Complete(Complete::Open(completed)) =
        ceremony.advance(Verdict::Proved(Method::Password), Offer::BASIC, session.created_at)
    else {
        panic!("not complete");
    };
    let before = world.look(|s| s.sessions.len());
    let reply = flows.open(&mut attempt, &account, &completed, &Slot::New).await.unwrap();
    assert_eq!(reply.err(), Some(Rejection::WrongCredentials));
    assert_eq!(world.look(|s| s.sessions.len()), before);
}

#[tokio::test]
async fn sessions_end_idle_old_and_by_logout() {
    let world = World::new();
    world.person("ann");
    let flows = world.flows();
    let enter = async || opened(flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    let open = enter().await;
    for _ in 0..13 {
        world.pass(Duration::from_secs(3300));
        assert!(flows.session(&open.token, open.session.channel, HOST, false).await.unwrap().is_some());
    }
    world.pass(Duration::from_secs(3300));
    assert!(
        flows.session(&open.token, open.session.channel, HOST, false).await.unwrap().is_none(),
        "twelve hours in all"
    );
    let open = enter().await;
    world.pass(Duration::from_secs(3599));
    assert!(flows.session(&open.token, open.session.channel, HOST, true).await.unwrap().is_some());
    world.pass(Duration::from_secs(1));
    assert!(
        flows.session(&open.token, open.session.channel, HOST, true).await.unwrap().is_none(),
        "a quiet look does not prolong"
    );
    let (a, b) = (enter().await, enter().await);
    let told = flows.logout(&a.token, &a.session, false, &client()).await.unwrap();
    assert_eq!((told.value, told.events[0].what), (1, What::SessionRevoked));
    assert!(flows.session(&a.token, a.session.channel, HOST, true).await.unwrap().is_none());
    assert!(flows.session(&b.token, b.session.channel, HOST, true).await.unwrap().is_some());
    let told = flows.logout(&b.token, &b.session, true, &client()).await.unwrap();
    assert_eq!(told.events[0].what, What::SessionsRevoked);
    assert!(world.look(|s| s.sessions.is_empty()));
    assert_eq!(flows.logout(&b.token, &b.session, false, &client()).await.unwrap().value, 0);
}

#[tokio::test]
async fn use_is_noted_once_in_a_while_and_a_fault_is_not_hidden() {
    let world = World::new();
    world.person("ann");
    let flows = world.flows();
    let open = opened(flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    for _ in 0..600 {
        world.pass(Duration::from_secs(1));
        flows.session(&open.token, open.session.channel, HOST, false).await.unwrap();
    }
    assert_eq!(world.look(|s| s.touches), 10);
    world.pass(Duration::from_secs(61));
    world.fail(3, crate::flow::testing::Blow::Before);
    assert!(flows.session(&open.token, open.session.channel, HOST, false).await.is_err());
    assert!(flows.session(&open.token, open.session.channel, HOST, false).await.unwrap().is_some());
    assert_eq!(world.look(|s| s.touches), 11);
}
