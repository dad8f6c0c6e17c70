//! What the files of SQLite hold of somebody who is gone, free pages and the write-ahead log among them.

use std::path::Path;

use super::{NOW, outbox, sqlite};
use crate::auth::event::{Event, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::{Identity, UserId};
use crate::flow::ports::{
    AccountChange, Accounts as _, Addresses as _, AuditEntry, Erasures as _, Outbox as _, Records,
};
use crate::flow::ports::{Letter, LetterCode, Recipient};
use crate::store::contract::samples::account;
use crate::store::sql::{Audit, sqlite as file};

const NAME: &str = "canaryname";
const ADDRESS: &str = "canary@address.test";
const HASH: &str = "$argon2id$canaryhash";
const OLDER_HASH: &str = "$argon2id$oldercanary";

/// Those of the canaries that can be read in the database or beside it.
fn readable(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |canary: &&&str| bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        let canaries = [NAME, ADDRESS, HASH, OLDER_HASH];
        found.extend(canaries.iter().filter(holds).map(|canary| format!("{} {canary}", path.display())));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_holds_anything_of_somebody_once_their_erasure_is_finished() {
    let (database, directory) = sqlite().await;
    let event = |nth: &str, user: &Identity| -> AuditEntry {
        let user = user.clone();
        let event = Event {
            what: What::ProofAccepted { method: Method::Password },
            user: Some(user.id),
            username: Some(user.username),
            client_ip: None,
            session: None,
            browser: Some(nth.to_owned()),
            risk: None,
            by: None,
            agent: None,
            form: None,
            is_written: false,
            learnt: false,
        };
        (NOW, None, event)
    };
    // Pages are split and joined: other people come before and after, and some of them go too.
    let others: Vec<_> = (0..60).map(|n| account(&format!("other{n}"))).collect();
    let trail = Audit::new(database.clone());
    let mut canary = account(NAME);
    canary.identity.id = UserId("01KB0Q6Z4V8R3T5W7Y9A1C3E5G".to_owned());
    canary.password_hash = Some(SecretText::new(OLDER_HASH.to_owned()));
    canary.identity.email = Some(ADDRESS.to_owned());
    for (nth, other) in others.iter().enumerate() {
        assert!(database.create(other).await.unwrap());
        trail.append(&[event(&nth.to_string(), &other.identity)]).await.unwrap();
        if nth == 30 {
            assert!(database.create(&canary).await.unwrap());
        }
    }
    let id = canary.identity.id.clone();
    for nth in 0..40 {
        trail.append(&[event(&format!("browser {nth}"), &canary.identity)]).await.unwrap();
    }
    let hash = AccountChange::PasswordHash(SecretText::new(HASH.to_owned()));
    assert!(database.change(&id, hash).await.unwrap());
    let address = AddressRecord { id: "1".into(), kind: AddressKind::Email, value: ADDRESS.into(), confirmed_at: NOW };
    assert!(database.add(&id, &address, 5, Records::NONE).await.unwrap());
    let letters = outbox::outbox(&database, &[1]);
    let code = SecretText::new("123456".to_owned());
    let (to, valid) = (Recipient::Email(ADDRESS.to_owned()), std::time::Duration::from_secs(60));
    let letter = Letter::SignInCode(LetterCode { to: to.clone(), code, host: "a.test".to_owned(), valid });
    letters.put(&letter, NOW, NOW.plus(valid)).await.unwrap();
    assert!(!readable(directory.path()).is_empty(), "the canaries are written");

    let waiting = letters.addressed_to(&[to]).await.unwrap();
    assert!(database.delete_recorded(&id, &waiting, Records::NONE).await.unwrap());
    for other in others.iter().step_by(2) {
        assert!(database.delete(&other.identity.id).await.unwrap());
    }
    assert_eq!(database.scrub(&id).await.unwrap(), 0, "done with the deletion");
    database.finish(&[id]).await.unwrap();
    assert_eq!(readable(directory.path()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_another_program_reads_the_file_no_erasure_is_finished_and_the_fault_says_why() {
    let (database, directory) = sqlite().await;
    let ann = account("ann");
    let id = [ann.identity.id.clone()];
    assert!(database.create(&ann).await.unwrap());
    let path = directory.path().join("stepgate.db");
    let backup = file::pool(file::options(&path, file::Durable::Process), 1);
    let mut reading = backup.begin().await.unwrap();
    sqlx::query("select count(*) from accounts").fetch_one(&mut *reading).await.unwrap();
    assert!(database.delete(&id[0]).await.unwrap());
    let fault = database.finish(&id).await.unwrap_err().to_string();
    assert!(fault.contains("as a backup"), "{fault}");
    let until = NOW.plus(std::time::Duration::from_secs(60));
    assert_eq!(database.lease(NOW, NOW, until).await.unwrap().len(), 1, "it is remembered");
    reading.rollback().await.unwrap();
    database.finish(&id).await.unwrap();
    assert!(database.lease(until, until, until).await.unwrap().is_empty());
}
