use std::path::Path;
use std::time::Duration;

use super::admin::health;
use super::settings::{KeySettings, StateSettings, StoreSettings};
use super::sql::{Schema, inspect_accounts};
use super::{Stores, vault};
use crate::auth::factor::authenticator::TotpRecord;
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::time::Timestamp;
use crate::flow::ports::Records;

use crate::store::contract::samples::{account, session, session_key};

pub(super) fn settings(directory: &Path) -> StoreSettings {
    StoreSettings {
        database: SecretText::new(format!("sqlite://{}", directory.join("stepgate.db").display())),
        state: StateSettings::Embedded(None),
        keys: KeySettings::Beside(directory.join("stepgate.keys")),
        places: Default::default(),
        breached_passwords: None,
    }
}

#[tokio::test]
async fn a_first_start_opens_everything_on_one_file_and_a_second_finds_it() {
    let directory = tempfile::tempdir().unwrap();
    let stores = Stores::open(&settings(directory.path())).await.unwrap();
    let probed = stores.probe().await;
    assert_eq!(probed.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["database", "state"]);
    assert!(probed.iter().all(|(_, answer)| answer.is_ok()));
    let now = stores.ports.clock.now();
    let (key, one) = (session_key(), session("ann", now));
    let ends_at = now.plus(Duration::from_secs(60));
    assert!(stores.ports.sessions.replace(None, &key, &one, ends_at).await.unwrap());
    assert!(stores.ports.accounts.create(&account("ann")).await.unwrap());
    let sealed = stores.ports.vault.seal("x", &SecretBytes::new(vec![1])).unwrap();

    let again = Stores::open(&settings(directory.path())).await.unwrap();
    assert_eq!(*again.ports.sessions.load(&key).await.unwrap().unwrap(), one);
    assert!(again.ports.accounts.load(&one.identity.id).await.unwrap().is_some());
    assert_eq!(again.ports.vault.open("x", &sealed).unwrap().expose(), [1]);
}

#[tokio::test]
async fn a_lost_key_file_is_told_and_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let stores = Stores::open(&settings(directory.path())).await.unwrap();
    std::fs::remove_file(directory.path().join("stepgate.keys")).unwrap();
    Stores::open(&settings(directory.path())).await.expect("nothing was sealed yet");
    let who = account("ann");
    assert!(stores.ports.accounts.create(&who).await.unwrap());
    let totp = TotpRecord {
        id: "one".into(),
        secret: stores.ports.vault.seal("totp", &SecretBytes::new(vec![1])).unwrap(),
        digits: 6,
        period: 30,
        last_step: None,
        created_at: Timestamp::from_secs(1),
        used_at: None,
    };
    stores.ports.authenticators.put_totp(&who.identity.id, &totp, true, Records::NONE).await.unwrap();
    std::fs::remove_file(directory.path().join("stepgate.keys")).unwrap();
    let text = Stores::open(&settings(directory.path())).await.err().expect("a fault").to_string();
    assert!(text.contains("is gone"), "{text}");
    assert!(!directory.path().join("stepgate.keys").exists());
}

#[tokio::test]
async fn state_may_have_a_file_of_its_own_and_keys_may_be_given() {
    let directory = tempfile::tempdir().unwrap();
    let key = vault::parse_ring(&"ab".repeat(32)).unwrap();
    let own = directory.path().join("state.db");
    let settings = StoreSettings {
        state: StateSettings::Embedded(Some(own.clone())),
        keys: KeySettings::Ring(key),
        ..settings(directory.path())
    };
    Stores::open(&settings).await.unwrap();
    assert!(own.exists());
    assert!(!directory.path().join("stepgate.keys").exists());
    let none = StoreSettings { keys: KeySettings::Ring(vault::MasterKeys::default()), ..settings };
    assert!(Stores::open(&none).await.is_err());
}

fn listing(directory: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut all: Vec<_> = entries.map(|e| (e.file_name(), std::fs::read(e.path()).unwrap())).collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_look_changes_nothing_and_says_what_a_start_would_do() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path());
    let looked = health::check(&settings).await;
    assert!(looked.faults.is_empty());
    assert!(looked.notes[0].contains("database: the schema is not there yet"), "{:?}", looked.notes);
    assert!(looked.notes[1].contains("no key file yet") && looked.notes[2].contains("state:"), "{:?}", looked.notes);
    assert!(listing(directory.path()).is_empty());

    let stores = Stores::open(&settings).await.unwrap();
    assert!(stores.ports.accounts.create(&account("ann")).await.unwrap());
    let looked = health::check(&settings).await;
    assert!(looked.faults.is_empty() && looked.notes.is_empty(), "while it is open: {:?}", looked.notes);

    let file = directory.path().join("other.db");
    std::fs::copy(directory.path().join("stepgate.db"), &file).unwrap();
    let other = StoreSettings { database: SecretText::new(format!("sqlite://{}", file.display())), ..settings.clone() };
    let before = listing(directory.path());
    let looked = health::check(&other).await;
    let known = !looked.notes.iter().any(|n| n.starts_with("database"));
    assert!(looked.faults.is_empty() && known, "{:?} {:?}", looked.faults, looked.notes);
    assert!(listing(directory.path()) == before, "a look leaves no file behind and changes none");
}

#[tokio::test]
async fn a_look_at_postgres_makes_no_table_and_tells_how_far_it_is() {
    let server = crate::store::contract::postgres::Postgres::start().await;
    let url = server.database().await;
    assert_eq!(inspect_accounts(&url).await.unwrap().schema, Schema::Absent);
    assert_eq!(inspect_accounts(&url).await.unwrap().schema, Schema::Absent, "and the look did not make it");
    super::Database::open(&url).await.unwrap();
    assert_eq!(inspect_accounts(&url).await.unwrap().schema, Schema::Current);
}
