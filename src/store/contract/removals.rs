//! The contract of removals, as two nodes of one database see it: of two at once, neither counts on what the other takes.

use super::authenticators::totp;
use super::passkeys::passkey;
use super::samples::{AccountPorts, NOW, RACERS, account};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::user::UserId;
use crate::flow::ports::{Records, Removal};

const ROUNDS: usize = 10;

/// Runs every case, each on an empty database of its own, which two nodes have open.
pub(crate) async fn removals_contract(make: impl AsyncFn() -> [AccountPorts; 2]) {
    what_was_to_stay_is_there(make().await).await;
    raced_removals_leave_one(make().await).await;
}

fn ann() -> UserId {
    account("ann").identity.id
}

fn mail(id: &str) -> AddressRecord {
    let value = format!("{id}@example.test");
    AddressRecord { id: id.to_owned(), kind: AddressKind::Email, value, confirmed_at: NOW }
}

async fn what_was_to_stay_is_there([p, other]: [AccountPorts; 2]) {
    assert!(p.accounts.create(&account("ann")).await.unwrap() && p.accounts.create(&account("bob")).await.unwrap());
    assert!(p.passkeys.add(&ann(), &passkey("key"), Records::NONE).await.unwrap());
    assert!(p.addresses.add(&ann(), &mail("mail"), 5, Records::NONE).await.unwrap());
    p.authenticators.put_totp(&ann(), &totp("app"), true, Records::NONE).await.unwrap();
    let ids = p.authenticators.of(&ann()).await.unwrap();
    assert_eq!(ids.ids(), ["app", "key", "mail"]);
    let generation = async || p.accounts.load(&ann()).await.unwrap().unwrap().generation;
    let before = generation().await;
    let bob = account("bob").identity.id;
    assert!(other.addresses.add(&bob, &mail("theirs"), 5, Records::NONE).await.unwrap());
    for missing in ["app2", "theirs", ""] {
        let staying = ["app", missing];
        assert_eq!(
            other.passkeys.remove(&ann(), "key", &staying, true, Records::NONE).await.unwrap(),
            Removal::Changed,
            "{missing}"
        );
        assert_eq!(
            other.addresses.remove(&ann(), "mail", &staying, Records::NONE).await.unwrap(),
            Removal::Changed,
            "{missing}"
        );
    }
    assert_eq!(other.passkeys.remove(&ann(), "mail", &["app"], true, Records::NONE).await.unwrap(), Removal::NotFound);
    assert_eq!(other.addresses.remove(&ann(), "key", &["app"], Records::NONE).await.unwrap(), Removal::NotFound);
    assert_eq!(p.authenticators.of(&ann()).await.unwrap().ids(), ["app", "key", "mail"]);
    assert_eq!(generation().await, before, "nothing ended");
    // Another authenticator app in the place of one is another one.
    p.authenticators.put_totp(&ann(), &totp("new"), true, Records::NONE).await.unwrap();
    assert_eq!(
        p.passkeys.remove(&ann(), "key", &["app", "mail"], true, Records::NONE).await.unwrap(),
        Removal::Changed
    );
    assert_eq!(
        p.passkeys.remove(&ann(), "key", &["new", "mail"], true, Records::NONE).await.unwrap(),
        Removal::Removed
    );
    assert_eq!(p.addresses.remove(&ann(), "mail", &["new"], Records::NONE).await.unwrap(), Removal::Removed);
}

/// Half of the racers give up the one and count on the other; half do the opposite.
async fn raced_removals_leave_one(nodes: [AccountPorts; 2]) {
    assert!(nodes[0].accounts.create(&account("ann")).await.unwrap());
    for round in 0..ROUNDS {
        let (one, other) = (format!("one{round}"), format!("other{round}"));
        assert!(nodes[0].passkeys.add(&ann(), &passkey(&one), Records::NONE).await.unwrap());
        let mixed = round % 2 == 0;
        if mixed {
            assert!(nodes[0].addresses.add(&ann(), &mail(&other), 99, Records::NONE).await.unwrap());
        } else {
            assert!(nodes[0].passkeys.add(&ann(), &passkey(&other), Records::NONE).await.unwrap());
        }
        let race = |n: usize| {
            let (node, one, other) = (nodes[n / 2 % 2].clone(), one.clone(), other.clone());
            tokio::spawn(async move {
                let removal = match (n % 2, mixed) {
                    (0, _) => node.passkeys.remove(&ann(), &one, &[&other], true, Records::NONE).await,
                    (_, true) => node.addresses.remove(&ann(), &other, &[&one], Records::NONE).await,
                    (_, false) => node.passkeys.remove(&ann(), &other, &[&one], true, Records::NONE).await,
                };
                removal.unwrap()
            })
        };
        let racers: Vec<_> = (0..RACERS).map(race).collect();
        let mut removed = 0;
        for racer in racers {
            removed += usize::from(racer.await.unwrap() == Removal::Removed);
        }
        let left = nodes[1].authenticators.of(&ann()).await.unwrap();
        assert_eq!((removed, left.ids().len()), (1, 1), "round {round}");
        assert_eq!(nodes[0].authenticators.remove_all(&ann(), Records::NONE).await.unwrap(), 1);
    }
}
