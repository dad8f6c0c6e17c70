//! HTTP/2 towards clients: what passes, what is refused, when a connection ends.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::front::*;
use super::rig::*;

#[tokio::test]
async fn requests_of_every_kind_pass() {
    let (address, heard) =
        upstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nX-App: yes\r\n\r\nok").await;
    let front = Front::of(address).await;
    let send = front.h2().await;
    let told = ask(&send, get("/a?b=%20c").body(()).unwrap()).await.unwrap();
    assert_eq!((told.status, told.body.as_str(), told.header("x-app")), (200, "ok", "yes"));
    assert!(!told.header("date").is_empty() && told.headers.get("connection").is_none());
    let (answer, mut body) =
        send.clone().send_request(Request::put("https://app.test/p").body(()).unwrap(), false).unwrap();
    for piece in ["a", "bc", "d"] {
        body.send_data(Bytes::from(piece), piece == "d").unwrap();
    }
    assert_eq!(read(within(answer).await.unwrap()).await.unwrap().body, "ok");
    let heard = heard.lock().unwrap().clone();
    assert!(heard[0].starts_with("GET /a?b=%20c HTTP/1.1\r\n") && heard[1].starts_with("PUT /p HTTP/1.1\r\n"));
    let sent: String = heard[1].split("\r\n\r\n").nth(1).unwrap().split("\r\n").skip(1).step_by(2).collect();
    assert_eq!(sent, "abcd", "{}", heard[1]);
}

#[tokio::test]
async fn an_answer_to_head_has_no_body_ours_neither() {
    let address = upstream_of(|mut stream| async move {
        while !head(&mut stream).await.is_empty() {
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n").await;
        }
    })
    .await;
    let front = Front::of(address).await;
    let send = front.h2().await;
    for (target, status) in [("/", 200), ("/.stepgate/nothing", 404), ("/a/../b", 400)] {
        let request = Request::head(format!("https://app.test{target}")).body(()).unwrap();
        let told = ask(&send, request).await.unwrap();
        assert_eq!((told.status, told.body.as_str()), (status, ""), "{target}");
        assert!(told.header("content-length").parse::<u32>().unwrap() > 0, "{target}");
    }
}

#[tokio::test]
async fn hints_and_leave_to_send_come_before_the_answer_and_are_not_many() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x\r\n\r\n";
    let address = upstream_of(move |mut stream| async move {
        if field(&head(&mut stream).await, "expect").is_none() {
            return;
        }
        say(&mut stream, &format!("HTTP/1.1 102 Processing\r\n\r\n{hint}HTTP/1.1 100 Continue\r\n\r\n")).await;
        let mut body = Vec::new();
        while !body.ends_with(b"0\r\n\r\n") {
            body.push(stream.read_u8().await.unwrap());
        }
        say(&mut stream, &format!("{}{OK}", hint.repeat(50))).await;
    })
    .await;
    let front = Front::of(address).await;
    let request = Request::post("https://app.test/").header("expect", "100-continue").body(()).unwrap();
    let (mut answer, mut body) = front.h2().await.send_request(request, false).unwrap();
    let mut told = Vec::new();
    while told.last() != Some(&100) {
        let meanwhile = within(std::future::poll_fn(|cx| answer.poll_informational(cx))).await.unwrap().unwrap();
        let hinted = meanwhile.headers().get("link").is_some_and(|link| link == "</a.css>; rel=preload");
        assert!(hinted == (meanwhile.status() == 103) && meanwhile.headers().get("connection").is_none());
        told.push(meanwhile.status().as_u16());
    }
    assert_eq!(told, [103, 100]);
    body.send_data(Bytes::from_static(b"abc"), true).unwrap();
    let mut more = 0;
    let answer = std::future::poll_fn(|cx| {
        while let std::task::Poll::Ready(Some(_)) = answer.poll_informational(cx) {
            more += 1;
        }
        std::pin::Pin::new(&mut answer).poll(cx)
    });
    assert_eq!(read(within(answer).await.unwrap()).await.unwrap().body, "ok");
    assert_eq!(more, 3);
}

#[tokio::test]
async fn a_body_is_sent_again_where_a_kept_connection_was_dead() {
    let address = upstream_of(|mut stream| async move {
        // Each connection serves one request and dies of the second.
        let first = head(&mut stream).await;
        if first.is_empty() {
            return;
        }
        let mut body = vec![0; 3];
        if field(&first, "content-length").is_some() {
            stream.read_exact(&mut body).await.unwrap();
        }
        let text = String::from_utf8(body).unwrap();
        say(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{text}")).await;
        head(&mut stream).await;
    })
    .await;
    let front = Front::of(address).await;
    let send = front.h2().await;
    for round in 0..4 {
        let request = Request::put("https://app.test/").header("content-length", 3).body(()).unwrap();
        let (answer, mut body) = send.clone().send_request(request, false).unwrap();
        body.send_data(Bytes::from_static(b"abc"), true).unwrap();
        let told = read(within(answer).await.unwrap()).await.unwrap();
        assert_eq!((told.status, told.body.as_str()), (200, "abc"), "round {round}");
    }
}

#[tokio::test]
async fn a_large_head_is_refused_with_a_page_and_a_larger_one_without() {
    let (address, heard) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.limits.header_bytes = 8000;
    let front = Front::start(settings).await;
    let of = |bytes: usize| get("/").header("x-large", "x".repeat(bytes)).body(()).unwrap();
    let send = front.h2().await;
    assert_eq!(ask(&send, of(7000)).await.unwrap().status, 200);
    let told = ask(&send, of(9000)).await.unwrap();
    assert_eq!(told.status, 431);
    assert!(told.header("x-request-id").len() == 26 && told.header("content-type").starts_with("application/problem"));
    // The library under us answers this one.
    let told = ask(&send, of(20_000)).await.unwrap();
    assert_eq!((told.status, told.headers.get("x-request-id")), (431, None));
    assert_eq!(ask(&send, of(1)).await.unwrap().status, 200, "the connection is well");
    // What nobody can mean ends the connection.
    let gone = ask(&send, of(500_000)).await.unwrap_err();
    assert_eq!(gone.reason(), Some(h2::Reason::ENHANCE_YOUR_CALM), "{gone:?}");
    assert_eq!(heard.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let (address, _) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.limits.header_timeout = Duration::from_millis(300);
    let front = Front::start(settings).await;
    for words in [b"".as_slice(), b"PRI * HTTP/2.0\r\n"] {
        let mut stream = front.shake("app.test").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        stream.write_all(words).await.unwrap();
        let mut all = Vec::new();
        let _ = within(stream.read_to_end(&mut all)).await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_politely_after_any_number_of_requests() {
    let (address, _) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.limits.keepalive = Duration::from_secs(1);
    let front = Front::start(settings).await;
    for requests in [0, 1, 3] {
        let (send, connection) = h2::client::handshake(front.shake("app.test").await.unwrap()).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut last = Instant::now();
        for _ in 0..requests {
            assert_eq!(ask(&send, get("/").body(()).unwrap()).await.unwrap().status, 200);
            last = Instant::now();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        // A GOAWAY without an error ends the client's side well.
        within(connection).await.unwrap().unwrap();
        let idle = last.elapsed();
        assert!(idle >= Duration::from_millis(990) && idle < Duration::from_secs(5), "{requests}: {idle:?}");
    }
}

#[tokio::test]
async fn a_busy_connection_is_not_idle() {
    let address = upstream_of(|mut stream| async move {
        while !head(&mut stream).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(900)).await;
            say(&mut stream, OK).await;
        }
    })
    .await;
    let mut settings = settings(&[address]);
    settings.limits.keepalive = Duration::from_millis(300);
    let front = Front::start(settings).await;
    let send = front.h2().await;
    assert_eq!(ask(&send, get("/").body(()).unwrap()).await.unwrap().body, "ok");
}

#[tokio::test]
async fn a_stopping_proxy_lets_streams_finish() {
    let address = upstream_of(|mut stream| async move {
        if head(&mut stream).await.is_empty() {
            return;
        }
        say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        say(&mut stream, "lf").await;
    })
    .await;
    let front = Front::of(address).await;
    let (send, connection) = h2::client::handshake(front.shake("app.test").await.unwrap()).await.unwrap();
    let connection = tokio::spawn(connection);
    let (answer, _) = send.clone().send_request(get("/").body(()).unwrap(), true).unwrap();
    let answer = within(answer).await.unwrap();
    front.rig.stop.send(true).unwrap();
    assert_eq!(read(answer).await.unwrap().body, "half");
    drop(send);
    within(connection).await.unwrap().unwrap();
    within(front.rig.served).await.unwrap().unwrap();
}
