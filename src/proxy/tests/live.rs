//! What becomes of requests that last when something becomes of the session that they were permitted to: the table of
//! docs/live.md, each cell.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::front::{Front, ask, get};
use super::rig::*;
use crate::auth::proof::{Method, Proofs};
use crate::auth::session::{Session, SessionKey, SessionToken};
use crate::auth::time::Timestamp;
use crate::auth::user::Identity;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, Clock, End, EndReason, Ended, Ports, Sessions};
use crate::flow::testing::World;

/// What becomes of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Logout, revocation, a disabled account: the session is gone.
    Ended,
    /// It was not used for too long, or is too old.
    Expired,
    /// A step-up gave it another token.
    Raised,
    /// The same, and a node of the version before told of it.
    RaisedUntold,
    /// The session is gone, which was told to nobody; and that something was missed.
    Missed,
    /// The store is away, and tells that something was missed.
    StoreAway,
    /// Another session of the same person ended.
    OtherEnded,
}

/// Sessions in memory that can be out of reach.
struct Reachable(Arc<World>, AtomicBool);

impl Reachable {
    fn store(&self) -> Answer<&World> {
        if self.1.load(Ordering::SeqCst) { Ok(&self.0) } else { down() }
    }
}

#[async_trait]
impl Sessions for Reachable {
    async fn load(&self, key: &SessionKey) -> Answer<Option<Arc<Session>>> {
        self.store()?.load(key).await
    }
    async fn end_of(&self, _: &SessionKey) -> Answer<Option<End>> {
        Ok(None)
    }
    async fn replace(&self, old: Option<&SessionKey>, new: &SessionKey, s: &Session, at: Timestamp) -> Answer<bool> {
        self.store()?.replace(old, new, s, at).await
    }
    async fn touch(&self, key: &SessionKey, seen: Timestamp, ends: Timestamp) -> Answer<()> {
        self.store()?.touch(key, seen, ends).await
    }
    fn ended(&self) -> BoxStream<'static, Ended> {
        self.0.ended()
    }
    async fn revoke(&self, key: &SessionKey) -> Answer<bool> {
        Sessions::revoke(self.store()?, key).await
    }
    async fn supersede(&self, key: &SessionKey, by: &SessionKey) -> Answer<bool> {
        self.store()?.supersede(key, by).await
    }
    async fn revoke_all(&self, user: &UserId) -> Answer<u64> {
        self.store()?.revoke_all(user).await
    }
    async fn of_user(&self, user: &UserId) -> Answer<Vec<(SessionKey, Answer<Session>)>> {
        self.store()?.of_user(user).await
    }
}

/// The targets whose connection to the app was closed.
type Closed = Arc<Mutex<HashSet<String>>>;

/// An app that never ends an answer by itself.
async fn app(mut stream: TcpStream, closed: Closed) {
    let asked = head(&mut stream).await;
    let Some(target) = asked.split(' ').nth(1).map(str::to_owned) else { return };
    if !target.contains('/') {
        return;
    }
    let mut scratch = vec![0; 1 << 16];
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
    if target.contains("events") {
        say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").await;
    } else if target.contains("socket") {
        say(&mut stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n").await;
    } else if target.contains("unread") {
        say(&mut stream, endless).await;
        while stream.write_all(&scratch).await.is_ok() {}
    } else if target.contains("flowing") {
        say(&mut stream, endless).await;
        while stream.write_all(&scratch[..1000]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    while stream.read(&mut scratch).await.is_ok_and(|n| n > 0) {}
    closed.lock().unwrap().insert(target);
}

/// The kinds of requests that last, as far as a client over HTTP/1 opens them.
const KINDS: [&str; 7] = ["events", "poll", "flowing", "unread", "socket", "upload", "stalled"];

/// Opens one and reads until its end; one that is not read stays where it is.
async fn open(rig: &Rig, target: &str, token: &str) -> JoinHandle<()> {
    let mut stream = rig.connect().await;
    let upload = target.contains("upload") || target.contains("stalled");
    let method = if upload { "POST" } else { "GET" };
    let more = if target.contains("socket") {
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    } else if upload {
        "Content-Length: 1000000\r\n"
    } else if target.contains("long_way") {
        "Proxy-Connection: keep-alive\r\n" // a matter of one hop, which the short way leaves to Pingora
    } else {
        ""
    };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: app.test\r\nCookie: __Host-stepgate={token}\r\n{more}\r\n");
    say(&mut stream, &head).await;
    let target = target.to_owned();
    tokio::spawn(async move {
        let mut scratch = vec![0; 1 << 16];
        if target.contains("unread") {
            return std::future::pending().await;
        }
        let (mut reading, mut writing) = stream.into_split();
        let reads = async { while reading.read(&mut scratch).await.is_ok_and(|n| n > 0) {} };
        let writes = async {
            while target.contains("upload") && writing.write_all(b"more of the body").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! { () = reads => {}, () = writes => {} }
    })
}

/// The same over HTTP/2; says with what the stream ended.
async fn stream(front: &Front, target: &str, token: &str) -> JoinHandle<Option<h2::Reason>> {
    let mut send = front.h2().await;
    let upload = target.contains("upload") || target.contains("stalled");
    let request = if upload { Request::post(format!("https://app.test{target}")) } else { get(target) };
    let request = request.header("cookie", format!("__Host-stepgate={token}")).body(()).unwrap();
    let (answer, body) = send.send_request(request, !upload).unwrap();
    let target = target.to_owned();
    tokio::spawn(async move {
        let reads = async {
            let mut answer = answer.await?.into_body();
            while let Some(piece) = answer.data().await.transpose()? {
                if !target.contains("unread") {
                    let _ = answer.flow_control().release_capacity(piece.len());
                }
            }
            Ok(())
        };
        let writes = async {
            let mut body = body; // and gone with the stream, whose unread data would take room from others
            while target.contains("upload") && body.send_data(Bytes::from_static(b"more of the body"), false).is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            std::future::pending::<()>().await;
        };
        let end: Result<(), h2::Error> = tokio::select! { end = reads => end, () = writes => Ok(()) };
        // The connection is well: only this stream has ended.
        assert_eq!(ask(&send, get("/.stepgate/nothing").body(()).unwrap()).await.unwrap().status, 404);
        end.err().and_then(|end| end.reason())
    })
}

fn rested(world: &World, proofs: Proofs, now: Timestamp) -> Session {
    let session = session("ann", &[]);
    let identity = Identity { id: world.person("ann"), ..session.identity };
    Session { identity, proofs, created_at: now, seen_at: now, ..session }
}

fn token(byte: u8) -> SessionToken {
    SessionToken::mint(&[byte; 32])
}

/// Opens all kinds under a guarded path and under a public one, does the deed, and sees which of them end in time.
async fn after(deed: Deed) {
    let world = World::new();
    let now = Clock::now(&*world);
    let proofs = || Proofs::none().with(Method::Password, now).with(Method::Totp, now);
    let (hers, others) = (token(1), token(2));
    let mut rested = rested(&world, proofs(), now);
    if deed == Deed::Expired {
        rested.created_at = now.minus(Duration::from_secs(12 * 3600 - 4));
    }
    world.look(|state| {
        for (token, id) in [(&hers, "01HERS"), (&others, "01OTHER")] {
            let session = Session { id: id.to_owned(), ..rested.clone() };
            state.sessions.insert(token.key(), (Arc::new(session), now.plus(Duration::from_secs(1_000_000))));
        }
    });
    let sessions = Arc::new(Reachable(world.clone(), AtomicBool::new(true)));
    let ports = Ports { sessions: sessions.clone(), ..world.ports() };
    let closed = Closed::default();
    let known = closed.clone();
    let address = upstream_of(move |stream| app(stream, known.clone())).await;
    let front = Front::start_over(settings(&[address]), ports).await;
    let (mut ends, mut resets) = (Vec::new(), Vec::new());
    for kind in KINDS {
        for place in ["guarded", "open"] {
            for way in ["short_way", "long_way"] {
                let target = format!("/{place}/{kind}/{way}");
                ends.push((target.clone(), open(&front.rig, &target, hers.expose()).await));
            }
            if kind != "socket" {
                let target = format!("/{place}/{kind}/http2");
                resets.push((target.clone(), stream(&front, &target, hers.expose()).await));
            }
        }
    }
    // Long enough to be known as something that lasts; and some begin only now.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let young = format!("/guarded/events/{}", "young");
    ends.push((young.clone(), open(&front.rig, &young, hers.expose()).await));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(closed.lock().unwrap().len(), 0, "{deed:?}: {closed:?}");
    match deed {
        Deed::Ended => assert!(Sessions::revoke(&*sessions, &hers.key()).await.unwrap()),
        Deed::Missed => world.look(|state| drop(state.sessions.remove(&hers.key()))),
        Deed::Expired => world.pass(Duration::from_secs(13 * 3600)),
        Deed::Raised => {
            let raised = Session { id: "01HERS".to_owned(), ..rested.clone() };
            let ends_at = now.plus(Duration::from_secs(3600));
            let opened = sessions.replace(Some(&hers.key()), &token(3).key(), &raised, ends_at).await;
            assert!(opened.unwrap());
        }
        Deed::RaisedUntold => {
            world.look(|state| {
                let session = state.sessions.remove(&hers.key()).unwrap();
                state.sessions.insert(token(3).key(), session);
            });
            world.tell(&hers.key(), EndReason::Unknown);
        }
        Deed::StoreAway => sessions.1.store(false, Ordering::SeqCst),
        Deed::OtherEnded => assert!(Sessions::revoke(&*sessions, &others.key()).await.unwrap()),
    }
    if matches!(deed, Deed::Missed | Deed::StoreAway) {
        world.endings.send(Ended::Lost).unwrap();
    }
    let start = Instant::now();
    let cut = matches!(deed, Deed::Ended | Deed::Missed | Deed::Expired);
    let limit = Duration::from_millis(if deed == Deed::Expired { 5000 } else { 1500 });
    let all = ends.len() + resets.len();
    let guarded = all.div_ceil(2);
    while start.elapsed() < limit {
        if cut && closed.lock().unwrap().len() >= guarded {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut wrong = Vec::new();
    let seen = closed.lock().unwrap().clone();
    let expected = |target: &str| cut && target.starts_with("/guarded/");
    for (target, end) in ends {
        let read = !target.contains("unread");
        let ended = read && timeout(Duration::from_millis(500), end).await.is_ok();
        if (seen.contains(&target), ended) != (expected(&target), expected(&target) && read) {
            wrong.push((target.clone(), seen.contains(&target), ended));
        }
    }
    for (target, end) in resets {
        let reason = timeout(Duration::from_millis(500), end).await.map(Result::unwrap);
        let ended = reason == Ok(Some(h2::Reason::CANCEL));
        if (seen.contains(&target), ended) != (expected(&target), expected(&target)) {
            wrong.push((target.clone(), seen.contains(&target), ended));
        }
    }
    assert!(wrong.is_empty(), "{deed:?}: target, closed towards the app, towards the client: {wrong:?}");
}

#[tokio::test]
async fn what_lasts_ends_with_its_session_and_nothing_else_does() {
    let deeds =
        [Deed::Ended, Deed::Missed, Deed::Expired, Deed::Raised, Deed::RaisedUntold, Deed::StoreAway, Deed::OtherEnded];
    futures_util::future::join_all(deeds.map(|deed| tokio::spawn(after(deed))))
        .await
        .into_iter()
        .for_each(Result::unwrap);
}

/// The next request on a connection does not pay for the one before it.
#[tokio::test]
async fn what_is_over_is_not_ended() {
    let world = World::new();
    let now = Clock::now(&*world);
    let hers = token(1);
    let session = rested(&world, Proofs::none().with(Method::Password, now).with(Method::Totp, now), now);
    world.look(|s| s.sessions.insert(hers.key(), (Arc::new(session), now.plus(Duration::from_secs(1_000_000)))));
    let (release, released) = tokio::sync::watch::channel(false);
    let address = upstream_of(move |mut stream| {
        let mut released = released.clone();
        async move {
            while let asked = head(&mut stream).await
                && !asked.is_empty()
            {
                if asked.contains("/guarded/") {
                    let _ = released.wait_for(|released| *released).await;
                    say(&mut stream, OK).await;
                } else {
                    tokio::time::sleep(Duration::from_secs(4)).await;
                    say(&mut stream, OK).await;
                }
            }
        }
    })
    .await;
    let rig = Rig::start_over(settings(&[address]), world.ports()).await;
    let mut stream = rig.connect().await;
    let cookie = format!("Cookie: __Host-stepgate={}\r\n", hers.expose());
    say(&mut stream, &format!("GET /guarded/x HTTP/1.1\r\nHost: app.test\r\n{cookie}\r\n")).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    release.send(true).unwrap();
    assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 200"));
    world.look(|state| state.sessions.clear());
    say(&mut stream, &format!("GET /open HTTP/1.1\r\nHost: app.test\r\n{cookie}\r\n")).await;
    assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 200"));
}

/// An event stream may be silent for longer than an answer may; what is no event stream may not.
#[tokio::test]
async fn an_event_stream_is_waited_with_as_a_websocket_is() {
    let address = upstream_of(|mut stream| async move {
        let asked = head(&mut stream).await;
        let kind = if asked.contains("/events") { "Text/Event-Stream; charset=utf-8" } else { "text/plain" };
        if asked.contains("/late") {
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        say(
            &mut stream,
            &format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"),
        )
        .await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let _ = stream.write_all(b"4\r\nlast\r\n0\r\n\r\n").await;
    })
    .await;
    let mut settings = settings(&[address]);
    settings.apps[0].upstream.read_timeout = Duration::from_millis(500);
    let front = Front::start(settings).await;
    let ask_h1 = async |target: &str, more: &str| {
        let mut stream = front.rig.connect().await;
        let method = if more.contains("Length") { "POST" } else { "GET" };
        say(&mut stream, &format!("{method} {target} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n{more}\r\n"))
            .await;
        let mut all = String::new();
        let _ = within(stream.read_to_string(&mut all)).await;
        all
    };
    for more in ["", "Accept: text/event-stream\r\n", "Proxy-Connection: close\r\n", "Content-Length: 0\r\n"] {
        let all = ask_h1("/events", more).await;
        assert!(all.contains("last") && all.ends_with("0\r\n\r\n"), "{more}: {all}");
        let all = ask_h1("/text", more).await;
        assert!(all.contains("first") && !all.contains("last"), "{more}: {all}");
        // Until its head, nobody knows what it is.
        let all = ask_h1("/events/late", more).await;
        assert!(all.starts_with("HTTP/1.1 504"), "{more}: {all}");
    }
    let send = front.h2().await;
    for post in [false, true] {
        let of = |target: &str| {
            let request = if post { Request::post(format!("https://app.test{target}")) } else { get(target) };
            request.body(()).unwrap()
        };
        assert_eq!(ask(&send, of("/events")).await.unwrap().body, "firstlast", "post: {post}");
        assert!(ask(&send, of("/text")).await.is_err(), "post: {post}");
        assert_eq!(ask(&send, of("/events/late")).await.unwrap().status, 504, "post: {post}");
    }
}
