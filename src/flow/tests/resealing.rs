//! A rotation of the master key: what an old key sealed is sealed anew at use, or all at once.

use super::*;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::assertions::Signer;
use crate::flow::key_rotation::{renew, rotate_keys};
use crate::flow::ports::SealedAt;
use crate::flow::testing::{OLD_KEY, START, World, client};

fn age(sealed: &mut Sealed) {
    sealed.0.splice(0..0, OLD_KEY.iter().copied());
}

fn is_old(world: &World, user: &UserId) -> bool {
    world.look(|s| s.totp[user].secret.0.starts_with(OLD_KEY))
}

#[tokio::test]
async fn a_right_code_has_its_secret_sealed_anew_and_a_wrong_one_has_not() {
    let world = World::new();
    let ann = world.person("ann");
    let key = world.with_totp(&ann);
    world.look(|s| age(&mut s.totp.get_mut(&ann).unwrap().secret));
    let flows = world.flows();
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    let wrong = flows.second_factor(&ceremony, Method::Totp, secret("000000"), &client()).await.unwrap();
    assert!(is_rejected(&wrong, Rejection::WrongCode, RejectReason::Mismatch) && is_old(&world, &ann));
    opened(flows.second_factor(&ceremony, Method::Totp, world.code(&key, 0), &client()).await.unwrap());
    assert!(!is_old(&world, &ann));
    // It is still the same secret.
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    opened(flows.second_factor(&ceremony, Method::Totp, world.code(&key, 1), &client()).await.unwrap());
}

#[tokio::test]
async fn a_secret_bound_meanwhile_is_not_overwritten() {
    let world = World::new();
    let ann = world.person("ann");
    world.with_totp(&ann);
    let mut read = world.look(|s| s.totp[&ann].secret.clone());
    age(&mut read);
    let bound = Sealed(b"another".to_vec());
    world.look(|s| s.totp.get_mut(&ann).unwrap().secret = bound.clone());
    renew(&world.ports(), SealedAt::Totp(ann.clone()), &read).await.unwrap();
    assert!(world.look(|s| s.totp[&ann].secret.clone()) == bound);
}

#[tokio::test]
async fn signing_keys_are_sealed_anew_when_they_are_read_and_all_rows_on_demand() {
    let world = World::new();
    let now = Timestamp::from_secs(START);
    let signer = Signer::new(world.ports());
    signer.refresh(now).await.unwrap();
    world.look(|s| age(&mut s.signing[0].private));
    signer.refresh(now).await.unwrap();
    assert!(world.look(|s| !s.signing[0].private.0.starts_with(OLD_KEY)));
    for name in ["ann", "bob"] {
        let user = world.person(name);
        world.with_totp(&user);
        world.look(|s| age(&mut s.totp.get_mut(&user).unwrap().secret));
    }
    let done = rotate_keys(&world.ports()).await.unwrap();
    assert_eq!((done.renewed, done.kept, done.lost.len()), (2, 1, 0));
    let done = rotate_keys(&world.ports()).await.unwrap();
    assert_eq!((done.renewed, done.kept, done.lost.len()), (0, 3, 0));
}
