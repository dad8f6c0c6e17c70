//! The contract of what is written with a change: it is there if the change was made, and not if it was not.

use std::time::Duration;

use super::authenticators::totp;
use super::passkeys::passkey;
use super::samples::{AccountPorts, HOUR, NOW, account};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::UserId;
use crate::flow::ports::{AccountChange, CodeAttempt, Counted, Letter, Records, Removal};

pub(super) async fn record_cases(make: &impl AsyncFn() -> AccountPorts) {
    each_change_has_its_letter(make().await).await;
    a_change_that_is_not_made_has_none(make().await).await;
    a_factor_is_switched_off_with_its_letter(make().await).await;
}

fn ann() -> UserId {
    account("ann").identity.id
}

fn mail(id: &str, value: &str) -> AddressRecord {
    AddressRecord { id: id.to_owned(), kind: AddressKind::Email, value: value.to_owned(), confirmed_at: NOW }
}

pub(super) fn letter(p: &AccountPorts) -> Records {
    Records::letters(vec![p.outbox.seal(&Letter::Nobody, NOW, NOW.plus(HOUR)).unwrap()])
}

/// How many letters wait; they go.
pub(super) async fn written(p: &AccountPorts) -> u64 {
    let (count, _) = p.outbox.waiting().await.unwrap();
    p.outbox.drop_expired(NOW.plus(HOUR)).await.unwrap();
    count
}

async fn each_change_has_its_letter(p: AccountPorts) {
    let (ann, one, two) = (ann(), mail("1", "a@example.test"), mail("2", "b@example.test"));
    assert!(p.accounts.create_recorded(&account("ann"), &letter(&p)).await.unwrap());
    assert_eq!(written(&p).await, 1, "a new account");
    let hash = AccountChange::PasswordHash(SecretText::new("$other".to_owned()));
    assert!(p.accounts.change_recorded(&ann, hash, &letter(&p)).await.unwrap());
    assert_eq!(written(&p).await, 1, "a password");
    for _ in 0..2 {
        p.authenticators.put_totp(&ann, &totp("one"), true, &letter(&p)).await.unwrap();
        assert_eq!(written(&p).await, 1, "an app, and another in its place");
    }
    p.authenticators.put_backup(&ann, b"salt", &[vec![1]], &letter(&p)).await.unwrap();
    assert_eq!(written(&p).await, 1, "backup codes");
    assert!(p.authenticators.spend_backup(&ann, &[1], &letter(&p)).await.unwrap());
    assert_eq!(written(&p).await, 1, "one of them");
    assert!(p.passkeys.add(&ann, &passkey("key"), &letter(&p)).await.unwrap());
    assert_eq!(written(&p).await, 1, "a passkey");
    assert_eq!(p.passkeys.remove(&ann, "key", &[], true, &letter(&p)).await.unwrap(), Removal::Removed);
    assert_eq!(written(&p).await, 1, "and its removal");
    assert!(p.addresses.add(&ann, &one, 5, &letter(&p)).await.unwrap());
    assert_eq!(written(&p).await, 1, "an address");
    assert!(p.addresses.replace(&ann, AddressKind::Email, Some(&two), &letter(&p)).await.unwrap());
    assert_eq!(written(&p).await, 1, "another in its place");
    assert_eq!(p.addresses.remove(&ann, "2", &[], &letter(&p)).await.unwrap(), Removal::Removed);
    assert_eq!(written(&p).await, 1, "and its removal");
    p.authenticators.remove_all(&ann, &letter(&p)).await.unwrap();
    assert_eq!(written(&p).await, 1, "the removal of all");
    // It wakes the sender of this node.
    assert!(p.accounts.delete_recorded(&ann, &[], &letter(&p)).await.unwrap());
    tokio::time::timeout(Duration::from_secs(30), p.outbox.wake()).await.expect("woken");
    assert_eq!(written(&p).await, 1, "it outlives the account");
}

async fn a_change_that_is_not_made_has_none(p: AccountPorts) {
    let (ann, bob, nobody) = (ann(), account("bob").identity.id, UserId("nobody".to_owned()));
    assert!(p.accounts.create(&account("ann")).await.unwrap() && p.accounts.create(&account("bob")).await.unwrap());
    assert!(p.passkeys.add(&bob, &passkey("key"), Records::NONE).await.unwrap());
    let theirs = mail("1", "b@example.test");
    assert!(p.addresses.add(&bob, &theirs, 5, Records::NONE).await.unwrap());
    let stale = || AccountChange::Rehash {
        from: SecretText::new("$none".to_owned()),
        to: SecretText::new("$other".to_owned()),
    };
    let records = letter(&p);
    assert!(!p.accounts.create_recorded(&account("ann"), &records).await.unwrap());
    assert!(!p.accounts.change_recorded(&ann, stale(), &records).await.unwrap());
    assert!(!p.accounts.delete_recorded(&nobody, &[], &records).await.unwrap());
    assert!(p.authenticators.put_totp(&nobody, &totp("x"), true, &records).await.is_err());
    assert!(p.authenticators.put_backup(&nobody, b"salt", &[vec![1]], &records).await.is_err());
    assert!(!p.authenticators.spend_backup(&ann, &[1], &records).await.unwrap());
    assert!(!p.passkeys.add(&ann, &passkey("key"), &records).await.unwrap());
    assert!(p.passkeys.add(&nobody, &passkey("other"), &records).await.is_err());
    assert_eq!(p.passkeys.remove(&ann, "key", &[], true, &records).await.unwrap(), Removal::NotFound);
    assert_eq!(p.passkeys.remove(&bob, "key", &["gone"], true, &records).await.unwrap(), Removal::Changed);
    assert!(!p.addresses.add(&ann, &theirs, 5, &records).await.unwrap());
    assert!(!p.addresses.add(&bob, &mail("2", "c@example.test"), 1, &records).await.unwrap());
    assert!(!p.addresses.replace(&ann, AddressKind::Email, Some(&theirs), &records).await.unwrap());
    assert_eq!(p.addresses.remove(&bob, "1", &["gone"], &records).await.unwrap(), Removal::Changed);
    assert_eq!(written(&p).await, 0);
    // A letter that cannot be written takes the change back.
    assert!(p.accounts.change_recorded(&ann, AccountChange::SessionsEnded, &records).await.unwrap());
    assert!(p.passkeys.add(&ann, &passkey("third"), &records).await.is_err(), "there is a letter of this id");
    assert!(p.authenticators.of(&ann).await.unwrap().passkeys.is_empty());
}

async fn a_factor_is_switched_off_with_its_letter(p: AccountPorts) {
    let (ann, records, other) = (ann(), letter(&p), letter(&p));
    assert!(p.accounts.create(&account("ann")).await.unwrap());
    let at = |records| {
        let (method, forget_before) = (Method::Totp, NOW.minus(HOUR));
        CodeAttempt { user: &ann, method, place: "home", tries: 2, now: NOW, forget_before, records }
    };
    let count = async |records| p.lockouts.count(&at(records)).await.unwrap();
    assert_eq!(count(None).await, Counted::Go { last: false });
    for _ in 0..2 {
        assert_eq!(count(None).await, Counted::Last, "and nothing is counted");
    }
    assert_eq!(count(Some(&records)).await, Counted::Go { last: true });
    p.lockouts.forgive(&at(Some(&records))).await.unwrap();
    assert_eq!(written(&p).await, 0, "it was right");
    assert_eq!(count(Some(&records)).await, Counted::Go { last: false });
    assert_eq!(written(&p).await, 0, "it was not the last");
    assert_eq!(count(Some(&records)).await, Counted::Go { last: true });
    p.lockouts.take_back(&at(Some(&records))).await.unwrap();
    assert_eq!(written(&p).await, 0, "it was not looked at");
    assert_eq!(count(Some(&records)).await, Counted::Go { last: true });
    assert_eq!(count(Some(&other)).await, Counted::Locked);
    assert_eq!(count(None).await, Counted::Locked);
    assert_eq!(written(&p).await, 1);
}
