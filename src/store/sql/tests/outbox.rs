use std::sync::Arc;
use std::time::Duration;

use super::{Database, NOW, raw, sqlite};
use crate::flow::ports::{Letter, Outbox as _, SealedAt, SealedRows as _, Vault as _, letter_context};
use crate::store::contract::outbox::{OutboxNodes, outbox_contract};
use crate::store::contract::samples::ring_of;
use crate::store::outbox::SealedOutbox;
use crate::store::system::OsEntropy;

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn outbox(database: &Database, keys: &[u8]) -> SealedOutbox {
    SealedOutbox::new(database.clone(), ring_of(keys, &[]), Arc::new(OsEntropy))
}

pub(super) fn nodes(one: Database, other: Database, guard: Arc<dyn std::any::Any + Send + Sync>) -> OutboxNodes {
    let (first, second) = (outbox(&one, &[1]), outbox(&other, &[1]));
    OutboxNodes { one: Arc::new(first), other: Arc::new(second), rows: Arc::new(one), guard }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_contract_of_the_outbox() {
    outbox_contract(async || {
        let (database, directory) = sqlite().await;
        let url = format!("sqlite://{}", directory.path().join("stepgate.db").display());
        nodes(database, Database::open(&url).await.unwrap(), Arc::new(directory))
    })
    .await;
}

#[tokio::test]
async fn a_letter_opens_in_its_own_row_and_under_a_key_of_the_ring() {
    let (database, _directory) = sqlite().await;
    let outbox_of = |keys| outbox(&database, keys);
    for _ in 0..2 {
        outbox_of(&[1]).put(&Letter::Nobody, NOW, NOW.plus(MINUTE)).await.unwrap();
    }
    // A rotation reaches letters as well.
    let (ring, mut rows) = (ring_of(&[2, 1], &[]), database.sealed().await.unwrap());
    let (SealedAt::Letter(id), sealed) = rows.remove(0) else { panic!("a letter") };
    let anew = ring.reseal(&letter_context(&id), &sealed).unwrap().expect("the older key sealed it");
    assert!(database.swap(&SealedAt::Letter(id.clone()), &sealed, &anew).await.unwrap());
    assert!(!database.swap(&SealedAt::Letter(id.clone()), &sealed, &anew).await.unwrap());
    let leased = outbox_of(&[2]).lease(NOW, NOW.plus(MINUTE), 9).await.unwrap();
    assert_eq!(leased.len(), 2, "what does not open is there");
    for one in &leased {
        assert_eq!(one.letter.is_ok(), one.id == id, "only what was sealed anew opens without the older key");
    }
    // One row's letter in the other's place, and no letter at all.
    raw(&database, "update outbox set due_at = 0, letter = (select max(letter) from outbox)").await;
    let leased = outbox_of(&[2, 1]).lease(NOW, NOW.plus(MINUTE), 9).await.unwrap();
    assert_eq!(leased.iter().filter(|one| one.letter.is_ok()).count(), 1);
    raw(&database, "update outbox set due_at = 0, letter = '#'").await;
    let leased = outbox_of(&[2, 1]).lease(NOW, NOW.plus(MINUTE), 9).await.unwrap();
    assert!(leased.len() == 2 && leased.iter().all(|one| one.letter.is_err()));
}
