//! The contract of accounts that people make for themselves: one step or nothing, and an invitation is used once.

use super::records::{letter, written};
use super::samples::{AccountPorts, HOUR, NOW, RACERS, account};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::user::{Group, UserId, Username};
use crate::flow::ports::{Account, ConfirmedAccount, Invitation, Made, Origin, Records};

pub(super) async fn sign_up_cases(make: &impl AsyncFn() -> AccountPorts) {
    an_account_is_made_with_its_address(make().await).await;
    a_name_and_an_address_make_one(make().await).await;
    an_invitation_is_kept_and_taken_back(make().await).await;
    an_invitation_makes_one(make().await).await;
    what_cannot_be_told_is_not_made(make().await).await;
}

fn mail(id: &str, value: &str) -> AddressRecord {
    AddressRecord { id: id.to_owned(), kind: AddressKind::Email, value: value.to_owned(), confirmed_at: NOW }
}

fn invitation(id: &str, email: &str) -> Invitation {
    Invitation {
        id: id.to_owned(),
        email: email.to_owned(),
        groups: vec![Group("staff, with comma".into()), Group("\"admins\"".into())],
        created_at: NOW,
        expires_at: NOW.plus(HOUR),
        used_at: None,
    }
}

async fn make_of(p: &AccountPorts, account: &Account, address: &AddressRecord, origin: Origin<'_>) -> Made {
    p.sign_ups.make(&ConfirmedAccount { account, address, origin }, &letter(p)).await.unwrap()
}

async fn names(p: &AccountPorts) -> Vec<String> {
    p.accounts.list().await.unwrap().into_iter().map(|one| one.unwrap().identity.username.as_str().to_owned()).collect()
}

async fn an_account_is_made_with_its_address(p: AccountPorts) {
    let ann = account("ann");
    assert_eq!(make_of(&p, &ann, &mail("1", "Ann@example.test"), Origin::SignUp).await, Made::Made);
    assert_eq!(written(&p).await, 1);
    let made = p.accounts.load(&ann.identity.id).await.unwrap().unwrap();
    assert_eq!((made.identity, made.created_at, made.disabled), (ann.identity.clone(), NOW, false));
    let owned = p.authenticators.of(&ann.identity.id).await.unwrap().addresses;
    assert_eq!((owned.len(), owned[0].value.as_str(), owned[0].confirmed_at), (1, "Ann@example.test", NOW));
    assert_eq!(p.sign_ups.origin(&ann.identity.id).await.unwrap().as_deref(), Some("sign_up"));
    assert!(p.accounts.create(&account("bob")).await.unwrap());
    assert_eq!(p.sign_ups.origin(&account("bob").identity.id).await.unwrap(), None, "an operator made it");
    assert_eq!(p.sign_ups.origin(&UserId("nobody".into())).await.unwrap(), None);
    let same_name =
        Account { identity: crate::auth::user::Identity { id: UserId("x".into()), ..ann.identity }, ..account("ann") };
    assert_eq!(make_of(&p, &same_name, &mail("2", "b@example.test"), Origin::SignUp).await, Made::NameTaken);
    assert_eq!(make_of(&p, &account("carl"), &mail("3", "ann@Example.test"), Origin::SignUp).await, Made::AddressTaken);
    assert_eq!((names(&p).await, written(&p).await), (vec!["ann".to_owned(), "bob".to_owned()], 0));
    assert_eq!(p.addresses.owner(AddressKind::Email, "b@example.test").await.unwrap(), None, "nothing of it is left");
}

async fn a_name_and_an_address_make_one(p: AccountPorts) {
    for same_name in [true, false] {
        let racers = (0..RACERS).map(|n| {
            let p = p.clone();
            tokio::spawn(async move {
                let name = if same_name { "ann".to_owned() } else { format!("person-{n}") };
                let value = if same_name { format!("a{n}@example.test") } else { "all@example.test".to_owned() };
                let mut one = account(&name);
                one.identity.id = UserId(format!("{same_name}-{n}"));
                make_of(&p, &one, &mail(&format!("{same_name}-{n}"), &value), Origin::SignUp).await
            })
        });
        let all: Vec<_> = futures_util::future::join_all(racers).await.into_iter().map(Result::unwrap).collect();
        let taken = if same_name { Made::NameTaken } else { Made::AddressTaken };
        assert_eq!(all.iter().filter(|made| **made == Made::Made).count(), 1, "{all:?}");
        assert!(all.iter().all(|made| [Made::Made, taken].contains(made)), "{all:?}");
        assert_eq!(written(&p).await, 1);
    }
    assert_eq!(names(&p).await.len(), 2);
}

async fn an_invitation_is_kept_and_taken_back(p: AccountPorts) {
    let invite = async |one: &Invitation, key: &str| p.sign_ups.invite(one, key, &letter(&p)).await.unwrap();
    assert!(p.sign_ups.invitations().await.unwrap().is_empty());
    assert!(!invite(&invitation("1", "Ann@example.test"), "key-1").await);
    let later = Invitation { created_at: NOW.plus(HOUR / 2), ..invitation("2", "bob@example.test") };
    assert!(!invite(&later, "key-2").await);
    assert_eq!(written(&p).await, 2);
    assert_eq!(p.sign_ups.invitation("key-1").await.unwrap(), Some(invitation("1", "Ann@example.test")));
    assert_eq!(p.sign_ups.invitation("1").await.unwrap(), None, "an id is no key");
    assert_eq!(p.sign_ups.invitations().await.unwrap(), [later, invitation("1", "Ann@example.test")], "newest first");
    assert!(invite(&invitation("3", "ann@Example.test"), "key-3").await, "in the place of the one before");
    assert_eq!(p.sign_ups.invitation("key-1").await.unwrap(), None);
    assert_eq!(written(&p).await, 1);
    let revoke = async |id: &str| p.sign_ups.revoke_invitation(id, &letter(&p)).await.unwrap();
    assert_eq!((revoke("3").await, revoke("3").await, revoke("none").await), (true, false, false));
    assert_eq!(written(&p).await, 1, "told of one alone");
    // Those whose time is over are gone with the next one.
    let next =
        Invitation { created_at: NOW.plus(HOUR), expires_at: NOW.plus(HOUR * 2), ..invitation("4", "c@example.test") };
    assert!(!invite(&next, "key-4").await);
    assert_eq!(p.sign_ups.invitations().await.unwrap(), [next]);
}

async fn an_invitation_makes_one(p: AccountPorts) {
    let (by, address) = (Origin::Invitation("1"), mail("1", "ann@example.test"));
    assert_eq!(make_of(&p, &account("ann"), &address, by).await, Made::NotInvited);
    let over = Invitation { expires_at: NOW, ..invitation("1", "ann@example.test") };
    p.sign_ups.invite(&over, "over", Records::NONE).await.unwrap();
    assert_eq!(make_of(&p, &account("ann"), &address, by).await, Made::NotInvited, "its time is over");
    assert!(p.accounts.create(&account("taken")).await.unwrap());
    p.sign_ups.invite(&invitation("1", "ann@example.test"), "key", Records::NONE).await.unwrap();
    let mut taken = account("taken");
    taken.identity.id = UserId("other".into());
    assert_eq!(make_of(&p, &taken, &address, by).await, Made::NameTaken);
    assert!(p.sign_ups.invitation("key").await.unwrap().unwrap().is_open(NOW), "a name that is taken uses nothing up");
    let racers = (0..RACERS).map(|n| {
        let p = p.clone();
        tokio::spawn(async move {
            let mut one = account("x");
            one.identity.username = Username::parse(&format!("person-{n}")).unwrap();
            one.identity.id = UserId(format!("id-{n}"));
            make_of(&p, &one, &mail(&format!("{n}"), &format!("a{n}@example.test")), Origin::Invitation("1")).await
        })
    });
    let all: Vec<_> = futures_util::future::join_all(racers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|made| **made == Made::Made).count(), 1, "{all:?}");
    assert!(all.iter().all(|made| [Made::Made, Made::NotInvited].contains(made)), "{all:?}");
    assert_eq!((names(&p).await.len(), written(&p).await), (2, 1));
    assert_eq!(p.sign_ups.invitation("key").await.unwrap().unwrap().used_at, Some(NOW));
    assert!(!p.sign_ups.revoke_invitation("1", Records::NONE).await.unwrap(), "what was used is not taken back");
    let used = p.sign_ups.invitation("key").await.unwrap().unwrap();
    assert_eq!((used.email.as_str(), used.groups.len()), ("", 0), "and says no more whose it was");
    assert_eq!(p.sign_ups.drop_invitations(NOW).await.unwrap(), 0, "their time is not over");
    assert_eq!(p.sign_ups.drop_invitations(NOW.plus(HOUR)).await.unwrap(), 1, "used or not");
    assert!(p.sign_ups.invitations().await.unwrap().is_empty());
    let person = p
        .accounts
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .find(|one| one.identity.username.as_str() != "taken");
    assert_eq!(p.sign_ups.origin(&person.unwrap().identity.id).await.unwrap().as_deref(), Some("invitation"));
}

async fn what_cannot_be_told_is_not_made(p: AccountPorts) {
    let records = letter(&p);
    p.sign_ups.invite(&invitation("1", "ann@example.test"), "key", &records).await.unwrap();
    let (ann, address) = (account("ann"), mail("1", "ann@example.test"));
    for origin in [Origin::SignUp, Origin::Invitation("1")] {
        let made = p.sign_ups.make(&ConfirmedAccount { account: &ann, address: &address, origin }, &records).await;
        assert!(made.is_err(), "there is a letter of this id");
    }
    assert!(names(&p).await.is_empty());
    assert_eq!(p.addresses.owner(AddressKind::Email, "ann@example.test").await.unwrap(), None);
    assert!(p.sign_ups.invite(&invitation("2", "ann@example.test"), "other", &records).await.is_err());
    assert!(p.sign_ups.revoke_invitation("1", &records).await.is_err());
    assert!(p.sign_ups.invitation("key").await.unwrap().unwrap().is_open(NOW), "it stands");
}
