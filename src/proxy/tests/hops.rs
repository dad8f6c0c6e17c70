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
