//! What ends a recovery that waits: whatever its person signs in by from then on, by whatever way.

use std::time::Duration;

use super::{Database, NOW, sqlite};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::secret::SecretText;
use crate::flow::ports::{
    AccountChange, Accounts as _, Addresses, Authenticators as _, DisabledFactors, Passkeys, Records, Recoveries as _,
    RecoveryRef, Removal, WaitingRecovery,
};
use crate::store::contract::authenticators::totp;
use crate::store::contract::passkeys::passkey;
use crate::store::contract::samples::account;

const HOUR: Duration = Duration::from_secs(3600);

fn mail(id: &str) -> AddressRecord {
    let value = format!("{id}@example.test");
    AddressRecord { id: id.to_owned(), kind: AddressKind::Email, value, confirmed_at: NOW }
}

/// Changes something of ann's; whether that was made.
async fn change(database: &Database, way: usize) -> Option<(&'static str, bool)> {
    let (ann, none) = (account("ann").identity.id, Records::NONE);
    let hash = SecretText::new("$another".to_owned());
    let all = DisabledFactors::All;
    Some(match way {
        0 => ("an app", database.put_totp(&ann, &totp("app"), true, none).await.is_ok()),
        1 => ("an app in its place", database.put_totp(&ann, &totp("other"), true, none).await.is_ok()),
        2 => ("a passkey", Passkeys::add(database, &ann, &passkey("key"), none).await.unwrap()),
        3 => ("an address", Addresses::add(database, &ann, &mail("one"), 5, none).await.unwrap()),
        4 => (
            "an address given up",
            Addresses::remove(database, &ann, "one", &[], none).await.unwrap() == Removal::Removed,
        ),
        5 => ("another address", database.replace(&ann, AddressKind::Email, Some(&mail("two")), none).await.unwrap()),
        6 => (
            "a passkey given up",
            Passkeys::remove(database, &ann, "key", &[], true, none).await.unwrap() == Removal::Removed,
        ),
        7 => ("no second factor", database.disable(&ann, all, &[], none).await.is_ok()),
        8 => ("reset-mfa", database.remove_all(&ann, none).await.is_ok()),
        9 => ("a password", database.change(&ann, AccountChange::PasswordHash(hash)).await.unwrap()),
        10 => ("disabled", database.change(&ann, AccountChange::Disabled(true)).await.unwrap()),
        _ => return None,
    })
}

async fn wait(database: &Database) {
    let ann = account("ann");
    let credentials = database.load(&ann.identity.id).await.unwrap().unwrap().generation.credentials;
    let (ready_at, ends_at, disown_key) = (NOW.plus(HOUR), NOW.plus(HOUR * 2), "key".to_owned());
    let new = WaitingRecovery { user: ann.identity.id, begun_at: NOW, ready_at, ends_at, disown_key, credentials };
    database.begin(&new, Records::NONE).await.unwrap();
}

async fn is_waiting(database: &Database) -> bool {
    let ann = account("ann").identity.id;
    database.waiting(RecoveryRef::Of(&ann), NOW).await.unwrap().is_some()
}

#[tokio::test]
async fn whatever_is_changed_ends_it() {
    let (database, _directory) = sqlite().await;
    database.create(&account("ann")).await.unwrap();
    for way in 0.. {
        wait(&database).await;
        assert!(is_waiting(&database).await, "{way}");
        let Some((what, was_made)) = change(&database, way).await else { break };
        assert!(was_made && !is_waiting(&database).await, "{what}");
    }
}

#[tokio::test]
async fn forgotten_browsers_end_none() {
    let (database, _directory) = sqlite().await;
    database.create(&account("ann")).await.unwrap();
    let ann = account("ann").identity.id;
    wait(&database).await;
    for _ in 0..2 {
        assert!(database.change(&ann, AccountChange::BrowsersForgotten).await.unwrap());
        assert!(is_waiting(&database).await);
    }
    // One that is over is not begun again by it.
    database.change(&ann, AccountChange::Disabled(true)).await.unwrap();
    database.change(&ann, AccountChange::BrowsersForgotten).await.unwrap();
    assert!(!is_waiting(&database).await);
}
