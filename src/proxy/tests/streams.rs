//! Streaming both ways, events, WebSockets, `Expect`, HEAD, limits.

use super::rig::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn get_post_and_head_pass_and_the_connection_is_kept() {
    let (address, heard) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-App: yes\r\n\r\n").await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    for request in [
        "GET /a?b=%20c HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "POST /form HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nx=1",
        "HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n",
    ] {
        say(&mut stream, request).await;
        let (head, _) = answer(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200") && field(&head, "x-app").is_some(), "{head}");
    }
    let heard = heard.lock().unwrap();
    assert!(heard[0].starts_with("GET /a?b=%20c HTTP/1.1\r\n"), "{heard:?}");
    assert!(heard[1].ends_with("\r\n\r\nx=1"), "{heard:?}");
    assert_eq!(heard.len(), 3);
}

#[tokio::test]
async fn an_event_arrives_before_the_stream_ends() {
    let (release, released) = tokio::sync::watch::channel(false);
    let address = upstream_of(move |mut stream| {
        let mut released = released.clone();
        async move {
            head(&mut stream).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n").await;
            let _ = released.wait_for(|r| *r).await;
            say(&mut stream, "0\r\n\r\n").await;
        }
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, "GET /events HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    head(&mut stream).await;
    let mut event = vec![0; "9\r\ndata: 1\n\n\r\n".len()];
    within(stream.read_exact(&mut event)).await.unwrap();
    assert!(String::from_utf8(event).unwrap().contains("data: 1"));
    release.send(true).unwrap();
}

#[tokio::test]
async fn an_upload_is_passed_on_piece_by_piece() {
    let address = upstream_of(|mut stream| async move {
        head(&mut stream).await;
        let mut first = [0; 5];
        stream.read_exact(&mut first).await.unwrap();
        say(&mut stream, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n").await;
        stream.read_exact(&mut first).await.unwrap();
        say(&mut stream, OK).await;
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n12345").await;
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 103"), "the first half was there before the second");
    say(&mut stream, "67890").await;
    assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 200"));
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://app.test\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[tokio::test]
async fn websockets_echo_idle_past_the_body_timeout_and_survive_the_race() {
    let address = upstream_of(|mut stream| async move {
        let head = head(&mut stream).await;
        assert!(head.contains("Origin: http://app.test"));
        say(&mut stream, SWITCH).await;
        let mut buffer = [0; 4];
        while stream.read_exact(&mut buffer).await.is_ok() {
            stream.write_all(&buffer).await.unwrap();
        }
    })
    .await;
    let mut settings = settings(&[address]);
    settings.limits.body_timeout = Duration::from_millis(100);
    settings.apps[0].upstream.read_timeout = Duration::from_millis(100);
    let rig = Rig::start(settings).await;
    for round in 0..50 {
        let mut stream = rig.connect().await;
        say(&mut stream, UPGRADE).await;
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101"), "round {round}");
        if round == 0 {
            tokio::time::sleep(Duration::from_millis(400)).await; // idle, longer than every body timeout
        }
        let mut echo = [0; 4];
        for _ in 0..3 {
            stream.write_all(b"ping").await.unwrap();
            within(stream.read_exact(&mut echo)).await.unwrap();
            assert_eq!(&echo, b"ping", "round {round}");
        }
    }
}

/// The app's 101 is there before anything was asked: the race of pingora#946 at its worst.
#[tokio::test]
async fn a_hasty_answer_does_not_end_the_tunnel_it_opens() {
    let address = upstream_of(|mut stream| async move {
        say(&mut stream, SWITCH).await;
        head(&mut stream).await;
        let mut buffer = [0; 4];
        while stream.read_exact(&mut buffer).await.is_ok() {
            stream.write_all(&buffer).await.unwrap();
        }
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    for round in 0..40 {
        let mut stream = rig.connect().await;
        say(&mut stream, UPGRADE).await;
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101"), "round {round}");
        let mut echo = [0; 4];
        stream.write_all(b"ping").await.unwrap();
        within(stream.read_exact(&mut echo)).await.unwrap();
        assert_eq!(&echo, b"ping", "round {round}");
    }
}

#[tokio::test]
async fn expect_continue_is_answered_by_the_app_through_us() {
    let address = upstream_of(|mut stream| async move {
        assert!(field(&head(&mut stream).await, "expect").is_some());
        say(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
        let mut body = [0; 3];
        stream.read_exact(&mut body).await.unwrap();
        say(&mut stream, OK).await;
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n").await;
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 100"));
    say(&mut stream, "abc").await;
    assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn too_large_a_body_is_told_so_that_the_client_can_read_it() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let size = 8 * 1024 * 1024;
    let mut stream = rig.connect().await;
    say(&mut stream, &format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {size}\r\n\r\n")).await;
    let (mut reading, mut writing) = stream.into_split();
    let sending = tokio::spawn(async move { writing.write_all(&vec![b'x'; size]).await });
    within(sending).await.unwrap().expect("a client that reads only after sending can send everything");
    assert!(answer(&mut reading).await.0.starts_with("HTTP/1.1 413"));
    assert!(heard.lock().unwrap().is_empty(), "the app never heard of it");
}

#[tokio::test]
async fn a_chunked_body_is_counted_while_it_passes() {
    let (address, _) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let (mut reading, mut writing) = stream.into_split();
    tokio::spawn(async move {
        for _ in 0..40 {
            if writing.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
        let _ = writing.write_all(b"0\r\n\r\n").await;
    });
    assert!(answer(&mut reading).await.0.starts_with("HTTP/1.1 413"));
}

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
}

const GIGABYTE: usize = 1 << 30;

#[tokio::test]
#[ignore = "moves 2 GiB; run it alone, or other tests' memory counts too"]
async fn a_gigabyte_passes_both_ways_in_flat_memory() {
    let address = upstream_of(|mut stream| async move {
        head(&mut stream).await;
        let mut buffer = vec![0; 1 << 16];
        let mut left = GIGABYTE;
        while left > 0 {
            left -= stream.read(&mut buffer).await.unwrap();
        }
        say(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {GIGABYTE}\r\n\r\n")).await;
        for _ in 0..GIGABYTE / buffer.len() {
            stream.write_all(&buffer).await.unwrap();
        }
    })
    .await;
    let mut settings = settings(&[address]);
    settings.apps[0].max_body = None;
    let rig = Rig::start(settings).await;
    let mut stream = rig.connect().await;
    say(&mut stream, &format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {GIGABYTE}\r\n\r\n")).await;
    let before = resident();
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..GIGABYTE / buffer.len() {
        stream.write_all(&buffer).await.unwrap();
    }
    let uploaded = resident();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200"));
    let mut left = GIGABYTE;
    while left > 0 {
        left -= stream.read(&mut buffer).await.unwrap();
    }
    let peak = resident().max(uploaded);
    assert!(peak < before + 32, "from {before} MiB to {peak} MiB");
}
