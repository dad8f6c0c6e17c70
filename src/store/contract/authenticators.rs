//! The contract of authenticators: what is one-time is spent once.

use super::samples::{AccountPorts, HOUR, NOW, RACERS, account, id, winners, with_people};
use crate::auth::factor::authenticator::{Sealed, TotpRecord};
use crate::flow::ports::{DisabledFactors, Records, Removal};

pub(super) async fn authenticator_cases(make: &impl AsyncFn() -> AccountPorts) {
    a_totp_is_bound_in_place_of_another(with_people(make).await).await;
    a_step_is_spent_once_and_only_upwards(with_people(make).await).await;
    a_raced_step_is_spent_once(with_people(make).await).await;
    backup_codes_are_spent_once(with_people(make).await).await;
    removing_leaves_nothing(with_people(make).await).await;
    turning_off_leaves_what_was_to_stay(with_people(make).await).await;
}

pub(crate) fn totp(id: &str) -> TotpRecord {
    TotpRecord {
        id: id.into(),
        secret: Sealed(vec![1, 0, 255]),
        digits: 6,
        period: 30,
        last_step: None,
        created_at: NOW,
        used_at: None,
    }
}

async fn a_totp_is_bound_in_place_of_another(p: AccountPorts) {
    assert!(p.authenticators.of(&id("ann")).await.unwrap().totp.is_none());
    p.authenticators.put_totp(&id("ann"), &totp("one"), true, Records::NONE).await.unwrap();
    let found = p.authenticators.of(&id("ann")).await.unwrap().totp.unwrap();
    assert_eq!((found.id.as_str(), found.digits, found.period, found.last_step), ("one", 6, 30, None));
    assert!(found.secret == Sealed(vec![1, 0, 255]) && found.created_at == NOW && found.used_at.is_none());
    let two = TotpRecord { digits: 8, period: 60, last_step: Some(7), used_at: Some(NOW), ..totp("two") };
    p.authenticators.put_totp(&id("ann"), &two, true, Records::NONE).await.unwrap();
    let found = p.authenticators.of(&id("ann")).await.unwrap().totp.unwrap();
    assert_eq!((found.id.as_str(), found.digits, found.period, found.last_step), ("two", 8, 60, Some(7)));
    assert_eq!(found.used_at, Some(NOW));
    assert!(!p.authenticators.spend_step(&id("ann"), "one", 9, NOW).await.unwrap(), "the old one is gone");
    assert!(!p.authenticators.spend_step(&id("ann"), "two", 7, NOW).await.unwrap(), "its first step is spent");
    assert!(p.authenticators.of(&id("bob")).await.unwrap().totp.is_none());
    assert!(
        p.authenticators.put_totp(&id("nobody"), &totp("x"), true, Records::NONE).await.is_err(),
        "nobody has no authenticator"
    );
}

async fn a_step_is_spent_once_and_only_upwards(p: AccountPorts) {
    p.authenticators.put_totp(&id("ann"), &totp("one"), true, Records::NONE).await.unwrap();
    let spend = async |step| p.authenticators.spend_step(&id("ann"), "one", step, NOW.plus(HOUR)).await.unwrap();
    assert!(spend(100).await);
    assert!(!spend(100).await && !spend(99).await && !spend(0).await);
    assert!(spend(101).await);
    assert!(!p.authenticators.spend_step(&id("bob"), "one", 200, NOW).await.unwrap(), "somebody else's");
    assert!(!p.authenticators.spend_step(&id("ann"), "two", 200, NOW).await.unwrap(), "another one");
    let found = p.authenticators.of(&id("ann")).await.unwrap().totp.unwrap();
    assert_eq!((found.last_step, found.used_at), (Some(101), Some(NOW.plus(HOUR))));
}

async fn a_raced_step_is_spent_once(p: AccountPorts) {
    p.authenticators.put_totp(&id("ann"), &totp("one"), true, Records::NONE).await.unwrap();
    for step in 1..4 {
        let racers: Vec<_> = (0..RACERS)
            .map(|_| {
                let p = p.clone();
                tokio::spawn(async move { p.authenticators.spend_step(&id("ann"), "one", step, NOW).await.unwrap() })
            })
            .collect();
        assert_eq!(winners(racers).await, 1);
    }
}

async fn backup_codes_are_spent_once(p: AccountPorts) {
    let digests: Vec<Vec<u8>> = (0..10).map(|n| vec![n, 0, 255]).collect();
    let left = async |name| p.authenticators.of(&id(name)).await.unwrap().backup.map(|set| (set.salt, set.left));
    assert_eq!(left("ann").await, None);
    p.authenticators.put_backup(&id("ann"), b"salt", &digests, Records::NONE).await.unwrap();
    assert_eq!(left("ann").await, Some((b"salt".to_vec(), 10)));
    assert!(!p.authenticators.spend_backup(&id("bob"), &digests[0], Records::NONE).await.unwrap());
    assert!(!p.authenticators.spend_backup(&id("ann"), b"unknown", Records::NONE).await.unwrap());
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let (p, digest) = (p.clone(), digests[3].clone());
            tokio::spawn(
                async move { p.authenticators.spend_backup(&id("ann"), &digest, Records::NONE).await.unwrap() },
            )
        })
        .collect();
    assert_eq!(winners(racers).await, 1);
    assert_eq!(left("ann").await, Some((b"salt".to_vec(), 9)));
    p.authenticators.put_backup(&id("ann"), b"other", &[vec![1], vec![2]], Records::NONE).await.unwrap();
    assert_eq!(left("ann").await, Some((b"other".to_vec(), 2)));
    assert!(
        !p.authenticators.spend_backup(&id("ann"), &digests[0], Records::NONE).await.unwrap(),
        "earlier codes no longer count"
    );
    assert!(p.authenticators.spend_backup(&id("ann"), &[1], Records::NONE).await.unwrap());
    assert!(p.authenticators.spend_backup(&id("ann"), &[2], Records::NONE).await.unwrap());
    assert_eq!(left("ann").await, Some((b"other".to_vec(), 0)));
    assert_eq!(left("bob").await, None);
}

async fn turning_off_leaves_what_was_to_stay(p: AccountPorts) {
    let off = async |factors, staying: &[&str]| {
        p.authenticators.disable(&id("ann"), factors, staying, Records::NONE).await.unwrap()
    };
    assert_eq!(off(DisabledFactors::All, &[]).await, Removal::NotFound);
    for factors in [DisabledFactors::App, DisabledFactors::All] {
        for name in ["ann", "bob"] {
            p.authenticators.put_totp(&id(name), &totp(name), true, Records::NONE).await.unwrap();
            p.authenticators.put_backup(&id(name), b"salt", &[vec![1]], Records::NONE).await.unwrap();
        }
        let generation = p.accounts.load(&id("ann")).await.unwrap().unwrap().generation;
        assert_eq!(off(factors, &["gone"]).await, Removal::Changed, "and nothing is removed");
        assert!(p.authenticators.of(&id("ann")).await.unwrap().backup.is_some());
        assert_eq!(off(factors, &[]).await, Removal::Removed);
        assert_eq!(off(factors, &[]).await, Removal::NotFound);
        let rest = p.authenticators.of(&id("ann")).await.unwrap();
        assert!(rest.totp.is_none() && rest.backup.is_none(), "codes stand in for nothing any more");
        assert!(!p.authenticators.spend_backup(&id("ann"), &[1], Records::NONE).await.unwrap());
        assert!(p.authenticators.of(&id("bob")).await.unwrap().totp.is_some(), "somebody else's stay");
        let after = p.accounts.load(&id("ann")).await.unwrap().unwrap().generation;
        assert_eq!(after, generation, "the session in which it was done goes on");
    }
}

async fn removing_leaves_nothing(p: AccountPorts) {
    for name in ["ann", "bob"] {
        p.authenticators.put_totp(&id(name), &totp(name), true, Records::NONE).await.unwrap();
        p.authenticators.put_backup(&id(name), b"salt", &[vec![1]], Records::NONE).await.unwrap();
    }
    assert_eq!(p.authenticators.remove_all(&id("ann"), Records::NONE).await.unwrap(), 2);
    assert_eq!(p.authenticators.remove_all(&id("ann"), Records::NONE).await.unwrap(), 0);
    let rest = p.authenticators.of(&id("ann")).await.unwrap();
    assert!(rest.totp.is_none() && rest.backup.is_none());
    assert!(!p.authenticators.spend_backup(&id("ann"), &[1], Records::NONE).await.unwrap());
    assert!(p.authenticators.of(&id("bob")).await.unwrap().totp.is_some(), "somebody else's stay");
    assert!(p.accounts.delete(&id("bob")).await.unwrap());
    assert!(p.accounts.create(&account("bob")).await.unwrap());
    let rest = p.authenticators.of(&id("bob")).await.unwrap();
    assert!(rest.totp.is_none() && rest.backup.is_none(), "they went with the account");
}
