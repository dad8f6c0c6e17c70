//! The contract of passkeys: a credential is one person's, and a counter only grows.

use super::samples::{AccountPorts, NOW, RACERS, id, winners, with_people};
use crate::auth::factor::passkey::{Aaguid, PasskeyRecord, Transport};
use crate::flow::ports::{PasskeyUse, Records, Removal};

pub(super) async fn passkey_cases(make: &impl AsyncFn() -> AccountPorts) {
    what_is_kept_is_found(with_people(make).await).await;
    a_credential_is_one_persons(with_people(make).await).await;
    a_counter_only_grows(with_people(make).await).await;
    a_raced_counter_is_noted_once(with_people(make).await).await;
    names_and_ends_are_its_owners(with_people(make).await).await;
}

pub(crate) fn passkey(id: &str) -> PasskeyRecord {
    PasskeyRecord {
        id: id.to_owned(),
        name: "Ann's laptop".to_owned(),
        rp_id: "example.com".to_owned(),
        credential_id: id.bytes().rev().chain([0, 255]).collect(),
        public_key: vec![0xa5, 1, 2, 3],
        aaguid: Aaguid([7; 16]),
        attested: true,
        sign_count: 0,
        user_verified: true,
        backup_eligible: true,
        backup_state: false,
        transports: vec![Transport::Internal, Transport::SmartCard],
        created_at: NOW,
        used_at: None,
    }
}

const fn used(sign_count: u32) -> PasskeyUse {
    PasskeyUse { sign_count, backup_state: true, at: NOW }
}

async fn what_is_kept_is_found(p: AccountPorts) {
    let (one, two) = (passkey("one"), PasskeyRecord { used_at: Some(NOW), sign_count: u32::MAX, ..passkey("two") });
    assert!(
        p.passkeys.add(&id("ann"), &one, Records::NONE).await.unwrap()
            && p.passkeys.add(&id("ann"), &two, Records::NONE).await.unwrap()
    );
    assert_eq!(p.authenticators.of(&id("ann")).await.unwrap().passkeys, [one.clone(), two.clone()]);
    assert!(p.authenticators.of(&id("bob")).await.unwrap().passkeys.is_empty());
    assert_eq!(p.passkeys.find(&one.credential_id).await.unwrap(), Some((id("ann"), one)));
    assert_eq!(p.passkeys.find(b"none").await.unwrap(), None);
    assert!(p.passkeys.add(&id("nobody"), &passkey("three"), Records::NONE).await.is_err(), "nobody has no passkey");
}

async fn a_credential_is_one_persons(p: AccountPorts) {
    assert!(p.passkeys.add(&id("ann"), &passkey("one"), Records::NONE).await.unwrap());
    let same = PasskeyRecord { id: "two".to_owned(), ..passkey("one") };
    assert!(!p.passkeys.add(&id("bob"), &same, Records::NONE).await.unwrap());
    assert!(!p.passkeys.add(&id("ann"), &same, Records::NONE).await.unwrap());
    assert_eq!(p.passkeys.find(&same.credential_id).await.unwrap().map(|(owner, _)| owner), Some(id("ann")));
    assert!(p.authenticators.of(&id("bob")).await.unwrap().passkeys.is_empty());
}

async fn a_counter_only_grows(p: AccountPorts) {
    assert!(p.passkeys.add(&id("ann"), &passkey("one"), Records::NONE).await.unwrap());
    let note = async |count| p.passkeys.record_use(&id("ann"), "one", used(count)).await.unwrap();
    assert!(note(0).await && note(0).await, "what counts nothing");
    assert!(note(5).await);
    assert!(!note(5).await && !note(4).await && !note(0).await);
    assert!(note(6).await);
    assert!(!p.passkeys.record_use(&id("bob"), "one", used(9)).await.unwrap(), "another's");
    assert!(!p.passkeys.record_use(&id("ann"), "two", used(9)).await.unwrap(), "none");
    let kept = p.authenticators.of(&id("ann")).await.unwrap().passkeys.remove(0);
    assert_eq!((kept.sign_count, kept.backup_state, kept.used_at), (6, true, Some(NOW)));
    assert!(kept.backup_eligible, "that never changes");
}

async fn a_raced_counter_is_noted_once(p: AccountPorts) {
    assert!(p.passkeys.add(&id("ann"), &passkey("one"), Records::NONE).await.unwrap());
    let port = p.passkeys.clone();
    let race = |_| {
        let port = port.clone();
        tokio::spawn(async move { port.record_use(&id("ann"), "one", used(1)).await.unwrap() })
    };
    assert_eq!(winners((0..RACERS).map(race).collect()).await, 1);
}

async fn names_and_ends_are_its_owners(p: AccountPorts) {
    assert!(p.passkeys.add(&id("ann"), &passkey("one"), Records::NONE).await.unwrap());
    assert!(!p.passkeys.rename(&id("bob"), "one", "Mine").await.unwrap());
    assert_eq!(p.passkeys.remove(&id("bob"), "one", &[], true, Records::NONE).await.unwrap(), Removal::NotFound);
    assert!(p.passkeys.rename(&id("ann"), "one", "Büro").await.unwrap());
    assert_eq!(p.authenticators.of(&id("ann")).await.unwrap().passkeys[0].name, "Büro");
    let generation = async |name| p.accounts.load(&id(name)).await.unwrap().unwrap().generation;
    let (before, others) = (generation("ann").await, generation("bob").await);
    assert_eq!(p.passkeys.remove(&id("ann"), "one", &[], true, Records::NONE).await.unwrap(), Removal::Removed);
    assert_eq!(p.passkeys.remove(&id("ann"), "one", &[], true, Records::NONE).await.unwrap(), Removal::NotFound);
    let after = generation("ann").await;
    assert_eq!((after.credentials, after.sessions), (before.credentials + 1, before.sessions + 1), "once");
    assert!(generation("bob").await == others);
    assert!(p.authenticators.of(&id("ann")).await.unwrap().passkeys.is_empty());
    // Sessions that are to be kept go on.
    assert!(p.passkeys.add(&id("ann"), &passkey("kept"), Records::NONE).await.unwrap());
    assert_eq!(p.passkeys.remove(&id("ann"), "kept", &[], false, Records::NONE).await.unwrap(), Removal::Removed);
    let kept = generation("ann").await;
    assert_eq!((kept.credentials, kept.sessions), (after.credentials + 1, after.sessions));
    // With its owner, or with all that the owner has.
    assert!(p.passkeys.add(&id("ann"), &passkey("two"), Records::NONE).await.unwrap());
    assert_eq!(p.authenticators.remove_all(&id("ann"), Records::NONE).await.unwrap(), 1);
    assert!(p.passkeys.add(&id("ann"), &passkey("two"), Records::NONE).await.unwrap());
    assert!(p.accounts.delete(&id("ann")).await.unwrap());
    assert_eq!(p.passkeys.find(&passkey("two").credential_id).await.unwrap(), None);
}
