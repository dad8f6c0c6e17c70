//! Enrolling is a privilege: a weaker proof makes no stronger one, and what counts on all hosts is asked for on each.

use super::passkeys::{flows, key, with_passkey};
use super::*;
use crate::flow::reply::{CeremonyRef, CreationAsked, EnrollReply};
use crate::flow::testing::{World, client};

#[tokio::test]
async fn an_app_binds_nothing_beside_a_passkey() {
    let world = World::new();
    let flows = flows(&world);
    let ann = with_passkey(&world, &flows, "ann", &mut key("one"));
    let app = world.with_totp(&ann);
    let typed = with_otp("ann", &world.code(&app, 0));
    let open = opened(flows.begin(typed, two_factors(), Channel::Cookie, &client()).await.unwrap());
    let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
    let CreationAsked::ProveFirst(methods) = flows.ask_passkey(&at, &client()).await.unwrap() else { panic!("asked") };
    assert!(methods.contains(Method::Passkey) && !methods.contains(Method::Totp), "{methods:?}");
    assert!(matches!(flows.begin_totp(&at, &client()).await.unwrap(), EnrollReply::ProveFirst(_)));
}

#[tokio::test]
async fn a_passkey_of_another_host_stands_in_the_way_of_a_password() {
    let world = World::new();
    let flows = flows(&world);
    with_passkey(&world, &flows, "ann", &mut key("one"));
    world.look(|s| s.passkeys.iter_mut().for_each(|(_, passkey)| passkey.rp_id = "other.example".to_owned()));
    let LoginReply::Enroll(next) = sign_in(&flows, "ann", &client()).await.value else { panic!("not stuck") };
    let at = CeremonyRef::SignIn(next.ceremony);
    for methods in [
        match flows.begin_totp(&at, &client()).await.unwrap() {
            EnrollReply::ProveFirst(methods) => methods,
            EnrollReply::Pending(_) | EnrollReply::Gone => panic!("an app is set up"),
        },
        match flows.ask_passkey(&at, &client()).await.unwrap() {
            CreationAsked::ProveFirst(methods) => methods,
            _ => panic!("a passkey is set up"),
        },
    ] {
        assert!(methods.contains(Method::Passkey), "{methods:?}");
    }
}
