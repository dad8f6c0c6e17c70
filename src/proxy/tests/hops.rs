//! What is a matter of one hop: fields of an answer, and how it is framed.

use super::rig::*;
use tokio::io::AsyncReadExt;

const GET: &str = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";

#[tokio::test]
async fn hop_by_hop_fields_of_an_app_stay_with_us() {
    let reply = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Connection: keep-alive\r\n\
        Trailer: X-Sum\r\nTE: trailers\r\nConnection: X-Hop, keep-alive,content-length\r\nConnection: \"x, x-two\r\n\
        X-Hop: 1\r\nX-Two: 2\r\nX-End: 3\r\nContent-Length: 2\r\n\r\nok";
    let (address, _) = upstream(reply).await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    for _ in 0..2 {
        say(&mut stream, GET).await;
        let (head, body) = answer(&mut stream).await;
        for name in ["keep-alive", "upgrade", "proxy-connection", "trailer", "te", "x-hop", "x-two"] {
            assert_eq!(field(&head, name), None, "{head}");
        }
        assert_eq!((field(&head, "x-end").as_deref(), &body[..]), (Some("3"), &b"ok"[..]));
        assert_eq!(field(&head, "connection").as_deref(), Some("keep-alive"), "ours, for this connection");
    }
}

#[tokio::test]
async fn an_http10_client_gets_no_chunks() {
    for reply in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let address = upstream_of(move |mut stream| async move {
            head(&mut stream).await;
            say(&mut stream, reply).await;
        })
        .await;
        let rig = Rig::start(settings(&[address])).await;
        for more in ["", "Connection: keep-alive\r\n"] {
            if !more.is_empty() && reply.contains("Content-Length") {
                continue; // that connection is kept
            }
            let mut stream = rig.connect().await;
            say(&mut stream, &format!("GET / HTTP/1.0\r\nHost: app.test\r\n{more}\r\n")).await;
            let mut all = String::new();
            within(stream.read_to_string(&mut all)).await.unwrap();
            let (head, body) = all.split_once("\r\n\r\n").unwrap();
            assert_eq!((field(head, "transfer-encoding"), body), (None, "ok"), "{all}");
            assert_eq!(field(head, "connection").as_deref(), Some("close"), "{all}");
        }
    }
}

/// One answer of the app, as a client over HTTP/1.1 gets it, up to the end of the connection or of `Content-Length`.
async fn passed_on(reply: &'static str) -> (String, String) {
    let address = upstream_of(move |mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, reply).await;
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, &GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).await;
    let head = head(&mut stream).await;
    let mut body = String::new();
    within(stream.read_to_string(&mut body)).await.unwrap();
    (head, body)
}

#[tokio::test]
async fn nobody_doubts_where_an_answer_ends() {
    let chunks = "2\r\nok\r\n0\r\n\r\n";
    for (reply, length, coding, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", Some("2"), None, "ok"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2 , 2\r\n\r\nok", Some("2"), None, "ok"),
        ("HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\n", None, None, ""),
        ("HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n", None, None, ""),
        ("HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None, None, ""),
        ("HTTP/1.1 304 Same\r\nContent-Length: 7\r\n\r\n", Some("7"), None, ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Identity\r\n\r\nok", None, Some("chunked"), chunks),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", None, Some("chunked"), chunks),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", Some("2"), None, "ok"),
    ] {
        let (head, told) = passed_on(reply).await;
        assert!(head.starts_with("HTTP/1.1 2") || head.starts_with("HTTP/1.1 304"), "{reply}{head}");
        assert_eq!(field(&head, "content-length").as_deref(), length, "{reply}{head}");
        assert_eq!(head.to_lowercase().matches("content-length").count(), usize::from(length.is_some()), "{head}");
        assert_eq!((field(&head, "transfer-encoding").as_deref(), told.as_str()), (coding, body), "{reply}{head}");
    }
    for coding in ["gzip, chunked", "gzip", "chunked, identity", "chunked\r\nTransfer-Encoding: chunked"] {
        let reply = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        let (head, _) = passed_on(reply.leak()).await;
        assert!(head.starts_with("HTTP/1.1 502 "), "{coding}: {head}");
    }
}

#[tokio::test]
async fn the_head_of_an_answer_is_bounded_as_that_of_a_request() {
    for (bytes, status) in [(60_000, "200"), (66_000, "502"), (500_000, "502")] {
        let reply = format!("HTTP/1.1 200 OK\r\nX-Large: {}\r\nContent-Length: 2\r\n\r\nok", "x".repeat(bytes));
        let (head, _) = passed_on(reply.leak()).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}: {}", &head[..100]);
    }
}

#[tokio::test]
async fn an_http10_client_gets_one_answer_and_no_hints() {
    let address = upstream_of(|mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, &format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{OK}"))
            .await;
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    for expect in ["", "Expect: 100-continue\r\n"] {
        let told = rig.exchange(&format!("GET / HTTP/1.0\r\nHost: app.test\r\n{expect}\r\n")).await;
        assert!(told.starts_with("HTTP/1.1 200 OK\r\n") && told.ends_with("\r\n\r\nok"), "{told}");
    }
}
