//! Slow heads, large heads, waiting for ever, unread bodies, HTTP/2, TLS.

use super::front::Front;
use super::rig::*;
use crate::proxy::client::connection_state::ConnectionState;
use crate::proxy::request::client_address::{AcceptedOn, Peer};
use bytes::Bytes;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_slow_head_is_cut_however_it_drips() {
    let (address, heard) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.limits.header_timeout = Duration::from_millis(300);
    let rig = Rig::start(settings).await;
    let stream = rig.connect().await;
    let (mut reading, mut writing) = stream.into_split();
    tokio::spawn(async move {
        for byte in b"GET / HTTP/1.1\r\nHost: app.test\r\nX-Slow: ".iter().chain(std::iter::repeat_n(&b'x', 400)) {
            if writing.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut all = Vec::new();
    let _ = within(reading.read_to_end(&mut all)).await;
    assert!(String::from_utf8_lossy(&all).starts_with("HTTP/1.1 408"), "{}", String::from_utf8_lossy(&all));
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_large_head_is_cut() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    let line = format!("X-Large: {}\r\n", "x".repeat(8000));
    say(&mut stream, "GET / HTTP/1.1\r\nHost: app.test\r\n").await;
    for _ in 0..16 {
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut all = Vec::new();
    let _ = within(stream.read_to_end(&mut all)).await;
    assert!(!String::from_utf8_lossy(&all).contains("200 OK"));
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_second_request_too() {
    let (address, _) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.limits.keepalive = Duration::from_secs(1);
    let rig = Rig::start(settings).await;
    let mut stream = rig.connect().await;
    for _ in 0..2 {
        say(&mut stream, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        answer(&mut stream).await;
    }
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn connection_close_is_honoured() {
    let (address, _) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n").await;
    let mut all = Vec::new();
    tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut all)).await.expect("closed").unwrap();
}

#[tokio::test]
async fn an_unread_body_never_becomes_a_request() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let body = "GET /marker HTTP/1.1\r\nHost: app.test\r\n\r\n";
    let mut stream = rig.connect().await;
    let request = format!("POST /guarded/x HTTP/1.1\r\nHost: app.test\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    say(&mut stream, &request).await;
    answer(&mut stream).await;
    // The body was read, so the connection is kept for a real request.
    say(&mut stream, "GET /real HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 200"));
    let heard = heard.lock().unwrap();
    assert!(heard.len() == 1 && heard[0].starts_with("GET /real"), "{heard:?}");
}

#[tokio::test]
async fn connections_of_one_client_are_capped() {
    let (address, _) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.limits.connections_per_client = Some(2);
    let rig = Rig::start(settings).await;
    let mut held = vec![rig.connect().await, rig.connect().await];
    for stream in &mut held {
        say(stream, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert!(answer(stream).await.0.starts_with("HTTP/1.1 200"));
    }
    let mut third = rig.connect().await;
    let _ = third.write_all(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(head(&mut third).await, "", "closed without an answer");
}

#[tokio::test]
async fn h2_crumbs_are_joined_and_other_hosts_are_misdirected() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    let mut send = front.h2().await;
    let request = http::Request::get("https://app.test/x").header("cookie", "a=1").header("cookie", "b=2");
    let (answer, _) = send.send_request(request.body(()).unwrap(), true).unwrap();
    assert_eq!(within(answer).await.unwrap().status(), 200);
    let (answer, _) = send.send_request(http::Request::get("https://other.test/x").body(()).unwrap(), true).unwrap();
    assert_eq!(within(answer).await.unwrap().status(), 421);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 1);
    assert_eq!(field(&heard[0], "cookie").as_deref(), Some("a=1; b=2"));
    assert_eq!(field(&heard[0], "host").as_deref(), Some("app.test"));
    assert_eq!(field(&heard[0], "x-forwarded-proto").as_deref(), Some("https"));
}

#[tokio::test]
async fn an_empty_last_data_frame_does_not_poison_the_pooled_connection() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    let mut send = front.h2().await;
    for round in 0..6 {
        let request = http::Request::post("https://app.test/x").body(()).unwrap();
        let (answer, mut body) = send.send_request(request, false).unwrap();
        body.send_data(Bytes::from_static(b"abc"), false).unwrap();
        body.send_data(Bytes::new(), true).unwrap();
        assert_eq!(within(answer).await.unwrap().status(), 200, "round {round}");
    }
    for request in heard.lock().unwrap().iter() {
        assert!(request.starts_with("POST /x HTTP/1.1\r\n"), "a stray terminator came before: {request:?}");
    }
}

#[tokio::test]
async fn certificates_are_chosen_by_name_and_read_again() {
    let (address, _) = upstream(OK).await;
    let front = Front::of(address).await;
    front.shake("app.test").await.unwrap();
    front.shake("any.wild.test").await.unwrap();
    assert!(front.shake("two.levels.wild.test").await.is_err());
    // A broken file keeps the old certificate; a good one takes its place without a restart.
    std::fs::write(front.dir.path().join("one.pem"), "broken").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    front.shake("app.test").await.unwrap();
    certificate(&front.dir, "one", &["app.test"]);
    let refused = async {
        while front.shake("app.test").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within(refused).await; // the client does not know the new one
}

#[test]
fn rounds_of_heads_and_bodies_alternate() {
    let link = ConnectionState::new(Peer::new([127, 0, 0, 1].into(), AcceptedOn::Plain));
    link.head_complete();
    link.head_complete();
    link.expect_head();
    link.expect_head();
    link.head_complete();
    assert!(format!("{link:?}").contains("round: 5"), "{link:?}");
}
