//! Apps that are down, slow, broken, or several.

use super::direct::THE_LONG_WAY;
use super::rig::*;
use socket2::SockRef;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Barrier;

const GET: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx";

#[tokio::test]
async fn refused_is_502_or_503_once_known_to_be_down() {
    let (nobody, _held) = nobody();
    let mut settings = settings(&[nobody]);
    settings.apps[0].upstream.health_interval = Duration::from_millis(50);
    let rig = Rig::start(settings).await;
    let known = async {
        loop {
            let answer = rig.exchange(GET).await;
            if answer.starts_with("HTTP/1.1 503") {
                return;
            }
            assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
        }
    };
    within(known).await;
}

#[tokio::test]
async fn a_server_that_was_down_is_not_waited_for_as_long_as_one_that_is_well() {
    let (address, held) = nobody();
    let rig = Rig::start(settings(&[address])).await; // looks at what is well once an hour
    within(async { while !rig.exchange(GET).await.starts_with("HTTP/1.1 503") {} }).await;
    let listener = held.listen(8).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while !head(&mut stream).await.is_empty() {
                    say(&mut stream, OK).await;
                }
            });
        }
    });
    within(async { while !rig.exchange(GET).await.starts_with("HTTP/1.1 200") {} }).await;
}

#[tokio::test]
async fn silence_is_504_and_a_broken_answer_502() {
    let silent = upstream_of(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut slow = settings(&[silent]);
    slow.apps[0].upstream.read_timeout = Duration::from_millis(200);
    assert!(Rig::start(slow).await.exchange(GET).await.starts_with("HTTP/1.1 504"));
    let broken = upstream_of(|mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, "not http at all\r\n\r\n").await;
    })
    .await;
    assert!(Rig::start(settings(&[broken])).await.exchange(GET).await.starts_with("HTTP/1.1 502"));
}

#[tokio::test]
async fn a_client_is_told_that_its_connection_ends_with_the_app_s_failure() {
    let chunked = "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    let (nobody, _held) = nobody();
    let mute = upstream_of(|mut stream| async move { drop(head(&mut stream).await) }).await;
    let confused = upstream_of(|mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, "not http at all\r\n\r\n").await;
    })
    .await;
    let silent = upstream_of(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    for address in [nobody, mute, confused, silent] {
        let mut settings = settings(&[address]);
        settings.apps[0].upstream.read_timeout = Duration::from_millis(100);
        let rig = Rig::start(settings).await;
        for request in [GET, POST, chunked] {
            let mut stream = rig.connect().await;
            say(&mut stream, request).await;
            let (head, body) = answer(&mut stream).await;
            assert!(head.starts_with("HTTP/1.1 50") && !body.is_empty(), "{request:?}: {head}");
            assert_eq!(field(&head, "connection").as_deref(), Some("close"), "{request:?}: {head}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_passed_over_for_every_method() {
    let (well, heard) = upstream(OK).await;
    let (nobody, _held) = nobody();
    let rig = Rig::start(settings(&[nobody, well])).await;
    for request in [GET, POST, GET, POST] {
        assert!(rig.exchange(request).await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(heard.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn servers_take_turns() {
    let (one, first) = upstream(OK).await;
    let (two, second) = upstream(OK).await;
    let rig = Rig::start(settings(&[one, two])).await;
    for _ in 0..6 {
        rig.exchange(GET).await;
    }
    assert_eq!((first.lock().unwrap().len(), second.lock().unwrap().len()), (3, 3));
}

#[tokio::test]
async fn a_post_that_was_sent_is_never_sent_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = count.clone();
    let dying = upstream_of(move |mut stream| {
        let count = counting.clone();
        async move {
            // Dies on each POST, after reading it, and on the second request of a connection.
            for round in 0..2 {
                let head = head(&mut stream).await;
                if head.starts_with("POST") {
                    tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap();
                    count.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if head.is_empty() || round == 1 {
                    return;
                }
                say(&mut stream, OK).await;
            }
        }
    })
    .await;
    let rig = Rig::start(settings(&[dying])).await;
    assert!(rig.exchange(GET).await.starts_with("HTTP/1.1 200"));
    assert!(rig.exchange(POST).await.starts_with("HTTP/1.1 502"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert!(rig.exchange(GET).await.starts_with("HTTP/1.1 200"), "a new connection");
    assert!(rig.exchange(GET).await.starts_with("HTTP/1.1 200"), "a GET on a dying connection is repeated");
}

#[tokio::test]
async fn who_just_closes_kept_connections_gets_every_form() {
    for resets in [false, true] {
        let address = upstream_of(move |mut stream| async move {
            let head = head(&mut stream).await;
            let mut body = vec![0; field(&head, "content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body).await.unwrap();
            say(&mut stream, OK).await;
            SockRef::from(&stream).set_linger(resets.then_some(Duration::ZERO)).unwrap();
        })
        .await;
        let rig = Rig::start(settings(&[address])).await;
        let mut kept = rig.connect().await;
        for round in 0..60 {
            let method = ["POST", "PATCH", "PUT", "DELETE"][round % 4];
            let form = format!("{method} / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\na=1");
            assert!(rig.exchange(GET).await.starts_with("HTTP/1.1 200"), "something to be kept");
            assert!(rig.exchange(&form).await.starts_with("HTTP/1.1 200"), "{round}, {resets}");
            say(&mut kept, &form).await;
            assert!(answer(&mut kept).await.0.starts_with("HTTP/1.1 200"), "{round}, {resets}, one after another");
        }
    }
}

#[tokio::test]
async fn what_is_sent_once_more_does_not_meet_another_kept_connection() {
    // As many as are tried at most, and more.
    const KEPT: usize = 8;
    for more in ["", THE_LONG_WAY] {
        let (all, asked) = (Arc::new(Barrier::new(KEPT)), Arc::new(AtomicUsize::new(0)));
        let counting = asked.clone();
        let address = upstream_of(move |mut stream| {
            let (all, asked) = (all.clone(), counting.clone());
            async move {
                // They are answered when all are there; a connection that was used once closes when it is asked again.
                if head(&mut stream).await.is_empty() {
                    return;
                }
                if asked.fetch_add(1, Ordering::SeqCst) < KEPT {
                    all.wait().await;
                }
                say(&mut stream, OK).await;
                if !head(&mut stream).await.is_empty() {
                    asked.fetch_add(1, Ordering::SeqCst);
                }
            }
        })
        .await;
        let rig = Rig::start(settings(&[address])).await;
        let get = format!("GET / HTTP/1.1\r\nHost: app.test\r\n{more}\r\n");
        let answers = futures_util::future::join_all((0..KEPT).map(|_| rig.exchange(&get))).await;
        assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 200")));
        assert!(rig.exchange(&get).await.starts_with("HTTP/1.1 200"));
        assert_eq!(asked.load(Ordering::SeqCst), KEPT + 2, "{more}");
    }
}
