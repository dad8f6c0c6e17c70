//! Requests that come before the last one is answered.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::rig::*;

/// An app that answers each request with its target and body, the first one when it is released.
async fn app(released: watch::Receiver<bool>) -> std::net::SocketAddr {
    upstream_of(move |mut stream| {
        let mut released = released.clone();
        async move {
            loop {
                let head = head(&mut stream).await;
                let Some(target) = head.split(' ').nth(1).map(str::to_owned) else { return };
                let mut body = vec![0; field(&head, "content-length").map_or(0, |n| n.parse().unwrap())];
                stream.read_exact(&mut body).await.unwrap();
                if field(&head, "transfer-encoding").is_some() {
                    while !body.ends_with(b"0\r\n\r\n") {
                        body.push(stream.read_u8().await.unwrap());
                    }
                }
                let _ = released.wait_for(|r| *r).await;
                let told = format!("{target} {}", String::from_utf8_lossy(&body).escape_debug());
                let length = told.len();
                say(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{told}")).await;
            }
        }
    })
    .await
}

const REQUESTS: [(&str, &str); 7] = [
    ("GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n", "/a "),
    ("POST /b HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc\r\n", "/b abc"),
    ("\r\nGET /c HTTP/1.1\r\nHost: app.test\r\n\r\n", "/c "),
    (
        "PUT /d HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nGE\r\n0\r\n\r\n",
        "/d 2\\r\\nGE\\r\\n0\\r\\n\\r\\n",
    ),
    ("POST /guarded/e HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc", ""),
    ("POST /f HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n", "/f "),
    ("GET /g HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n", "/g "),
];

#[tokio::test]
async fn each_is_answered_in_its_turn_however_they_come() {
    let all: String = REQUESTS.iter().map(|(request, _)| *request).collect();
    for step in [1, 7, 40, 100, all.len()] {
        for late in [false, true] {
            let (release, released) = watch::channel(!late);
            let rig = Rig::start(settings(&[app(released).await])).await;
            let (mut answers, mut requests) = rig.connect().await.into_split();
            let sent = all.clone();
            let sending = tokio::spawn(async move {
                for piece in sent.as_bytes().chunks(step) {
                    requests.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                // The app holds its first answer back until all was sent.
                release.send_replace(true);
                requests
            });
            for (request, told) in REQUESTS {
                let (head, body) = answer(&mut answers).await;
                let status = if request.contains("guarded") { "HTTP/1.1 401 " } else { "HTTP/1.1 200 " };
                assert!(head.starts_with(status), "by {step}, late {late}: {request}{head}");
                let kept = if request.contains("close") { "close" } else { "keep-alive" };
                assert_eq!(field(&head, "connection").as_deref(), Some(kept), "{request}");
                assert!(told.is_empty() || body == told.as_bytes(), "{told}: {}", String::from_utf8_lossy(&body));
            }
            assert_eq!(within(answers.read(&mut [0])).await.unwrap(), 0);
            drop(sending.await.unwrap());
        }
    }
}

#[tokio::test]
async fn more_than_is_kept_waits_in_the_socket() {
    let (release, released) = watch::channel(false);
    let rig = Rig::start(settings(&[app(released).await])).await;
    let (mut answers, mut requests) = rig.connect().await.into_split();
    let sending = tokio::spawn(async move {
        for number in 0..5000 {
            let request = format!("GET /{number} HTTP/1.1\r\nHost: app.test\r\n\r\n");
            requests.write_all(request.as_bytes()).await.unwrap();
            if number == 2000 {
                release.send_replace(true);
            }
        }
        requests
    });
    for number in 0..5000 {
        let (_, body) = answer(&mut answers).await;
        assert_eq!(String::from_utf8(body).unwrap(), format!("/{number} "));
    }
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn who_only_sends_empty_lines_is_idle() {
    let (_release, released) = watch::channel(true);
    let mut settings = settings(&[app(released).await]);
    settings.limits.keepalive = Duration::from_millis(400);
    let rig = Rig::start(settings).await;
    let mut stream = rig.connect().await;
    say(&mut stream, &format!("{}\r\n", REQUESTS[0].0)).await;
    answer(&mut stream).await;
    say(&mut stream, "\r\n\r\n").await;
    assert_eq!(within(stream.read(&mut [0; 9])).await.unwrap(), 0, "closed without a word");
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn what_comes_behind_a_handshake_is_kept_for_the_websocket() {
    let address = upstream_of(|mut stream| async move {
        let handshake = head(&mut stream).await;
        assert!(tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await.is_err(), "{handshake}");
        say(
            &mut stream,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        )
        .await;
        let mut frames = [0; 6];
        stream.read_exact(&mut frames).await.unwrap();
        stream.write_all(&frames).await.unwrap();
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    for cut in [0, 3] {
        let mut stream = rig.connect().await;
        let (with, after) = "FRAMES".split_at(cut);
        say(&mut stream, &format!("{UPGRADE}{with}")).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        say(&mut stream, after).await;
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 101 "));
        let mut frames = [0; 6];
        within(stream.read_exact(&mut frames)).await.unwrap();
        assert_eq!(&frames, b"FRAMES");
    }
}

#[tokio::test]
async fn what_comes_behind_a_refused_handshake_is_a_request_like_any() {
    let (address, heard) = upstream("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, &format!("{UPGRADE}GET /guarded/x HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
    assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 403 "));
    assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 401 "));
    assert_eq!(heard.lock().unwrap().len(), 1);
}
