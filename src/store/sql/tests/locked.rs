//! A SQLite file that another process keeps locked, many writers of our own, and a disk that is full.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::auth::throttle::{Charge, Limit};
use crate::flow::ports::{AccountChange, Answer};
use crate::store::Stores;
use crate::store::contract::samples::account;
use crate::store::contract::samples::{session, session_key};
use crate::store::sql::sqlite::{Durable, options, pool, try_write};
use crate::store::tests::settings;

async fn stores() -> (Arc<Stores>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let stores = Stores::open(&settings(directory.path())).await.unwrap();
    (Arc::new(stores), directory)
}

fn charge(name: &str) -> Vec<Charge> {
    vec![Charge { key: name.to_owned(), limit: Limit { tries: 1_000, refill: Duration::from_secs(1) } }]
}

/// One write to each store, as a sign-in does them.
async fn writes(stores: &Stores, name: &str) -> [Answer<()>; 3] {
    let (ports, id) = (&stores.ports, account("ann").identity.id);
    let now = ports.clock.now();
    let session = session(name, now);
    let (charges, key) = (charge(name), session_key());
    let (charged, noted, opened) = tokio::join!(
        ports.throttle.charge(&charges, now),
        ports.accounts.change(&id, AccountChange::LoggedIn(now)),
        ports.sessions.replace(None, &key, &session, now.plus(Duration::from_secs(60))),
    );
    [charged.map(drop), noted.map(drop), opened.map(drop)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_locked_elsewhere_is_told_within_a_second_by_every_writer_and_by_the_probe() {
    let (stores, directory) = stores().await;
    assert!(stores.ports.accounts.create(&account("ann")).await.unwrap());
    assert!(writes(&stores, "ann").await.iter().all(Result::is_ok));
    let file = directory.path().join("stepgate.db");
    let mut other: SqliteConnection = options(&file, Durable::Process).connect().await.unwrap();
    sqlx::raw_sql("begin immediate").execute(&mut other).await.unwrap();
    let many = (0..60).map(|n| {
        let stores = stores.clone();
        tokio::spawn(async move {
            let begun = Instant::now();
            let failed = writes(&stores, &format!("ann{n}")).await.into_iter().all(|write| write.is_err());
            (failed, begun.elapsed())
        })
    });
    for told in futures_util::future::join_all(many).await {
        let (failed, waited) = told.unwrap();
        assert!(failed && waited < Duration::from_secs(1), "{failed} after {waited:?}");
    }
    let begun = Instant::now();
    for (name, answer) in stores.probe().await {
        let text = answer.err().unwrap_or_else(|| panic!("{name} is said to be well")).to_string();
        assert!(text.contains("lock"), "{text}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // Reading needs no lock.
    assert!(stores.ports.accounts.load(&account("ann").identity.id).await.unwrap().is_some());
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    assert!(writes(&stores, "ann").await.iter().all(Result::is_ok), "it recovers by itself");
    assert!(stores.probe().await.iter().all(|(_, answer)| answer.is_ok()));
    other.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_process_do_not_lock_each_other_out() {
    let (stores, _directory) = stores().await;
    assert!(stores.ports.accounts.create(&account("ann")).await.unwrap());
    let many = (0..200).map(|n| {
        let stores = stores.clone();
        tokio::spawn(async move { writes(&stores, &format!("ann{n}")).await })
    });
    for done in futures_util::future::join_all(many).await {
        for write in done.unwrap() {
            write.unwrap();
        }
    }
}

/// SQLite ends a transaction by itself when the disk is full; nothing may wait for its end for ever.
#[tokio::test]
async fn a_disk_that_was_full_is_written_to_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("full.db");
    let with = |options| pool(options, 1);
    let pool = with(options(&file, Durable::Process).create_if_missing(true));
    sqlx::raw_sql("create table t (b blob); pragma max_page_count = 8").execute(&pool).await.unwrap();
    let mut work = pool.begin_with("begin immediate").await.unwrap();
    let full = sqlx::raw_sql("insert into t values (zeroblob(1000000))").execute(&mut *work).await.unwrap_err();
    assert!(full.to_string().contains("full"), "{full}");
    drop(work);
    // What takes no writes is not well, though it can be locked.
    assert!(try_write(&with(options(&file, Durable::Process).pragma("query_only", "on"))).await.is_err());
    for _ in 0..2 {
        try_write(&pool).await.unwrap();
        sqlx::raw_sql("insert into t values (zeroblob(1000000))").execute(&pool).await.unwrap();
    }
}
