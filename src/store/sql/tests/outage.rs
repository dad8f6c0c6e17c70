//! PostgreSQL goes away: refused, silent, and back again.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::NOW;
use crate::flow::ports::{Accounts as _, Authenticators as _};
use crate::store::contract::postgres::{PASSWORD, Postgres};
use crate::store::contract::samples::account;
use crate::store::sql::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_postgres_is_told_within_a_second_and_ends() {
    let mut server = Postgres::start().await;
    let url = server.database().await;
    let database = Database::open(&url).await.unwrap();
    let ann = account("ann");
    assert!(database.create(&ann).await.unwrap());
    server.stop();
    for _ in 0..3 {
        let begun = Instant::now();
        let text = database.find(&ann.identity.username).await.err().expect("a fault").to_string();
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert!(!text.contains(PASSWORD), "{text}");
        assert!(database.probe().await.is_err());
    }
    let text = Database::open(&url).await.err().unwrap().to_string();
    assert!(text.contains("cannot reach postgres at 127.0.0.1:") && !text.contains(PASSWORD), "{text}");
    server.resume().await;
    let back = async {
        while database.find(&ann.identity.username).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), back).await.expect("it recovers by itself");
    let wrong = url.replace(PASSWORD, "wrong-canary");
    let text = Database::open(&wrong).await.err().unwrap().to_string();
    assert!(
        text.contains("was refused") && text.contains("wrong password") && !text.contains("wrong-canary"),
        "{text}"
    );
}

/// A relay that can be made to pass nothing on, as a cable that was cut: no refusal, no answer.
async fn relay(to: u16) -> (u16, tokio::sync::watch::Sender<bool>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (cut, state) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let state = state.clone();
            tokio::spawn(async move {
                let far = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::join!(pass_on(near_in, far_out, state.clone()), pass_on(far_in, near_out, state));
            });
        }
    });
    (port, cut)
}

async fn pass_on(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut cut: tokio::sync::watch::Receiver<bool>,
) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if cut.wait_for(|cut| !cut).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_falls_silent_is_told_within_a_second_and_recovers() {
    let server = Postgres::start().await;
    let (port, cut) = relay(server.port()).await;
    let url = server.database().await.replace(&format!(":{}/", server.port()), &format!(":{port}/"));
    let database = Database::open(&url).await.unwrap();
    let ann = account("ann");
    assert!(database.create(&ann).await.unwrap());
    cut.send(true).unwrap();
    for _ in 0..3 {
        let begun = Instant::now();
        assert!(database.find(&ann.identity.username).await.is_err());
        assert!(database.spend_step(&ann.identity.id, "one", 1, NOW).await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(2), "each within a second: {:?}", begun.elapsed());
    }
    cut.send(false).unwrap();
    let back = async {
        while database.find(&ann.identity.username).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), back).await.expect("it recovers by itself");
}
