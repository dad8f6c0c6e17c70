//! An app that signs connections in, as IIS does by NTLM: a connection serves nobody but whom it was signed in for.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use h2::Reason;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::direct::THE_LONG_WAY;
use super::front::{Front, ask as ask_http2, get};
use super::rig::*;
use crate::auth::network::Networks;

static OPENED: AtomicUsize = AtomicUsize::new(0);

/// Answers with the number of the connection and for whom it is signed in.
async fn iis() -> SocketAddr {
    iis_that_tells(mpsc::unbounded_channel().0).await
}

/// The same, and tells which connections have ended.
async fn iis_that_tells(ended: mpsc::UnboundedSender<usize>) -> SocketAddr {
    upstream_of(move |mut stream| {
        let ended = ended.clone();
        async move {
            let number = OPENED.fetch_add(1, Ordering::SeqCst);
            let (mut who, mut challenged) = (None, false);
            loop {
                let head = head(&mut stream).await;
                if head.is_empty() {
                    break;
                }
                let proof = field(&head, "authorization").unwrap_or_default();
                let (scheme, token) = proof.split_once(' ').unwrap_or_default();
                match (scheme, token.split_once('-')) {
                    ("NTLM", Some(("T3", name))) if challenged => who = Some(name.to_owned()),
                    ("Negotiate", Some((_, name))) => who = Some(name.to_owned()),
                    _ => {}
                }
                challenged = token == "T1";
                let told = format!("{number} {}", who.as_deref().unwrap_or_default());
                let status = match who {
                    Some(_) => "200 OK",
                    None if challenged => "401 Unauthorized\r\nWWW-Authenticate: NTLM TOKEN",
                    None => "401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM",
                };
                say(&mut stream, &format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{told}", told.len())).await;
            }
            let _ = ended.send(number);
        }
    })
    .await
}

/// Asks on a connection; gives the status, the number of the app's connection, and for whom it is signed in.
async fn ask(stream: &mut TcpStream, method: &str, more: &str) -> (u16, usize, String) {
    let body = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    say(stream, &format!("{method} /x HTTP/1.1\r\nHost: app.test\r\n{body}{more}\r\n")).await;
    let (head, body) = answer(stream).await;
    let body = String::from_utf8(body).unwrap();
    let (number, who) = body.split_once(' ').unwrap_or_else(|| panic!("{head}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), number.parse().unwrap(), who.to_owned())
}

fn proof(more: &str, proof: &str) -> String {
    format!("{more}Authorization: {proof}\r\n")
}

#[tokio::test]
async fn what_follows_a_handshake_has_its_connection_and_nobody_else_has() {
    for (method, more) in [("GET", ""), ("POST", ""), ("GET", THE_LONG_WAY)] {
        let (ended, mut endings) = mpsc::unbounded_channel();
        let servers = [iis_that_tells(ended.clone()).await, iis_that_tells(ended).await];
        let rig = Rig::start(settings(&servers)).await;
        // The servers take turns; whoever follows shall have met the same one.
        let mut ann = rig.connect().await;
        let (status, offered, _) = ask(&mut ann, method, more).await;
        assert_eq!(status, 401);
        let (status, number, _) = ask(&mut ann, method, &proof(more, "NTLM T1")).await;
        assert_eq!(status, 401);
        if (method, more) == ("GET", "") {
            assert_eq!(number, offered, "the one that it was offered on");
        }
        let signed_in = (200, number, "ann".to_owned());
        assert_eq!(ask(&mut ann, method, &proof(more, "NTLM T3-ann")).await, signed_in);
        for (method, more) in [("GET", ""), ("POST", ""), ("GET", THE_LONG_WAY), ("POST", ""), ("GET", "")] {
            assert_eq!(ask(&mut ann, method, more).await, signed_in, "{method} {more}");
            for (method, more) in [("GET", ""), ("POST", ""), ("GET", THE_LONG_WAY)] {
                let (status, _, who) = ask(&mut rig.connect().await, method, more).await;
                assert_eq!((status, who.as_str()), (401, ""), "{method} {more}");
            }
        }
        drop(ann);
        while within(endings.recv()).await.unwrap() != number {}
    }
}

#[tokio::test]
async fn what_was_offered_to_one_is_nobody_else_s() {
    for (method, more) in [("GET", ""), ("GET", THE_LONG_WAY), ("DELETE", ""), ("POST", "")] {
        let address = iis().await;
        let rig = Rig::start(settings(&[address])).await;
        let mut seen = Vec::new();
        let mut waiting = Vec::new();
        for _ in 0..10 {
            let mut stream = rig.connect().await;
            seen.push(ask(&mut stream, method, more).await.1);
            waiting.push(stream);
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10, "{seen:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_whole_in_one_request_needs_no_handshake() {
    let address = iis().await;
    let rig = Rig::start(settings(&[address])).await;
    let mut ann = rig.connect().await;
    let (status, first, who) = ask(&mut ann, "GET", &proof("", "Negotiate YII-ann")).await;
    assert_eq!((status, who.as_str()), (200, "ann"));
    assert_eq!(ask(&mut ann, "GET", "").await, (200, first, "ann".to_owned()));
    // Nothing is lost if a form that proves itself goes elsewhere, and it cannot meet a connection that closes.
    let (_, second, who) = ask(&mut ann, "POST", &proof("", "Negotiate YII-ann")).await;
    assert!(second != first && who == "ann");
    assert_eq!(ask(&mut ann, "POST", "").await, (200, second, "ann".to_owned()));
    assert_eq!(ask(&mut rig.connect().await, "GET", "").await.0, 401);
}

#[tokio::test]
async fn a_proxy_in_front_may_carry_many_people_over_one_connection() {
    let address = iis().await;
    let mut settings = settings(&[address]);
    settings.trusted_proxies = Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let rig = Rig::start(settings).await;
    let mut front = rig.connect().await;
    let mut numbers = Vec::new();
    for more in [
        "",
        "Authorization: NTLM T1\r\n",
        "Authorization: NTLM T3-ann\r\n",
        "",
        "Authorization: Negotiate YII-ann\r\n",
        "",
    ] {
        let (status, number, who) = ask(&mut front, "GET", more).await;
        assert!(more.contains("YII") == (status == 200 && who == "ann"), "{more} {status} {who}");
        assert!(!numbers.contains(&number), "{more}");
        numbers.push(number);
    }
}

#[tokio::test]
async fn over_http2_there_is_no_ntlm_and_no_connection_is_shared() {
    let address = iis().await;
    let front = Front::of(address).await;
    let send = front.h2().await;
    let ask = |proof: &'static str| {
        let request = if proof.is_empty() { get("/x") } else { get("/x").header("authorization", proof) };
        ask_http2(&send, request.body(()).unwrap())
    };
    for proof in ["NTLM T1", "ntlm T3-ann", "Negotiate TlRMTVNTUAABAAAA"] {
        assert_eq!(ask(proof).await.unwrap_err().reason(), Some(Reason::HTTP_1_1_REQUIRED), "{proof}");
    }
    let mut seen = Vec::new();
    for proof in ["", "Negotiate YII-ann", "", "Negotiate YII-bob", ""] {
        let told = ask(proof).await.unwrap();
        let (number, who) = told.body.split_once(' ').unwrap();
        let name = proof.split_once('-').map_or("", |(_, name)| name);
        assert_eq!((told.status == 200, who), (!name.is_empty(), name));
        seen.push(number.to_owned());
    }
    seen.dedup();
    assert_eq!(seen.len(), 5, "{seen:?}");
}
