//! The contract of wrong codes: counted before they are looked at, and never more of them looked at than allowed.

use std::time::Duration;

use super::authenticators::totp;
use super::samples::{AccountPorts, HOUR, NOW, RACERS, account, winners};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{CodeAttempt, Counted, Records};

const GO: Counted = Counted::Go { last: false };
const LAST: Counted = Counted::Go { last: true };
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) async fn lockout_cases(make: &impl AsyncFn() -> AccountPorts) {
    the_last_of_too_many_switches_a_factor_off(with_ann(make).await).await;
    a_right_code_forgives_its_own_place(with_ann(make).await).await;
    raced_codes_never_exceed_the_limit(with_ann(make).await).await;
    new_authenticators_begin_anew(with_ann(make).await).await;
}

async fn with_ann(make: &impl AsyncFn() -> AccountPorts) -> AccountPorts {
    let p = make().await;
    assert!(p.accounts.create(&account("ann")).await.unwrap());
    p
}

fn ann() -> UserId {
    account("ann").identity.id
}

/// One attempt of ann, three of which are too many.
fn at<'a>(user: &'a UserId, place: &'a str, now: Timestamp) -> CodeAttempt<'a> {
    CodeAttempt {
        user,
        method: Method::Totp,
        place,
        tries: 3,
        now,
        forget_before: now.minus(YEAR),
        records: Some(Records::NONE),
    }
}

async fn locked(p: &AccountPorts) -> Vec<(Method, Timestamp)> {
    p.authenticators.of(&ann()).await.unwrap().locked
}

async fn the_last_of_too_many_switches_a_factor_off(p: AccountPorts) {
    let ann = ann();
    for (place, told) in
        [("home", GO), ("away", GO), ("home", LAST), ("home", Counted::Locked), ("new", Counted::Locked)]
    {
        assert_eq!(p.lockouts.count(&at(&ann, place, NOW)).await.unwrap(), told, "{place}");
    }
    assert_eq!(locked(&p).await, [(Method::Totp, NOW)]);
    assert_eq!(
        p.lockouts.remembered(&ann).await.unwrap(),
        [(Method::Totp, 3)],
        "of both places, and none of those after"
    );
    let other = CodeAttempt { method: Method::BackupCode, ..at(&ann, "home", NOW) };
    assert_eq!(p.lockouts.count(&other).await.unwrap(), GO, "each factor by itself");
    assert_eq!(p.lockouts.count(&at(&ann, "home", NOW.plus(YEAR * 9))).await.unwrap(), Counted::Locked, "for good");
    assert_eq!(p.lockouts.unlock(&ann).await.unwrap(), MethodSet::EMPTY.with(Method::Totp));
    assert_eq!(p.lockouts.unlock(&ann).await.unwrap(), MethodSet::EMPTY);
    assert!(locked(&p).await.is_empty());
    assert_eq!(p.lockouts.count(&at(&ann, "home", NOW)).await.unwrap(), GO, "and begins anew");
    let nobody = UserId("nobody".to_owned());
    assert!(p.lockouts.count(&at(&nobody, "home", NOW)).await.is_err(), "nobody has no factor");
    assert_eq!(p.lockouts.unlock(&nobody).await.unwrap(), MethodSet::EMPTY);
}

async fn a_right_code_forgives_its_own_place(p: AccountPorts) {
    let ann = ann();
    let count = async |place: &str, now| p.lockouts.count(&at(&ann, place, now)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(count("home", NOW).await, GO);
        assert_eq!(count("home", NOW).await, GO);
        p.lockouts.forgive(&at(&ann, "home", NOW)).await.unwrap();
    }
    assert_eq!(count("away", NOW).await, GO);
    assert_eq!(count("away", NOW).await, GO);
    p.lockouts.forgive(&at(&ann, "home", NOW)).await.unwrap();
    // The third is the owner's, and right.
    assert_eq!(count("home", NOW).await, LAST);
    p.lockouts.forgive(&at(&ann, "home", NOW)).await.unwrap();
    assert!(locked(&p).await.is_empty(), "what was right switches nothing off");
    assert_eq!(count("home", NOW).await, LAST);
    p.lockouts.take_back(&at(&ann, "home", NOW)).await.unwrap();
    assert!(locked(&p).await.is_empty(), "nor what was not looked at");
    // A year after the last of a place, and not before.
    let later = NOW.plus(YEAR);
    assert_eq!(count("home", later).await, LAST);
    p.lockouts.take_back(&at(&ann, "home", later)).await.unwrap();
    assert_eq!(count("home", later.plus(HOUR)).await, GO);
}

async fn raced_codes_never_exceed_the_limit(p: AccountPorts) {
    let racers: Vec<_> = (0..RACERS)
        .map(|n| {
            let p = p.clone();
            tokio::spawn(async move {
                let (user, place) = (ann(), format!("place {}", n % 7));
                p.lockouts.count(&at(&user, &place, NOW)).await.unwrap() != Counted::Locked
            })
        })
        .collect();
    assert_eq!(winners(racers).await, 3);
    assert_eq!(locked(&p).await.len(), 1);
}

async fn new_authenticators_begin_anew(p: AccountPorts) {
    let ann = ann();
    let lock = async |method| {
        for _ in 0..3 {
            let _ = p.lockouts.count(&CodeAttempt { method, ..at(&ann, "away", NOW) }).await.unwrap();
        }
    };
    lock(Method::Totp).await;
    lock(Method::BackupCode).await;
    assert_eq!(locked(&p).await.len(), 2);
    p.authenticators.put_totp(&ann, &totp("one"), true, Records::NONE).await.unwrap();
    assert_eq!(locked(&p).await, [(Method::BackupCode, NOW)]);
    p.authenticators.put_backup(&ann, b"salt", &[vec![1]], Records::NONE).await.unwrap();
    assert!(locked(&p).await.is_empty());
    lock(Method::Totp).await;
    assert_eq!(p.authenticators.remove_all(&ann, Records::NONE).await.unwrap(), 2);
    assert!(locked(&p).await.is_empty());
    lock(Method::Totp).await;
    assert!(p.accounts.delete(&ann).await.unwrap());
    assert!(p.accounts.create(&account("ann")).await.unwrap());
    assert!(locked(&p).await.is_empty(), "it went with the account");
}
