//! What takes the short way beside a plain GET: small bodies, clients over HTTP/2 that would take trailers, apps by TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use super::front::{Front, ask, get};
use super::rig::*;
use super::secure::behind_tls;
use crate::proxy::settings::ProxySettings;

/// An app that says `ok`, and how many connections asked it something: a look at whether it is well asks nothing.
async fn counting() -> (SocketAddr, Heard, Arc<AtomicUsize>) {
    let (heard, connections) = (Heard::default(), Arc::new(AtomicUsize::new(0)));
    let (all, counter) = (heard.clone(), connections.clone());
    let address = upstream_of(move |mut stream| {
        let (heard, counter) = (all.clone(), counter.clone());
        async move {
            let mut first = true;
            loop {
                let asked = head(&mut stream).await;
                if asked.is_empty() {
                    return;
                }
                counter.fetch_add(usize::from(std::mem::take(&mut first)), Ordering::SeqCst);
                heard.lock().unwrap().push(asked);
                say(&mut stream, OK).await;
            }
        }
    });
    (address.await, heard, connections)
}

#[tokio::test]
async fn trailers_are_asked_of_no_app_that_speaks_http_1_1() {
    let (address, heard, connections) = counting().await;
    let front = Front::of(address).await;
    let send = front.h2().await;
    for te in [None, Some("trailers")] {
        let request = te.into_iter().fold(get("/x"), |request, te| request.header("te", te));
        assert_eq!(ask(&send, request.body(()).unwrap()).await.unwrap().status, 200);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1, "both took the short way");
    assert!(heard.lock().unwrap().iter().all(|head| field(head, "te").is_none()));
}

/// `POST` with a body of six bytes.
const FORM: &str = "POST /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: 6\r\n\r\n";

#[tokio::test]
async fn a_small_body_is_sent_together_with_its_head() {
    let address = upstream_of(|mut stream| async move {
        let mut asked = vec![0; 4096];
        let length = stream.read(&mut asked).await.unwrap();
        let whole = asked[..length].ends_with(b"\r\n\r\nabcdef");
        say(&mut stream, if whole { OK } else { "HTTP/1.1 500 In Pieces\r\nContent-Length: 0\r\n\r\n" }).await;
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    for _ in 0..20 {
        assert!(rig.exchange(&format!("{FORM}abcdef")).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_slow_body_is_not_waited_for_before_the_app_is_asked() {
    for came in ["", "abc"] {
        let (asked, mut is_asked) = mpsc::unbounded_channel();
        let address = upstream_of(move |mut stream| {
            let asked = asked.clone();
            async move {
                let mut body = [0; 6];
                if head(&mut stream).await.is_empty() {
                    return;
                }
                asked.send(()).unwrap();
                stream.read_exact(&mut body).await.unwrap();
                let body = std::str::from_utf8(&body).unwrap();
                say(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{body}")).await;
            }
        })
        .await;
        let rig = Rig::start(settings(&[address])).await;
        let mut stream = rig.connect().await;
        say(&mut stream, &format!("{FORM}{came}")).await;
        within(is_asked.recv()).await.unwrap();
        say(&mut stream, &"abcdef"[came.len()..]).await;
        let (head, body) = answer(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200") && body == b"abcdef", "{head}");
    }
}

#[tokio::test]
async fn a_body_goes_to_the_next_server_where_the_first_cannot_be_reached() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[first.local_addr().unwrap(), address])).await;
    // It was well when it was looked at.
    within(first.accept()).await.unwrap();
    drop(first);
    for _ in 0..4 {
        assert!(rig.exchange(&format!("{FORM}abcdef")).await.starts_with("HTTP/1.1 200"));
    }
    assert!(heard.lock().unwrap().iter().all(|asked| asked.ends_with("\r\n\r\nabcdef")));
}

/// An app by TLS that answers so, and how many connections asked it something.
async fn counting_by_tls(protocols: &[&str], reply: &'static str) -> (ProxySettings, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    let settings = behind_tls(protocols, move |mut stream| {
        let counter = counter.clone();
        async move {
            let mut first = true;
            while !head(&mut stream).await.is_empty() {
                counter.fetch_add(usize::from(std::mem::take(&mut first)), Ordering::SeqCst);
                say(&mut stream, reply).await;
            }
        }
    });
    (settings.await, connections)
}

#[tokio::test]
async fn by_tls_a_connection_is_used_again_and_never_after_words_that_nobody_asked_for() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (reply, opened) in [(OK, 2), (evil, 6)] {
        let (settings, connections) = counting_by_tls(&["http/1.1"], reply).await;
        let rig = Rig::start(settings).await;
        // The first one goes Pingora's way: what the app chooses is not known yet.
        for _ in 0..6 {
            let told = rig.exchange("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
            assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("ok"), "{told}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), opened);
    }
}

#[tokio::test]
async fn by_tls_what_came_a_moment_ago_is_seen() {
    let (speak, spoken) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (now, done) = (speak.clone(), spoken.clone());
    let settings = behind_tls(&["http/1.1"], move |mut stream| {
        let (now, done) = (now.clone(), done.clone());
        async move {
            while !head(&mut stream).await.is_empty() {
                say(&mut stream, OK).await;
                now.notified().await;
                // The gateway may have closed it.
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").await;
                let _ = stream.flush().await;
                done.notify_one();
            }
        }
    });
    let rig = Rig::start(settings.await).await;
    for _ in 0..5 {
        let told = rig.exchange("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("ok"), "{told}");
        speak.notify_one();
        within(spoken.notified()).await;
    }
}
