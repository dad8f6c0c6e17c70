//! The contract of the ports in SQL: accounts, authenticators, signing keys.

use super::addresses::address_cases;
use super::authenticators::{authenticator_cases, totp};
use super::lockouts::lockout_cases;
use super::passkeys::passkey_cases;
use super::records::record_cases;
use super::recoveries::recovery_cases;
use super::samples::{AccountPorts, HOUR, NOW, RACERS, account, winners};
use super::sign_ups::sign_up_cases;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, UserId, Username};
use crate::flow::ports::{Account, AccountChange, Generation, Records, SigningKey};

/// Runs every case, each on an empty database of its own.
pub(crate) async fn accounts_contract(make: impl AsyncFn() -> AccountPorts) {
    accounts_are_found_as_they_were_made(make().await).await;
    a_name_is_given_once(make().await).await;
    accounts_change_and_go(make().await).await;
    what_ends_is_counted(make().await).await;
    signing_keys_follow_each_other(make().await).await;
    authenticator_cases(&make).await;
    passkey_cases(&make).await;
    lockout_cases(&make).await;
    address_cases(&make).await;
    record_cases(&make).await;
    recovery_cases(&make).await;
    sign_up_cases(&make).await;
}

fn same(a: &Account, b: &Account) -> bool {
    let hash = |account: &Account| account.password_hash.as_ref().map(|hash| hash.expose().to_owned());
    let rest =
        |account: &Account| (account.identity.clone(), account.disabled, account.created_at, account.last_login_at);
    hash(a) == hash(b) && rest(a) == rest(b)
}

async fn accounts_are_found_as_they_were_made(p: AccountPorts) {
    assert!(p.accounts.list().await.unwrap().is_empty());
    let mut plain = account("zoë");
    plain.identity.groups = Vec::new();
    plain.identity.name = None;
    plain.identity.email = None;
    plain.password_hash = None;
    plain.disabled = true;
    plain.last_login_at = Some(NOW);
    let all = [account("ann"), account("bob'; drop table accounts; --".replace(' ', "_").as_str()), plain];
    for one in &all {
        assert!(p.accounts.create(one).await.unwrap());
    }
    for one in &all {
        let found = p.accounts.find(&one.identity.username).await.unwrap().unwrap();
        assert!(same(&found, one), "{}", one.identity.username);
        assert!(same(&p.accounts.load(&one.identity.id).await.unwrap().unwrap(), one));
    }
    let listed = p.accounts.list().await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().flatten().zip(&all).all(|(a, b)| same(a, b)), "by name, with the groups sorted");
    assert!(p.accounts.find(&Username::parse("nobody").unwrap()).await.unwrap().is_none());
    assert!(p.accounts.load(&UserId("id-nobody".into())).await.unwrap().is_none());
    assert!(p.accounts.load(&UserId("ann".into())).await.unwrap().is_none(), "a name is no id");
}

async fn a_name_is_given_once(p: AccountPorts) {
    let racers: Vec<_> = (0..RACERS)
        .map(|n| {
            let p = p.clone();
            tokio::spawn(async move {
                let mut one = account("ann");
                one.identity.id = UserId(format!("id-{n}"));
                one.identity.groups = vec![Group(format!("group-{n}"))];
                p.accounts.create(&one).await.unwrap()
            })
        })
        .collect();
    assert_eq!(winners(racers).await, 1);
    let listed = p.accounts.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].as_ref().unwrap().identity.groups.len(), 1, "those who came late left nothing behind");
    let mut same_id = account("bob");
    same_id.identity.id = listed[0].as_ref().unwrap().identity.id.clone();
    assert!(!p.accounts.create(&same_id).await.unwrap(), "nor is an id");
}

async fn accounts_change_and_go(p: AccountPorts) {
    let mut ann = account("ann");
    let (id, nobody) = (ann.identity.id.clone(), UserId("id-nobody".into()));
    assert!(p.accounts.create(&ann).await.unwrap() && p.accounts.create(&account("bob")).await.unwrap());
    ann.password_hash = Some(SecretText::new("new".into()));
    ann.disabled = true;
    ann.last_login_at = Some(NOW.plus(HOUR));
    ann.identity.groups = vec![Group("admins".into()), Group("night shift".into())];
    let changes = [
        AccountChange::Groups(vec![]),
        AccountChange::Groups(vec![Group("night shift".into()), Group("admins".into()), Group("admins".into())]),
        AccountChange::PasswordHash(SecretText::new("newer".into())),
        AccountChange::Rehash { from: SecretText::new("newer".into()), to: SecretText::new("new".into()) },
        AccountChange::Disabled(true),
        AccountChange::LoggedIn(NOW.plus(HOUR)),
    ];
    for change in changes {
        assert!(p.accounts.change(&id, change.clone()).await.unwrap());
        assert!(!p.accounts.change(&nobody, change).await.unwrap());
    }
    let late = AccountChange::Rehash { from: SecretText::new("newer".into()), to: SecretText::new("old".into()) };
    assert!(!p.accounts.change(&id, late).await.unwrap(), "a hash that was replaced does not come back");
    assert!(same(&p.accounts.load(&id).await.unwrap().unwrap(), &ann));
    assert!(p.accounts.change(&id, AccountChange::Disabled(false)).await.unwrap());
    assert!(!p.accounts.load(&id).await.unwrap().unwrap().disabled);
    let bob = account("bob");
    assert!(same(&p.accounts.find(&bob.identity.username).await.unwrap().unwrap(), &bob), "nobody else changed");
    assert!(p.accounts.delete(&id).await.unwrap());
    assert!(!p.accounts.delete(&id).await.unwrap());
    assert!(p.accounts.find(&ann.identity.username).await.unwrap().is_none());
    assert_eq!(p.accounts.list().await.unwrap().len(), 1);
}

/// In the very step that ends it, so that nobody can be in between.
async fn what_ends_is_counted(p: AccountPorts) {
    let id = account("ann").identity.id;
    assert!(p.accounts.create(&account("ann")).await.unwrap() && p.accounts.create(&account("bob")).await.unwrap());
    let counted = async |user: &UserId| {
        let Generation { credentials, sessions } = p.accounts.load(user).await.unwrap().unwrap().generation;
        (credentials, sessions)
    };
    let hash = |text: &str| SecretText::new(text.into());
    let old = account("ann").password_hash.unwrap();
    let changes = [
        (AccountChange::LoggedIn(NOW), (0, 0)),
        (AccountChange::Rehash { from: old, to: hash("a") }, (0, 0)),
        (AccountChange::PasswordHash(hash("b")), (1, 1)),
        (AccountChange::Disabled(true), (2, 2)),
        (AccountChange::Disabled(false), (2, 2)),
        (AccountChange::Groups(Vec::new()), (2, 3)),
        (AccountChange::SessionsEnded, (2, 4)),
    ];
    for (change, after) in changes {
        assert!(p.accounts.change(&id, change).await.unwrap());
        assert_eq!(counted(&id).await, after);
    }
    let own = |text: &str, under, ends_sessions| AccountChange::OwnPassword { to: hash(text), under, ends_sessions };
    assert!(!p.accounts.change(&id, own("c", 1, true)).await.unwrap(), "the credentials changed meanwhile");
    assert_eq!(counted(&id).await, (2, 4));
    for (change, after) in [(own("d", 2, false), (3, 4)), (own("e", 3, true), (4, 5))] {
        assert!(p.accounts.change(&id, change).await.unwrap());
        assert_eq!(counted(&id).await, after);
    }
    assert_eq!(p.accounts.load(&id).await.unwrap().unwrap().password_hash.unwrap().expose(), "e");
    assert!(p.accounts.change(&id, AccountChange::BrowsersForgotten).await.unwrap());
    assert_eq!(counted(&id).await, (5, 5));
    for (ends_sessions, after) in [(false, (6, 5)), (true, (7, 6))] {
        assert!(p.accounts.change(&id, AccountChange::OutstandingEnded { ends_sessions }).await.unwrap());
        assert_eq!(counted(&id).await, after);
    }
    p.authenticators.put_totp(&id, &totp("one"), true, Records::NONE).await.unwrap();
    assert_eq!(counted(&id).await, (7, 6), "a first one ends nothing");
    p.authenticators.put_totp(&id, &totp("two"), true, Records::NONE).await.unwrap();
    assert_eq!(counted(&id).await, (8, 7));
    p.authenticators.remove_all(&id, Records::NONE).await.unwrap();
    assert_eq!(counted(&id).await, (9, 8));
    assert_eq!(counted(&account("bob").identity.id).await, (0, 0), "of nobody else");
}

fn signing_key(kid: &str, signs_from: Timestamp) -> SigningKey {
    SigningKey {
        kid: kid.into(),
        private: Sealed(vec![7, 0, 255]),
        public_jwk: "{\"kty\":\"EC\"}".into(),
        signs_from,
        retired_at: None,
    }
}

async fn signing_keys_follow_each_other(p: AccountPorts) {
    let kids = async || p.signing_keys.all().await.unwrap().into_iter().map(|key| key.kid).collect::<Vec<_>>();
    assert!(kids().await.is_empty());
    assert!(!p.signing_keys.add(Some("none"), &signing_key("k", NOW)).await.unwrap());
    for (after, next) in [(None, "first"), (Some("first"), "second")] {
        let racers: Vec<_> = (0..RACERS)
            .map(|n| {
                let p = p.clone();
                tokio::spawn(async move {
                    p.signing_keys.add(after, &signing_key(&format!("{next}-{n}"), NOW)).await.unwrap()
                })
            })
            .collect();
        let won = winners(racers).await;
        assert_eq!(won, usize::from(after.is_none()), "only the one named is followed");
    }
    let first = kids().await.remove(0);
    assert!(!p.signing_keys.add(None, &signing_key("late", NOW)).await.unwrap(), "there is one already");
    assert!(p.signing_keys.add(Some(&first), &signing_key("second", NOW.plus(HOUR))).await.unwrap());
    assert!(!p.signing_keys.add(Some(&first), &signing_key("again", NOW)).await.unwrap());
    assert!(!p.signing_keys.add(Some("second"), &signing_key("second", NOW)).await.unwrap(), "a kid is unique");
    assert_eq!(kids().await, [first.as_str(), "second"]);
    let all = p.signing_keys.all().await.unwrap();
    assert!(all[1].private == Sealed(vec![7, 0, 255]) && all[1].public_jwk == "{\"kty\":\"EC\"}");
    assert_eq!((all[1].signs_from, all[1].retired_at), (NOW.plus(HOUR), None));
    let retired = all[0].retired_at.expect("its successor retires it");
    assert!(retired > all[1].signs_from, "not before the successor signs");
    p.signing_keys.prune(retired).await.unwrap();
    assert_eq!(kids().await.len(), 2);
    p.signing_keys.prune(retired.plus(HOUR)).await.unwrap();
    assert_eq!(kids().await, ["second"]);
    assert!(p.signing_keys.add(Some("second"), &signing_key("third", NOW)).await.unwrap());
    assert_eq!(kids().await, ["second", "third"]);
}
