//! Against real Redis servers, started here and stopped by their end.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::open;
use crate::auth::secret::SecretText;
use crate::auth::session::SessionKey;
use crate::auth::throttle::{Charge, Charged, Limit, Taken, take};
use crate::auth::time::Timestamp;
use crate::flow::ports::Clock;
use crate::store::State;
use crate::store::contract::samples::{ceremony, ceremony_key, session, session_key};
use crate::store::contract::state::{StatePorts, state_contract};
use crate::store::system::SystemClock;

const HOUR: Duration = Duration::from_secs(3600);

struct Server {
    child: Child,
    port: u16,
    folder: Arc<TempDir>,
    extra: Vec<String>,
}

impl Server {
    fn start(extra: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = Arc::new(TempDir::new().unwrap());
        Self::on(port, folder, extra.iter().map(|text| (*text).to_owned()).collect())
    }

    fn on(port: u16, folder: Arc<TempDir>, extra: Vec<String>) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
        command.arg(folder.path()).args(&extra).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("redis-server is installed");
        let server = Self { child, port, folder, extra };
        until(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    fn restart(mut self) -> Self {
        self.kill();
        let (port, folder, extra) = (self.port, self.folder.clone(), std::mem::take(&mut self.extra));
        Self::on(port, folder, extra)
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn open(&self) -> (State, Arc<super::Cache>) {
        open_at(&format!("redis://127.0.0.1:{}/2", self.port))
    }

    /// With a deadline that a busy machine keeps too, where the test is not about deadlines.
    fn open_patient(&self) -> (State, Arc<super::Cache>) {
        let url = SecretText::new(format!("redis://127.0.0.1:{}/2", self.port));
        open(&url, None, Duration::from_secs(5), "test:", Arc::new(SystemClock)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn open_at(url: &str) -> (State, Arc<super::Cache>) {
    let url = SecretText::new(url.to_owned());
    open(&url, None, Duration::from_millis(250), "test:", Arc::new(SystemClock)).unwrap()
}

/// Polls; the clock ends a test that would never end.
fn until(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never came true");
        std::thread::yield_now();
    }
}

async fn eventually(limit: Duration, mut done: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < limit, "not within {limit:?}");
        tokio::task::yield_now().await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_keeps_the_contract() {
    let server = Arc::new(Server::start(&[]));
    let made = std::sync::atomic::AtomicU32::new(0);
    state_contract(async || {
        let number = made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let url = SecretText::new(format!("redis://127.0.0.1:{}", server.port));
        let prefix = format!("case{number}:");
        let (state, _) = open(&url, None, Duration::from_secs(1), &prefix, Arc::new(SystemClock)).unwrap();
        StatePorts {
            clock: Arc::new(SystemClock),
            pass: Arc::new(|time| Box::pin(tokio::time::sleep(time))),
            sessions: state.sessions,
            ceremonies: state.ceremonies,
            pending: state.pending,
            ledger: state.ledger,
            throttle: state.throttle,
            guard: server.clone(),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_revokes_no_other_remembers() {
    let server = Server::start(&[]);
    let ((one, _), (two, memory)) = (server.open_patient(), server.open_patient());
    eventually(Duration::from_secs(5), async || memory.stats().pushed).await;
    for _ in 0..20 {
        let (key, now) = (session_key(), SystemClock.now());
        assert!(one.sessions.replace(None, &key, &session("ann", now), now.plus(HOUR)).await.unwrap());
        let first = two.sessions.load(&key).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &two.sessions.load(&key).await.unwrap().unwrap()), "it is warm on the other node");
        assert!(one.sessions.revoke(&key).await.unwrap());
        eventually(Duration::from_secs(1), async || two.sessions.load(&key).await.unwrap().is_none()).await;
    }
    assert!(memory.stats().hits >= 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_never_outlives_the_revocation_that_raced_it() {
    let server = Server::start(&[]);
    let ((one, _), (two, memory)) = (server.open_patient(), server.open_patient());
    eventually(Duration::from_secs(5), async || memory.stats().pushed).await;
    for _ in 0..100 {
        let (key, now) = (session_key(), SystemClock.now());
        assert!(one.sessions.replace(None, &key, &session("ann", now), now.plus(HOUR)).await.unwrap());
        let loads = (0..4).map(|_| {
            let sessions = two.sessions.clone();
            tokio::spawn(async move {
                while sessions.load(&key).await.unwrap().is_some() {
                    tokio::task::yield_now().await;
                }
            })
        });
        let loads: Vec<_> = loads.collect();
        assert!(one.sessions.revoke(&key).await.unwrap());
        for load in loads {
            tokio::time::timeout(Duration::from_secs(2), load).await.expect("a revoked session stayed").unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_told_at_once_and_ends_by_itself() {
    let mut server = Server::start(&[]);
    let (state, memory) = server.open();
    let (key, now) = (session_key(), SystemClock.now());
    assert!(state.sessions.replace(None, &key, &session("ann", now), now.plus(HOUR)).await.unwrap());
    eventually(Duration::from_secs(5), async || memory.stats().pushed).await;
    assert!(state.sessions.load(&key).await.unwrap().is_some());
    server.kill();
    eventually(Duration::from_secs(1), async || !memory.stats().pushed).await;
    for _ in 0..5 {
        let begun = Instant::now();
        assert!(state.sessions.load(&key).await.is_err(), "a remembered session does not count without the push");
        assert!(begun.elapsed() < Duration::from_millis(500), "told in {:?}", begun.elapsed());
    }
    let server = server.restart();
    eventually(Duration::from_secs(2), async || state.sessions.load(&key).await.is_ok()).await;
    assert!(state.sessions.load(&key).await.unwrap().is_none(), "that server kept nothing");
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_an_outage() {
    let server = Server::start(&[]);
    let (state, memory) = server.open();
    let (key, now) = (session_key(), SystemClock.now());
    assert!(state.sessions.replace(None, &key, &session("ann", now), now.plus(HOUR)).await.unwrap());
    eventually(Duration::from_secs(5), async || memory.stats().pushed).await;
    assert!(state.sessions.load(&key).await.unwrap().is_some());
    server.signal("-STOP");
    eventually(Duration::from_secs(1), async || !memory.stats().pushed).await;
    let begun = Instant::now();
    assert!(state.sessions.load(&key).await.is_err());
    assert!(begun.elapsed() < Duration::from_millis(600), "told in {:?}", begun.elapsed());
    server.signal("-CONT");
    eventually(Duration::from_secs(2), async || state.sessions.load(&key).await.is_ok()).await;
    assert!(state.sessions.load(&key).await.unwrap().is_some(), "nothing was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_command_never_gives_its_answer_to_another() {
    let server = Server::start(&[]);
    let (state, _) = server.open_patient();
    let now = SystemClock.now();
    let mut people = Vec::new();
    for name in ["ann", "bob", "eve", "root"] {
        let key = session_key();
        assert!(state.sessions.replace(None, &key, &session(name, now), now.plus(HOUR)).await.unwrap());
        people.push((name, key));
    }
    let load = |state: &State, key: SessionKey| {
        let sessions = state.sessions.clone();
        async move { sessions.load(&key).await }
    };
    for round in 0..2000_usize {
        let (_, dropped) = people[round % 4];
        let (name, kept) = people[(round / 4) % 4];
        let mut lost = Box::pin(load(&state, dropped));
        let kept = load(&state, kept);
        // One poll sends the command; then it is dropped with its answer on the way.
        let _ = futures_util::poll!(&mut lost);
        drop(lost);
        assert_eq!(kept.await.unwrap().unwrap().identity.username.as_str(), name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_and_foreign_values_are_faults_or_nothing() {
    let server = Server::start(&[]);
    let (state, _) = server.open();
    let key = session_key();
    let raw = |text: String| {
        let port = server.port;
        move || {
            let words: Vec<&str> = text.split('|').collect();
            let done = Command::new("redis-cli").args(["-n", "2", "-p", &port.to_string()]).args(&words).output().unwrap();
            assert!(done.status.success());
        }
    };
    for body in ["", "{", "[]", "{\"id\":1}", "null"] {
        raw(format!("HSET|test:s1:{}|body|{body}|seen_at|1|ends_at|99999999999999|user|u", key.encoded()))();
        assert!(state.sessions.load(&key).await.is_err(), "{body:?}");
    }
    raw(format!("HSET|test:s1:{}|ends_at|soon", key.encoded()))();
    assert!(state.sessions.load(&key).await.is_err());
    raw(format!("HDEL|test:s1:{}|ends_at", key.encoded()))();
    assert!(state.sessions.load(&key).await.unwrap().is_none());
    raw(format!("DEL|test:s1:{}", key.encoded()))();
    raw(format!("SET|test:s1:{}|text", key.encoded()))();
    assert!(state.sessions.load(&key).await.is_err(), "of another type");

    let flow = ceremony_key();
    state.ceremonies.put(&flow, &ceremony("ann", SystemClock.now()), HOUR).await.unwrap();
    raw(format!("SET|test:c1:{}|{{}}", flow.encoded()))();
    assert!(state.ceremonies.load(&flow).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_agree_with_the_arithmetic_of_the_heart() {
    let server = Server::start(&[]);
    let (state, _) = server.open();
    let start = SystemClock.now().as_millis();
    for (tries, refill, steps) in [
        (1, 10_000, vec![0, 1, 9_999, 10_000, 10_001, 30_000]),
        (5, 30_000, vec![0, 0, 0, 0, 0, 0, 29_999, 30_000, 60_000, 60_000, 500_000]),
        (3, 700, (0..60).map(|n| n * 97).collect()),
        (0, 1_000, vec![0, 5_000]),
    ] {
        let limit = Limit { tries, refill: Duration::from_millis(refill) };
        let charge = [Charge { key: format!("{tries}:{refill}"), limit }];
        let mut model = None;
        for step in steps {
            let now = Timestamp::from_millis(start + step);
            let expected = match take(model, limit, now) {
                Taken::Go(next) => {
                    model = Some(next);
                    None
                }
                Taken::Full { retry_after } => Some(retry_after),
            };
            let told = match state.throttle.charge(&charge, now).await.unwrap() {
                Charged::Go => None,
                Charged::Wait { index, retry_after } => {
                    assert_eq!(index, 0);
                    Some(retry_after)
                }
            };
            assert_eq!(told, expected, "{tries} every {refill} at {step}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_used_and_never_told() {
    let server = Server::start(&["--requirepass", "cana-ry-secret"]);
    let (state, _) = open_at(&format!("redis://:cana-ry-secret@127.0.0.1:{}", server.port));
    assert!(state.probe.probe().await.is_ok());
    let (wrong, _) = open_at(&format!("redis://:cana-ry-wrong@127.0.0.1:{}", server.port));
    let told = wrong.probe.probe().await.unwrap_err().to_string();
    assert!(!told.contains("cana-ry"), "{told}");
    let broken = SecretText::new("redis://:cana-ry@[".to_owned());
    let told = open(&broken, None, HOUR, "", Arc::new(SystemClock)).err().unwrap().to_string();
    assert!(!told.contains("cana-ry"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_verified_against_the_ca_given() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (cert_text, key_text) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let _server = Server::start(&[
        "--tls-port", &port, "--tls-cert-file", cert_text, "--tls-key-file", key_text, "--tls-auth-clients", "no",
    ]);
    until(|| std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_ok());
    let url = SecretText::new(format!("rediss://localhost:{port}"));
    let deadline = Duration::from_secs(2);
    let (trusted, _) = open(&url, Some(&cert), deadline, "", Arc::new(SystemClock)).unwrap();
    trusted.probe.probe().await.unwrap();
    let (other, _) = open(&url, None, deadline, "", Arc::new(SystemClock)).unwrap();
    assert!(other.probe.probe().await.is_err(), "a certificate that nobody vouches for");
}
