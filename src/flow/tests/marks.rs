//! The mark of a browser ends with the credentials that it was made under.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::auth::factor::password;
use crate::auth::user::UserId;
use crate::flow::ports::{AccountChange, Accounts as _, Authenticators as _, Records};
use crate::flow::testing::{FAST, World, client, client_at};

/// What can happen to an account, and whether the marks of its browsers end by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Happening {
    Nothing,
    SignIn,
    Rehash,
    SessionsEnded,
    Groups,
    SetPassword,
    OwnPassword,
    BrowsersForgotten,
    OutstandingEnded,
    ResetMfa,
    OtherTotp,
    Disabled,
    DisabledAndEnabled,
    Deleted,
}

use Happening::*;

pub(super) const HAPPENINGS: [(Happening, bool); 14] = [
    (Nothing, false),
    (SignIn, false),
    (Rehash, false),
    (SessionsEnded, false),
    (Groups, false),
    (SetPassword, true),
    (OwnPassword, true),
    (BrowsersForgotten, true),
    (OutstandingEnded, true),
    (ResetMfa, true),
    (OtherTotp, true),
    (Disabled, true),
    (DisabledAndEnabled, true),
    (Deleted, true),
];

pub(super) async fn happen(world: &World, user: &UserId, what: Happening) {
    let change = async |change| assert!(world.change(user, change).await.unwrap());
    let hash = |salt: u8| password::hash(&secret(PASSWORD), &[salt; 16], FAST).unwrap();
    match what {
        Nothing => {}
        SignIn => change(AccountChange::LoggedIn(crate::auth::time::Timestamp::from_secs(1))).await,
        Rehash => {
            let from = world.look(|s| s.accounts[user].password_hash.clone().unwrap());
            change(AccountChange::Rehash { from, to: hash(1) }).await;
        }
        SessionsEnded => change(AccountChange::SessionsEnded).await,
        Groups => change(AccountChange::Groups(Vec::new())).await,
        SetPassword => change(AccountChange::PasswordHash(hash(2))).await,
        OwnPassword => change(AccountChange::OwnPassword { to: hash(3), under: 0, ends_sessions: true }).await,
        BrowsersForgotten => change(AccountChange::BrowsersForgotten).await,
        OutstandingEnded => change(AccountChange::OutstandingEnded { ends_sessions: true }).await,
        ResetMfa => drop(world.remove_all(user, Records::NONE).await.unwrap()),
        OtherTotp => {
            let mut other = world.look(|s| s.totp[user].clone());
            other.id = "another".to_owned();
            world.put_totp(user, &other, true, Records::NONE).await.unwrap();
        }
        Disabled => change(AccountChange::Disabled(true)).await,
        DisabledAndEnabled => {
            change(AccountChange::Disabled(true)).await;
            change(AccountChange::Disabled(false)).await;
        }
        Deleted => assert!(world.delete(user).await.unwrap()),
    }
}

/// The counters that one attempt is charged to.
async fn charged(world: &Arc<World>, attempt: impl AsyncFn()) -> BTreeSet<String> {
    world.look(|s| s.counters.clear());
    attempt().await;
    world.look(|s| s.counters.keys().cloned().collect())
}

#[tokio::test]
async fn an_attempt_with_a_mark_that_ended_is_charged_as_one_without() {
    for (what, ends) in HAPPENINGS {
        let world = World::new();
        let user = world.person("ann");
        let key = world.with_totp(&user);
        let flows = world.flows();
        let mark = whole(&flows, "ann", &client(), world.code(&key, 0)).await.device;
        let (stranger, marked) = (client_at("203.0.113.5"), Client { device: mark, ..client_at("203.0.113.5") });
        happen(&world, &user, what).await;
        let wrong = async |from: &Client| {
            let told = flows.begin(given("ann", "wrong"), None, Channel::Cookie, from).await.unwrap();
            assert!(matches!(told.value, LoginReply::Rejected(_)), "{what:?}: {}", word(&told.value));
        };
        let without = charged(&world, async || wrong(&stranger).await).await;
        let with = charged(&world, async || wrong(&marked).await).await;
        assert_eq!(with.is_superset(&without), ends, "{what:?}: {with:?}");
        assert_eq!(with.is_disjoint(&without), !ends, "{what:?}: {with:?}");
    }
}

#[tokio::test]
async fn so_is_an_attempt_at_a_code() {
    for (what, ends) in HAPPENINGS {
        // Without an account, or a code to ask for, there is no such attempt.
        if matches!(what, Disabled | Deleted | ResetMfa) {
            continue;
        }
        let world = World::new();
        let user = world.person("ann");
        let key = world.with_totp(&user);
        let flows = world.flows();
        let mark = whole(&flows, "ann", &client(), world.code(&key, 0)).await.device;
        let (stranger, marked) = (client(), Client { device: mark, ..client() });
        happen(&world, &user, what).await;
        let next = asked(sign_in(&flows, "ann", &stranger).await);
        let wrong = async |from: &Client| {
            drop(flows.second_factor(&next.ceremony, Method::Totp, secret("000000"), from).await.unwrap());
        };
        let without = charged(&world, async || wrong(&stranger).await).await;
        let with = charged(&world, async || wrong(&marked).await).await;
        assert_eq!((with.is_superset(&without), with.is_disjoint(&without)), (ends, !ends), "{what:?}: {with:?}");
    }
}

/// A flood of strangers has used up what they have; a mark that ended is of no more use than none.
#[tokio::test]
async fn a_mark_that_ended_passes_no_full_counter() {
    for (what, ends) in HAPPENINGS {
        if matches!(what, Disabled | Deleted | ResetMfa) {
            continue;
        }
        let world = World::new();
        let user = world.person("ann");
        let key = world.with_totp(&user);
        let flows = world.flows();
        let marked = Client { device: whole(&flows, "ann", &client(), world.code(&key, 0)).await.device, ..client() };
        happen(&world, &user, what).await;
        for _ in 0..50 {
            drop(flows.begin(given("ann", "wrong"), None, Channel::Cookie, &client()).await.unwrap());
        }
        let told = sign_in(&flows, "ann", &marked).await;
        assert_eq!(matches!(told.value, LoginReply::Wait(_)), ends, "{what:?}: {}", word(&told.value));
    }
}

#[tokio::test]
async fn who_signs_in_again_gets_a_mark_that_holds_and_has_nothing_of_the_old_one() {
    let world = World::new();
    let user = world.person("ann");
    let key = world.with_totp(&user);
    let flows = world.flows();
    let old = whole(&flows, "ann", &client(), world.code(&key, 0)).await.device.unwrap();
    happen(&world, &user, SetPassword).await;
    world.pass(std::time::Duration::from_secs(30));
    let marked = Client { device: Some(old.clone()), ..client() };
    let new = whole(&flows, "ann", &marked, world.code(&key, 0)).await.device.unwrap();
    let account = world.look(|s| s.accounts[&user].clone());
    let known = |mark: &SecretText| {
        let name = crate::auth::throttle::account_of_name("ann");
        let device = flows.known_device(Some(mark), &name, flows.now()).unwrap();
        (flows.holds(&device, &user, account.generation), device)
    };
    let ((old_holds, old), (new_holds, new)) = (known(&old), known(&new));
    assert!(!old_holds && new_holds);
    assert_ne!(old.known_for(Method::Password), new.known_for(Method::Password), "another id");
}
