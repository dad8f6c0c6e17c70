//! Proofs for one transaction: its very bytes reach the app once, and nothing that differs by a bit does.

use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::flow::testing::Blow;
use crate::proxy::tests::front::{self, Front};

/// An app that keeps bodies as they are.
async fn app() -> (SocketAddr, Arc<Mutex<Vec<(String, Vec<u8>)>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = seen.clone();
    let address = upstream_of(move |mut stream| {
        let seen = all.clone();
        async move {
            loop {
                let head = head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                assert!(field(&head, "transfer-encoding").is_none() && field(&head, "expect").is_none(), "{head}");
                let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
                let mut body = vec![0; length];
                if within(stream.read_exact(&mut body)).await.is_err() {
                    return;
                }
                seen.lock().unwrap().push((head, body));
                say(&mut stream, OK).await;
            }
        }
    })
    .await;
    (address, seen)
}

/// What an app got: the head of each request, and its body.
type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

struct Transfer {
    stage: Stage,
    front: Front,
    seen: Received,
}

/// How a body comes.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunks(usize),
    Expected,
    Frames { size: usize, announced: bool },
}

impl Transfer {
    async fn new() -> Self {
        let ((app, seen), world) = (app().await, World::new());
        let key = world.with_totp(&world.person("ann"));
        let rig = Rig::start_over(settings(&[app]), world.ports()).await;
        let front = Front::start_over(settings(&[app]), world.ports()).await;
        Self { stage: Stage { world, key, rig, heard: Heard::default() }, front, seen }
    }

    async fn slip(&self, ann: &mut Script, method: &str, url: &str, body: &[u8]) -> String {
        let hex = HEXLOWER.encode(&Sha256::digest(body));
        let told = self.stage.elevate(ann, json!({"method": method, "url": url, "body_sha256": hex})).await;
        told["slip"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
    }

    /// The status of a request.
    async fn send(
        &self,
        ann: &Script,
        slip: &str,
        (method, target): (&str, &str),
        body: &[u8],
        framing: Framing,
    ) -> u16 {
        if let Framing::Frames { size, announced } = framing {
            let mut request = Request::builder().method(method).uri(format!("https://app.test{target}"));
            if announced {
                request = request.header("content-length", body.len());
            }
            let request =
                request.header("stepgate-slip", slip).header("authorization", format!("Bearer {}", ann.token));
            let send = self.front.h2().await;
            let (answer, mut stream) =
                send.clone().ready().await.unwrap().send_request(request.body(()).unwrap(), false).unwrap();
            for piece in body.chunks(size) {
                stream.reserve_capacity(piece.len());
                stream.send_data(Bytes::copy_from_slice(piece), false).unwrap();
            }
            stream.send_data(Bytes::new(), true).unwrap();
            return front::read(within(answer).await.unwrap()).await.unwrap().status;
        }
        let mut wire = format!("{method} {target} HTTP/1.1\r\nHost: app.test\r\n{}{}", ann.credential(), header(slip))
            .into_bytes();
        match framing {
            Framing::Chunks(size) => {
                wire.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for piece in body.chunks(size) {
                    wire.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                    wire.extend_from_slice(piece);
                    wire.extend_from_slice(b"\r\n");
                }
                wire.extend_from_slice(b"0\r\n\r\n");
            }
            _ => {
                let expect = if matches!(framing, Framing::Expected) { "Expect: 100-continue\r\n" } else { "" };
                wire.extend_from_slice(format!("{expect}Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                wire.extend_from_slice(body);
            }
        }
        let mut stream = self.stage.rig.connect().await;
        let (mut reads, mut writes) = stream.split();
        let writing = async {
            // It may be answered before it has said all.
            let _ = writes.write_all(&wire).await;
        };
        let reading = async {
            loop {
                let (head, _) = answer(&mut reads).await;
                if !head.contains(" 100 ") {
                    return head.get(9..12).unwrap_or_default().parse().unwrap();
                }
            }
        };
        tokio::join!(writing, reading).1
    }

    fn take(&self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Bytes of every kind, so many.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from((n * 31 + n / 251) % 256).unwrap()).collect()
}

const TO: (&str, &str) = ("POST", "/paid/a?to=7&sum=12");

#[tokio::test]
async fn the_bytes_that_were_told_reach_the_app_once_however_they_come() {
    let all = Transfer::new().await;
    let mut ann = all.stage.session(1, Channel::Bearer);
    let mut passed = 0;
    for (length, framings) in [
        (0, vec![Framing::Length]),
        (
            1,
            vec![Framing::Length, Framing::Chunks(1), Framing::Expected, Framing::Frames { size: 1, announced: false }],
        ),
        (65_536, vec![Framing::Length, Framing::Chunks(7_001), Framing::Frames { size: 9_000, announced: false }]),
        (65_537, vec![Framing::Length, Framing::Expected, Framing::Frames { size: 16_384, announced: true }]),
        (262_144, vec![Framing::Length, Framing::Frames { size: 16_000, announced: true }]),
    ] {
        let body = bytes(length);
        for framing in framings {
            let slip = all.slip(&mut ann, TO.0, TO.1, &body).await;
            assert_eq!(all.send(&ann, &slip, TO, &body, framing).await, 200, "{length} {framing:?}");
            assert_eq!(all.send(&ann, &slip, TO, &body, framing).await, 401, "{length} {framing:?}");
            let seen = all.take();
            assert!(
                seen.len() == 1 && seen[0].1 == body,
                "{length} {framing:?}: {} {:?}",
                seen.len(),
                seen.first().map(|s| s.1.len())
            );
            assert!(seen[0].0.starts_with("POST /paid/a?to=7&sum=12 HTTP/1.1\r\n") && !seen[0].0.contains("sgo_"));
            passed += 1;
        }
    }
    // Over HTTP/2 another gateway takes them down.
    let spent = [digests(&all.stage.rig, "slip_spent"), digests(&all.front.rig, "slip_spent")].concat();
    let issued = digests(&all.stage.rig, "slip_issued");
    assert!(spent.len() == passed && issued.iter().all(|digest| spent.contains(digest)), "{spent:?} {issued:?}");
    assert!(spent.iter().all(Option::is_some));
}

/// Every way in which a request may differ from the one that was told.
fn others(body: &[u8]) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut all: Vec<(&str, &str, Vec<u8>)> = (0..body.len() * 8)
        .step_by(7)
        .map(|bit| {
            let mut other = body.to_vec();
            other[bit / 8] ^= 1 << (bit % 8);
            (TO.0, TO.1, other)
        })
        .collect();
    let longer = [body, b"x"].concat();
    all.extend([(TO.0, TO.1, longer), (TO.0, TO.1, body[1..].to_vec()), (TO.0, TO.1, Vec::new())]);
    all.extend(["PUT", "PATCH", "DELETE"].map(|method| (method, TO.1, body.to_vec())));
    for target in [
        "/paid/a?sum=12&to=7",
        "/paid/a?to=7&sum=12&",
        "/paid/a?to=7&sum=1%32",
        "/paid/a?to=7&sum=120",
        "/paid/a",
        "/paid/a?",
        "/paid/b?to=7&sum=12",
        "/paid/A?to=7&sum=12",
        "/paid/a/?to=7&sum=12",
    ] {
        all.push((TO.0, target, body.to_vec()));
    }
    all
}

#[tokio::test]
async fn what_differs_in_anything_is_refused_and_the_slip_stays() {
    let all = Transfer::new().await;
    let mut ann = all.stage.session(1, Channel::Bearer);
    let other = all.stage.session(2, Channel::Bearer);
    let body = b"to=7&sum=12&note=%C3%A9".to_vec();
    let slip = all.slip(&mut ann, TO.0, TO.1, &body).await;
    for (n, (method, target, changed)) in others(&body).into_iter().enumerate() {
        let framing = [Framing::Length, Framing::Chunks(5), Framing::Frames { size: 6, announced: n % 2 == 0 }][n % 3];
        assert_eq!(all.send(&ann, &slip, (method, target), &changed, framing).await, 401, "{n} {method} {target}");
    }
    assert_eq!(all.send(&other, &slip, TO, &body, Framing::Length).await, 401, "another session");
    assert_eq!(all.take().len(), 0);
    assert_eq!(all.send(&ann, &slip, ("POST", "/%70aid/a?to=7&sum=12"), &body, Framing::Length).await, 200, "the same");
    assert_eq!(all.take().len(), 1);
}

#[tokio::test]
async fn what_may_be_taken_for_another_request_is_none_that_was_told() {
    let all = Transfer::new().await;
    let mut ann = all.stage.session(1, Channel::Bearer);
    let slip = all.slip(&mut ann, "POST", "/paid/a", b"").await;
    let more = format!("{}Content-Length: 0\r\nX-HTTP-Method-Override: DELETE\r\n", header(&slip));
    assert_eq!(all.stage.ask(&ann, "POST", "/paid/a", &more).await, told("401", "transaction"));
    let passed = all.stage.ask(&ann, "POST", "/paid/a", &format!("{}Content-Length: 0\r\n", header(&slip))).await;
    assert_eq!(passed, told("200", ""));
    let get = all.stage.slip(&mut ann, "GET", "http://app.test/paid/a?b").await;
    assert_eq!(all.stage.ask(&ann, "GET", "/paid/a?c", &header(&get)).await, told("401", "transaction"));
    assert_eq!(all.stage.ask(&ann, "GET", "/paid/a?b", &header(&get)).await, told("200", ""), "an empty body");
    // Two spellings of one target are one.
    let spelled = all.stage.slip(&mut ann, "GET", "/%70aid/a?b").await;
    assert_eq!(all.stage.ask(&ann, "GET", "/paid/a?b", &header(&spelled)).await, told("200", ""));
}

#[tokio::test]
async fn what_is_too_large_to_be_looked_at_is_told_so_and_spends_nothing() {
    let all = Transfer::new().await;
    let mut ann = all.stage.session(1, Channel::Bearer);
    let body = bytes(262_145);
    let slip = all.slip(&mut ann, TO.0, TO.1, &body).await;
    for (framing, status) in [
        (Framing::Length, 413),
        (Framing::Chunks(60_000), 413),
        (Framing::Frames { size: 16_000, announced: false }, 413),
    ] {
        assert_eq!(all.send(&ann, &slip, TO, &body, framing).await, status, "{framing:?}");
    }
    let body = bytes(65_537);
    let slip = all.slip(&mut ann, TO.0, TO.1, &body).await;
    for framing in [Framing::Chunks(60_000), Framing::Frames { size: 16_000, announced: false }] {
        assert_eq!(all.send(&ann, &slip, TO, &body, framing).await, 411, "{framing:?}");
    }
    assert_eq!(all.take().len(), 0);
    assert_eq!(all.send(&ann, &slip, TO, &body, Framing::Length).await, 200);
}

#[tokio::test]
async fn of_many_at_once_the_app_sees_one() {
    let all = Transfer::new().await;
    let mut ann = all.stage.session(1, Channel::Bearer);
    for _ in 0..3 {
        let body = bytes(1_000);
        let slip = all.slip(&mut ann, TO.0, TO.1, &body).await;
        let each = (0..40).map(|_| all.send(&ann, &slip, TO, &body, Framing::Length));
        assert_eq!(join_all(each).await.iter().filter(|status| **status == 200).count(), 1);
        assert_eq!(all.take().len(), 1);
    }
}

/// Whatever call of the store fails, the request is answered so, and the app sees nothing of it.
#[tokio::test]
async fn while_the_store_is_away_nothing_passes() {
    let all = Transfer::new().await;
    let mut ann = all.stage.session(1, Channel::Bearer);
    for (to, body) in [(("GET", "/once/a"), b"".to_vec()), (TO, b"".to_vec()), (TO, b"x".to_vec())] {
        for nth in 1.. {
            let slip = all.slip(&mut ann, to.0, to.1, &body).await;
            all.stage.world.fail(nth, Blow::Before);
            let status = all.send(&ann, &slip, to, &body, Framing::Length).await;
            let failed = all.stage.world.calls() >= nth;
            all.stage.world.fail(0, Blow::Before);
            assert_eq!((status, all.take().len()), if failed { (503, 0) } else { (200, 1) }, "{to:?} {body:?} {nth}");
            if !failed {
                assert!(nth > 4, "the session, the slip, its session, and the slip again: {nth}");
                break;
            }
        }
    }
}
