//! Streams that a client opens and resets (CVE-2023-44487): a bounded number is at work at once, and those for
//! nothing are rationed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::front::*;
use super::rig::*;

/// An app that is asked and never answers; a permit for each who waits.
async fn silent() -> (SocketAddr, Arc<Semaphore>) {
    let asked = Arc::new(Semaphore::new(0));
    let count = asked.clone();
    let address = upstream_of(move |mut stream| {
        let asked = count.clone();
        async move {
            while !head(&mut stream).await.is_empty() {
                asked.add_permits(1);
            }
        }
    })
    .await;
    (address, asked)
}

#[tokio::test]
async fn requests_taken_back_are_rationed() {
    let (address, asked) = silent().await;
    let mut settings = settings(&[address]);
    settings.limits.streams = 10;
    let front = Front::start(settings).await;
    let mut send = front.h2().await;
    let mut opened = 0;
    let end = loop {
        assert!(opened < 1000, "there is no end");
        send = match within(send.ready()).await {
            Ok(ready) => ready,
            Err(end) => break end,
        };
        let (answer, _) = send.send_request(get("/").body(()).unwrap(), true).unwrap();
        opened += 1;
        // As slow as a careful attacker, who lets each request reach the app before it is taken back.
        let Ok(seen) = tokio::time::timeout(Duration::from_millis(500), asked.acquire()).await else { continue };
        seen.unwrap().forget();
        drop(answer);
    };
    assert!(end.is_io() || end.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM), "{end:?}");
    assert!((40..=60).contains(&opened), "{opened}");
    // Others, and the same client on another connection, are served.
    let told = ask(&front.h2().await, get("/.stepgate/nothing").body(()).unwrap()).await.unwrap();
    assert_eq!(told.status, 404);
}

#[tokio::test]
async fn only_so_many_requests_are_at_work_whatever_was_reset() {
    // An app that never ends the TLS handshake: while it is waited for, nobody hears of a reset.
    let met = Arc::new(Semaphore::new(0));
    let count = met.clone();
    let address = upstream_of(move |stream| {
        let met = count.clone();
        async move {
            met.add_permits(1);
            let _open = stream;
            std::future::pending::<()>().await;
        }
    })
    .await;
    let mut settings = settings(&[address]);
    settings.limits.streams = 10;
    settings.apps[0].upstream.servers[0].tls = true;
    settings.apps[0].upstream.connect_timeout = Duration::from_secs(60);
    let front = Front::start(settings).await;
    // The health check has been there too.
    within(met.acquire()).await.unwrap().forget();
    let send = front.h2().await;
    let mut reached = 0;
    for _ in 0..40 {
        // As slow as a careful attacker, who lets each request be accepted before it is taken back.
        let Ok(mut send) = send.clone().ready().await else { break };
        let Ok((answer, _)) = send.send_request(get("/").body(()).unwrap(), true) else { break };
        if let Ok(seen) = tokio::time::timeout(Duration::from_millis(100), met.acquire()).await {
            seen.unwrap().forget();
            reached += 1;
        }
        drop(answer);
    }
    assert_eq!(reached, 10, "connections to the app");
    let others = front.h2().await;
    assert_eq!(ask(&others, get("/.stepgate/nothing").body(()).unwrap()).await.unwrap().status, 404);
}

#[tokio::test]
async fn many_streams_give_a_client_no_more_room_than_many_connections() {
    let (address, asked) = silent().await;
    let mut settings = settings(&[address]);
    settings.limits.connections_per_client = Some(6);
    let front = Front::start(settings).await;
    let (one, two) = (front.h2().await, front.h2().await);
    let mut waiting = Vec::new();
    for send in [&one, &two, &one, &two, &one, &two] {
        waiting.push(send.clone().send_request(get("/").body(()).unwrap(), true).unwrap());
    }
    within(asked.acquire_many(6)).await.unwrap().forget();
    let refused = ask(&two, get("/").body(()).unwrap()).await.unwrap_err();
    assert_eq!(refused.reason(), Some(h2::Reason::REFUSED_STREAM), "{refused:?}");
    drop(waiting.pop());
    let again = async {
        while ask(&one, get("/.stepgate/nothing").body(()).unwrap()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    within(again).await;
}
