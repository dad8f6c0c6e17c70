//! HTTP/2 clients and servers: how a stream ends, and what is sent again.

use super::front::Front;
use super::rig::*;
use crate::proxy::settings::ProxySettings;
use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A proxy with a TLS door, and an HTTP/2 client that went through it.
async fn through(settings: ProxySettings) -> (Front, SendRequest<Bytes>) {
    let front = Front::start(settings).await;
    let send = front.h2().await;
    (front, send)
}

fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> http::Request<()> {
    let mut request = http::Request::builder().method(method).uri(format!("https://app.test{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn a_grpc_status_of_ours_ends_the_stream_with_its_head() {
    let (nobody, _held) = nobody();
    let (_front, mut send) = through(settings(&[nobody])).await;
    for (path, status) in [("/guarded/Call", "16"), ("/pkg.Service/Call", "14")] {
        for ended in [true, false] {
            let call = request("POST", path, &[("content-type", "application/grpc"), ("te", "trailers")]);
            let (answer, _body) = send.send_request(call, ended).unwrap();
            let answer = within(answer).await.unwrap();
            assert_eq!((answer.status().as_u16(), &answer.headers()["grpc-status"]), (200, &status.parse().unwrap()));
            assert!(!answer.headers().contains_key("content-length"), "{:?}", answer.headers());
            assert!(answer.body().is_end_stream(), "{path}: the head was not the end");
        }
    }
}

/// How an HTTP/2 server treats the first request it gets; it answers all others.
#[derive(Clone, Copy, Debug)]
enum First {
    /// GOAWAY, whose last stream is below this one.
    Above,
    Refused,
    /// Closes the connection, without a word.
    Dies,
}

async fn moody(first: First) -> (SocketAddr, Heard, Arc<AtomicUsize>) {
    let (heard, count) = (Heard::default(), Arc::new(AtomicUsize::new(0)));
    let (all, counting) = (heard.clone(), count.clone());
    let address = upstream_of(move |stream| {
        let (heard, count) = (all.clone(), counting.clone());
        async move {
            if !matches!(stream.peek(&mut [0]).await, Ok(1)) {
                return; // only a look at our health
            }
            if !matches!(first, First::Refused) && count.fetch_add(1, Ordering::SeqCst) == 0 {
                return leave(stream, first).await;
            }
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let refuse = matches!(first, First::Refused) && count.fetch_add(1, Ordering::SeqCst) == 0;
                if refuse {
                    respond.send_reset(Reason::REFUSED_STREAM);
                    continue;
                }
                let heard = heard.clone();
                tokio::spawn(async move {
                    let mut body = request.into_body();
                    let mut text = Vec::new();
                    while let Some(Ok(piece)) = body.data().await {
                        text.extend_from_slice(&piece);
                    }
                    heard.lock().unwrap().push(String::from_utf8(text).unwrap());
                    respond.send_response(http::Response::new(()), true).unwrap();
                });
            }
        }
    })
    .await;
    (address, heard, count)
}

/// Reads frames up to the head of a request, then leaves.
async fn leave(mut stream: TcpStream, how: First) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    loop {
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, frame[0], frame[1], frame[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        if frame[3] == 1 {
            break;
        }
    }
    if matches!(how, First::Above) {
        stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
}

#[tokio::test]
async fn what_an_http2_server_turned_away_is_sent_again_and_nothing_else() {
    for (first, status) in [(First::Above, "200"), (First::Refused, "200"), (First::Dies, "502")] {
        let (address, heard, count) = moody(first).await;
        let mut settings = settings(&[address]);
        settings.apps[0].upstream.http2 = true;
        let rig = Rig::start(settings).await;
        let post = "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc";
        let answer = within(rig.exchange(post)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{first:?} {answer}");
        let sent: &[&str] = if status == "200" { &["abc"] } else { &[] };
        assert_eq!(heard.lock().unwrap()[..], *sent, "{first:?}");
        assert_eq!(count.load(Ordering::SeqCst), sent.len() + 1, "{first:?}");
    }
}

#[tokio::test]
async fn a_hop_by_hop_field_of_an_app_does_not_break_the_stream() {
    let reply = "HTTP/1.1 200 OK\r\nTE: gzip\r\nKeep-Alive: timeout=5\r\nConnection: x-hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok";
    let (address, _) = upstream(reply).await;
    let (_front, mut send) = through(settings(&[address])).await;
    let (answer, _) = send.send_request(request("GET", "/", &[]), true).unwrap();
    let answer = within(answer).await.unwrap();
    assert_eq!(answer.status(), 200);
    for name in ["te", "keep-alive", "connection", "x-hop"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
}
