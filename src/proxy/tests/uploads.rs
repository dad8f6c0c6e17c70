//! Bodies on their way to apps that speak HTTP/2, or either.

use super::rig::*;
use super::secure::behind_tls;
use crate::proxy::settings::ProxySettings;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

const TIMEOUT: Duration = Duration::from_millis(400);

/// Takes HTTP/2 requests; answers each once its body is whole, unless it is silent.
async fn serve_h2(stream: impl AsyncRead + AsyncWrite + Unpin, heard: Heard, silent: bool) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let heard = heard.clone();
        tokio::spawn(async move {
            let mut body = request.into_body();
            let mut length = 0;
            while let Some(Ok(piece)) = body.data().await {
                length += piece.len();
                body.flow_control().release_capacity(piece.len()).unwrap();
            }
            heard.lock().unwrap().push(format!("h2 {length}"));
            if silent {
                std::future::pending::<()>().await;
            }
            let mut answer = respond.send_response(http::Response::new(()), false).unwrap();
            answer.send_data(Bytes::from_static(b"ok"), true).unwrap();
        });
    }
}

async fn serve_h1(mut stream: impl AsyncRead + AsyncWrite + Unpin, heard: Heard, silent: bool) {
    loop {
        let head = head(&mut stream).await;
        let Some(length) = field(&head, "content-length").map(|length| length.parse().unwrap()) else { return };
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        heard.lock().unwrap().push(format!("h1 {length}"));
        if silent {
            std::future::pending::<()>().await;
        }
        say(&mut stream, OK).await;
    }
}

/// A proxy in front of an app by TLS that offers these protocols, or by h2c if there is none.
async fn front(offered: &'static [&'static str], silent: bool) -> (ProxySettings, Heard) {
    let heard = Heard::default();
    let all = heard.clone();
    let mut settings = if offered.is_empty() {
        settings(&[upstream_of(move |stream| serve_h2(stream, all.clone(), silent)).await])
    } else {
        let serve = move |stream: TlsStream<TcpStream>| {
            let heard = all.clone();
            async move {
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    serve_h2(stream, heard, silent).await;
                } else {
                    serve_h1(stream, heard, silent).await;
                }
            }
        };
        behind_tls(offered, serve).await
    };
    settings.limits.body_timeout = TIMEOUT;
    let upstream = &mut settings.apps[0].upstream;
    upstream.read_timeout = TIMEOUT;
    upstream.http2 = offered.is_empty();
    (settings, heard)
}

/// Sends a body of so many pieces of 10 kB, which takes a tenth of a second for each.
async fn upload(rig: &Rig, pieces: usize) -> String {
    let mut stream = rig.connect().await;
    let piece = "x".repeat(10_000);
    let length = pieces * piece.len();
    say(&mut stream, &format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: {length}\r\n\r\n")).await;
    for _ in 0..pieces {
        tokio::time::sleep(Duration::from_millis(100)).await;
        say(&mut stream, &piece).await;
    }
    answer(&mut stream).await.0
}

#[tokio::test]
async fn a_body_that_flows_may_take_longer_than_the_app_may_be_silent() {
    for (offered, protocol) in [(&["h2", "http/1.1"][..], "h1"), (&["h2"], "h2"), (&[], "h2"), (&["http/1.1"], "h1")] {
        let (settings, heard) = front(offered, false).await;
        let rig = Rig::start(settings).await;
        let answer = upload(&rig, 10).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{offered:?} {answer}");
        assert_eq!(heard.lock().unwrap()[..], [format!("{protocol} 100000")], "{offered:?}");
    }
}

#[tokio::test]
async fn an_app_that_is_silent_after_the_body_is_still_cut() {
    for offered in [&["h2", "http/1.1"][..], &[]] {
        let (settings, heard) = front(offered, true).await;
        let rig = Rig::start(settings).await;
        let answer = within(upload(&rig, 1)).await;
        assert!(answer.starts_with("HTTP/1.1 504"), "{offered:?} {answer}");
        assert_eq!(heard.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_request_without_a_body_goes_by_http2_where_the_app_likes_it() {
    let (settings, heard) = front(&["h2", "http/1.1"], false).await;
    let rig = Rig::start(settings).await;
    let answer = rig.exchange("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(heard.lock().unwrap()[..], ["h2 0"]);
}

#[tokio::test]
async fn forms_share_a_connection_that_speaks_http2() {
    const FORMS: usize = 5;
    for offered in [&["h2"][..], &[]] {
        let ended = Arc::new(AtomicUsize::new(0));
        let (mut settings, _) = front(offered, false).await;
        // Between the two, a wire that counts the connections that ended.
        let server = &mut settings.apps[0].upstream.servers[0];
        let (behind, counting) = (server.port, ended.clone());
        let counted = upstream_of(move |mut near| {
            let ended = counting.clone();
            async move {
                let mut far = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
                let (asked, _) = tokio::io::copy_bidirectional(&mut near, &mut far).await.unwrap_or_default();
                ended.fetch_add(usize::from(asked > 0), Ordering::SeqCst);
            }
        });
        server.port = counted.await.port();
        let rig = Rig::start(settings).await;
        for _ in 0..FORMS {
            let answer = rig.exchange("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx").await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{offered:?} {answer}");
        }
        // Over TLS each asks for HTTP/1.1 first, in vain. The connection that they share is open.
        let in_vain = if offered.is_empty() { 0 } else { FORMS };
        assert!(ended.load(Ordering::SeqCst) <= in_vain, "{offered:?}: {ended:?}");
    }
}
