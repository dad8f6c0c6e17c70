//! What two parsers could read in two ways is refused and reaches nobody.

use super::rig::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn refused(request: &str, code: &str) {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let answer = rig.exchange(request).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{request:?}: {answer}");
    assert!(heard.lock().unwrap().is_empty(), "{request:?} reached the app");
}

#[tokio::test]
async fn odd_framing_is_refused() {
    let post = |lines: &str| format!("POST / HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n");
    for lines in [
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 4, 4\r\n",
    ] {
        refused(&post(lines), "400").await;
    }
    refused("POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n", "400").await;
}

#[tokio::test]
async fn nothing_after_doubtful_framing_is_a_request() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    let smuggled = "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /marker HTTP/1.1\r\nHost: app.test\r\n\r\n";
    stream.write_all(smuggled.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let _ = within(stream.read_to_end(&mut all)).await;
    assert_eq!(String::from_utf8_lossy(&all).matches("HTTP/1.1 ").count(), 1);
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn malformed_handshakes_are_refused() {
    let get = |lines: &str| format!("GET / HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n");
    for lines in [
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\nContent-Length: 3\r\n",
    ] {
        refused(&get(lines), "400").await;
    }
}

#[tokio::test]
async fn odd_hosts_targets_and_methods_are_refused() {
    for (request, code) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: u@app.test\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.test/x\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.test:x\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.test:0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.test:080\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.test:00443\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.test:\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: app.test:65536\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: 127.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", "421"),
        ("GET /a#b HTTP/1.1\r\nHost: app.test\r\n\r\n", "400"),
        ("GET /a?b#c HTTP/1.1\r\nHost: app.test\r\n\r\n", "400"),
        ("GET * HTTP/1.1\r\nHost: app.test\r\n\r\n", "400"),
        ("OPTIONS *x HTTP/1.1\r\nHost: app.test\r\n\r\n", "400"),
        ("TRACE / HTTP/1.1\r\nHost: app.test\r\n\r\n", "405"),
        ("CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n", "405"),
    ] {
        refused(request, code).await;
    }
}

#[tokio::test]
async fn one_host_has_one_spelling() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    for host in ["APP.test", "app.test.", "app.test:8080", "App.Test.:99"] {
        let answer = rig.exchange(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{host}: {answer}");
    }
    assert_eq!(heard.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn the_reserved_prefix_never_reaches_the_app() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    for path in [
        "/.stepgate/x",
        "/%2estepgate/x",
        "/%2Estepgate/x",
        "/.STEPGATE/x",
        "/%2e%73tepgate/",
        "/.stepgate",
        "/.stepgate%2fx",
        "//.stepgate/x",
    ] {
        rig.exchange(&format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
    }
    assert!(heard.lock().unwrap().is_empty(), "{:?}", heard.lock().unwrap());
}

#[tokio::test]
async fn an_app_opens_a_tunnel_only_where_a_websocket_was_asked_for_and_proven() {
    let plain = "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n";
    let asked = "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let good = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let cases: [(&str, &'static str, &str); 5] = [
        (plain, good, "502"),
        (asked, "Connection: Upgrade\r\nUpgrade: foo\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "502"),
        (asked, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n", "502"),
        (asked, "Connection: Upgrade\r\nUpgrade: websocket\r\n", "502"),
        (asked, good, "101"),
    ];
    for (request, fields, code) in cases {
        let address = upstream_of(move |mut stream| async move {
            head(&mut stream).await;
            say(&mut stream, &format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\nraw")).await;
            let _ = stream.read_u8().await;
        })
        .await;
        let rig = Rig::start(settings(&[address])).await;
        let mut stream = rig.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let (told, body) = answer(&mut stream).await;
        assert!(told.starts_with(&format!("HTTP/1.1 {code}")), "{fields}: {told}");
        assert!(code == "101" || !body.starts_with(b"raw"), "{fields}: the tunnel is open");
    }
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_our_page_and_an_id_all_the_same() {
    let (address, heard) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.limits.header_bytes = 2000;
    let rig = Rig::start(settings).await;
    let large = format!("GET / HTTP/1.1\r\nHost: app.test\r\nX: {}\r\n\r\n", "x".repeat(2000));
    let post = |body: &str| format!("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let cases = [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("\r\n\0\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\nHost: app.test\n\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nA: b\nC: d\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nA: b\r\n c\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nA\0: b\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n".to_owned(), 400),
        ("GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.2\r\nHost: app.test\r\n\r\n".to_owned(), 400),
        ("CONNECT app.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n".to_owned(), 400),
        ("CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n".to_owned(), 405),
        (post("3;a\nb\r\nabc\r\n0\r\n\r\n"), 400),
        (post("\r\nabc\r\n0\r\n\r\n"), 400),
        (post("3\nabc\n0\n\n"), 400),
        (large, 431),
    ];
    for (request, code) in cases {
        for page in [true, false] {
            let accept = if page { "\r\nAccept: text/html\r\n\r\n" } else { "\r\n\r\n" };
            let request = request.replacen("\r\n\r\n", accept, 1);
            for step in [request.len(), 7] {
                let mut stream = rig.connect().await;
                for piece in request.as_bytes().chunks(step) {
                    if stream.write_all(piece).await.is_err() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                let (told, body) = answer(&mut stream).await;
                assert!(told.starts_with(&format!("HTTP/1.1 {code}")), "{request:?} by {step}: {told}");
                assert_eq!(told.matches("HTTP/1.1 ").count(), 1);
                let id = field(&told, "x-request-id").unwrap_or_default();
                assert!(id.len() == 26 && String::from_utf8_lossy(&body).contains(&id), "{request:?}: {told}");
                let kind = field(&told, "content-type").unwrap_or_default();
                let expected = if page && request.contains(accept) { "text/html" } else { "application/problem" };
                assert!(step == 7 || kind.starts_with(expected), "{request:?}: {kind}");
                assert_eq!(field(&told, "connection").as_deref(), Some("close"), "{request:?}");
                assert!(within(stream.read_u8()).await.is_err(), "{request:?}: the connection stays");
            }
        }
    }
    // A head whose body turned out malformed later may have been passed on, but never as a whole request.
    let whole = |request: &String| !request.starts_with("POST") || request.ends_with("0\r\n\r\n");
    assert!(!heard.lock().unwrap().iter().any(whole), "{heard:?}");
}

#[tokio::test]
async fn a_chunk_that_turns_out_malformed_ends_the_request_and_is_told() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    say(&mut stream, "3;x\ny\r\nabc\r\n0\r\n\r\n").await;
    let (told, _) = answer(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 400"), "{told}");
    assert!(heard.lock().unwrap().iter().all(|request| !request.contains("0\r\n\r\n")), "the app has a whole request");
}
