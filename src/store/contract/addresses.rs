//! The contract of addresses: one is of one account, and goes with it.

use super::authenticators::totp;
use super::samples::{AccountPorts, HOUR, NOW, RACERS, id, winners, with_people};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::flow::ports::{Records, Removal};

const MOST: u32 = 5;

pub(super) async fn address_cases(make: &impl AsyncFn() -> AccountPorts) {
    addresses_are_listed_newest_first(with_people(make).await).await;
    names_go_with_what_they_name(with_people(make).await).await;
    one_is_of_one_account(with_people(make).await).await;
    raced_addresses_are_given_once_and_never_too_many(with_people(make).await).await;
    an_operator_replaces_them(with_people(make).await).await;
}

fn mail(id: &str, value: &str) -> AddressRecord {
    AddressRecord { id: id.into(), kind: AddressKind::Email, value: value.into(), confirmed_at: NOW }
}

fn phone(id: &str, value: &str) -> AddressRecord {
    AddressRecord { kind: AddressKind::Sms, ..mail(id, value) }
}

async fn listed(p: &AccountPorts, name: &str) -> Vec<(String, String)> {
    let of = p.authenticators.of(&id(name)).await.unwrap().addresses;
    of.into_iter().map(|address| (address.id, address.value)).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()
}

async fn addresses_are_listed_newest_first(p: AccountPorts) {
    assert!(listed(&p, "ann").await.is_empty());
    assert!(p.addresses.add(&id("ann"), &mail("1", "Ann@example.test"), MOST, Records::NONE).await.unwrap());
    let later = AddressRecord { confirmed_at: NOW.plus(HOUR), ..phone("2", "+16502530000") };
    assert!(p.addresses.add(&id("ann"), &later, MOST, Records::NONE).await.unwrap());
    assert!(p.addresses.add(&id("ann"), &mail("3", "ö@example.test"), MOST, Records::NONE).await.unwrap());
    let all = [("2", "+16502530000"), ("3", "ö@example.test"), ("1", "Ann@example.test")];
    assert_eq!(listed(&p, "ann").await, pairs(&all));
    let first = p.authenticators.of(&id("ann")).await.unwrap().addresses.remove(0);
    assert_eq!((first.kind, first.confirmed_at), (AddressKind::Sms, NOW.plus(HOUR)));
    let remove = async |name: &str| p.addresses.remove(&id(name), "1", &[], Records::NONE).await.unwrap();
    assert_eq!(remove("bob").await, Removal::NotFound, "somebody else's");
    assert_eq!((remove("ann").await, remove("ann").await), (Removal::Removed, Removal::NotFound));
    assert_eq!(listed(&p, "ann").await, pairs(&all[..2]));
    assert!(listed(&p, "bob").await.is_empty());
    assert_eq!(p.accounts.load(&id("ann")).await.unwrap().unwrap().generation.sessions, 0, "nothing ends");
    assert!(p.addresses.add(&id("nobody"), &mail("9", "x@example.test"), MOST, Records::NONE).await.is_err());
}

async fn names_go_with_what_they_name(p: AccountPorts) {
    assert!(p.addresses.add(&id("ann"), &mail("1", "ann@example.test"), MOST, Records::NONE).await.unwrap());
    p.authenticators.put_totp(&id("ann"), &totp("app"), true, Records::NONE).await.unwrap();
    let name = async |of: &str, what, name| p.authenticators.name(&id(of), what, name).await.unwrap();
    let names = async || p.authenticators.of(&id("ann")).await.unwrap().names;
    assert!(name("ann", "1", "Work").await && name("ann", "1", "Büro").await && name("ann", "app", "Phone").await);
    assert!(!name("bob", "1", "Mine").await && !name("ann", "none", "Mine").await);
    assert_eq!(names().await, pairs(&[("1", "Büro"), ("app", "Phone")]).into_iter().collect());
    // Another app in the place of one, and an address of the same id, have none.
    p.authenticators.put_totp(&id("ann"), &totp("new"), true, Records::NONE).await.unwrap();
    p.authenticators.put_totp(&id("ann"), &totp("app"), true, Records::NONE).await.unwrap();
    assert_eq!(p.addresses.remove(&id("ann"), "1", &[], Records::NONE).await.unwrap(), Removal::Removed);
    assert!(p.addresses.add(&id("ann"), &mail("1", "ann@example.test"), MOST, Records::NONE).await.unwrap());
    assert!(names().await.is_empty());
}

async fn one_is_of_one_account(p: AccountPorts) {
    let owner = async |kind, folded: &str| p.addresses.owner(kind, folded).await.unwrap();
    assert_eq!(owner(AddressKind::Email, "ann@example.test").await, None);
    assert!(p.addresses.add(&id("ann"), &mail("1", "Ann@example.test"), MOST, Records::NONE).await.unwrap());
    for name in ["ann", "bob"] {
        assert!(
            !p.addresses.add(&id(name), &mail("2", "ann@Example.test"), MOST, Records::NONE).await.unwrap(),
            "another spelling"
        );
    }
    assert!(
        p.addresses.add(&id("bob"), &phone("3", "Ann@example.test"), MOST, Records::NONE).await.unwrap(),
        "of another kind"
    );
    assert_eq!(owner(AddressKind::Email, "ann@example.test").await, Some(id("ann")), "by what all spellings share");
    assert_eq!(owner(AddressKind::Email, "Ann@example.test").await, None);
    assert_eq!(owner(AddressKind::Sms, "Ann@example.test").await, Some(id("bob")));
    assert_eq!(p.addresses.remove(&id("ann"), "1", &[], Records::NONE).await.unwrap(), Removal::Removed);
    assert!(
        p.addresses.add(&id("bob"), &mail("4", "ann@example.test"), MOST, Records::NONE).await.unwrap(),
        "it was given up"
    );
    assert!(p.accounts.delete(&id("bob")).await.unwrap());
    assert!(
        p.addresses.add(&id("ann"), &mail("5", "ann@example.test"), MOST, Records::NONE).await.unwrap(),
        "it went with the account"
    );
}

async fn raced_addresses_are_given_once_and_never_too_many(p: AccountPorts) {
    let race = async |value: fn(usize) -> String| {
        let racers: Vec<_> = (0..RACERS)
            .map(|n| {
                let p = p.clone();
                let address = mail(&format!("{}-{n}", value(n)), &value(n));
                tokio::spawn(async move {
                    let user = id(if n % 2 == 0 { "ann" } else { "bob" });
                    p.addresses.add(&user, &address, MOST, Records::NONE).await.unwrap()
                })
            })
            .collect();
        winners(racers).await
    };
    assert_eq!(race(|_| "one@example.test".to_owned()).await, 1);
    assert_eq!(race(|n| format!("{n}@example.test")).await, 9, "five of each person");
}

async fn an_operator_replaces_them(p: AccountPorts) {
    let ann = id("ann");
    let counted = async || p.accounts.load(&ann).await.unwrap().unwrap().generation;
    assert!(
        p.addresses.replace(&ann, AddressKind::Email, Some(&mail("1", "a@example.test")), Records::NONE).await.unwrap()
    );
    assert_eq!((counted().await.credentials, counted().await.sessions), (0, 0), "a first one ends nothing");
    assert!(p.addresses.add(&ann, &mail("2", "b@example.test"), MOST, Records::NONE).await.unwrap());
    assert!(p.addresses.add(&ann, &phone("3", "+16502530000"), MOST, Records::NONE).await.unwrap());
    assert!(
        p.addresses.replace(&ann, AddressKind::Email, Some(&mail("4", "A@example.test")), Records::NONE).await.unwrap()
    );
    assert_eq!((counted().await.credentials, counted().await.sessions), (1, 1));
    let all = [("4", "A@example.test"), ("3", "+16502530000")];
    assert_eq!(listed(&p, "ann").await, pairs(&all));
    assert!(p.addresses.add(&id("bob"), &mail("5", "bob@example.test"), MOST, Records::NONE).await.unwrap());
    let taken = mail("6", "Bob@example.test");
    assert!(!p.addresses.replace(&ann, AddressKind::Email, Some(&taken), Records::NONE).await.unwrap());
    assert_eq!((listed(&p, "ann").await, counted().await.sessions), (pairs(&all), 1), "nothing changed");
    assert!(p.addresses.replace(&ann, AddressKind::Email, None, Records::NONE).await.unwrap());
    assert_eq!(listed(&p, "ann").await, pairs(&all[1..]));
    assert_eq!(p.authenticators.remove_all(&ann, Records::NONE).await.unwrap(), 1, "they are second factors");
    assert!(listed(&p, "ann").await.is_empty());
    assert!(!listed(&p, "bob").await.is_empty());
}
