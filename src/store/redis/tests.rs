//! Against a real redis-server.

mod server;
mod unreadable;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use server::{Server, until};

use super::{Redis, open};
use crate::auth::ceremony::Ceremony;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::secret::SecretText;
use crate::auth::throttle::{Charge, Charged, Limit, Taken, take};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Clock, Ledger, Sessions, Throttle, View};
use crate::store::contract::samples::{StatePorts, cipher, identity, ring_of, session, session_key};
use crate::store::contract::sealing::rotation_cases;
use crate::store::contract::state::state_contract;
use crate::store::record_cipher::RecordCipher;
use crate::store::settings::StateSettings;
use crate::store::system::SystemClock;
use crate::store::vault::KeyRing;
use crate::store::{Probe, State};

const HOUR: Duration = Duration::from_secs(3600);

fn settings(url: String, prefix: &str, millis: u64) -> StateSettings {
    let timeout = Duration::from_millis(millis);
    StateSettings::Redis { url: SecretText::new(url), ca: None, timeout, prefix: prefix.into() }
}

/// A node. Most tests are patient, for a busy machine; those of outages use the default of 250 ms.
async fn node(url: String, millis: u64) -> Node {
    Node::of(open(&settings(url, "stepgate:", millis), cipher(), Arc::new(SystemClock)).await.unwrap())
}

/// One node: its ports, and the store behind them.
struct Node {
    sessions: Arc<dyn Sessions>,
    ceremonies: View<Ceremony>,
    pending: View<Sealed>,
    ledger: Arc<dyn Ledger>,
    throttle: Arc<dyn Throttle>,
    redis: Arc<Redis>,
}

impl Node {
    fn of(redis: Arc<Redis>) -> Self {
        let State { sessions, transient, ledger, throttle, .. } = State::of(redis.clone());
        let ring = ring_of(&[1], &[]);
        let (ceremonies, pending) = (View::new(transient.clone(), ring.clone()), View::new(transient, ring));
        Self { sessions, ceremonies, pending, ledger, throttle, redis }
    }
}

/// What the contract suite asks of a state store; `server` lives as long as they do.
async fn state_ports(settings: &StateSettings, ring: Arc<KeyRing>, server: Arc<Server>) -> StatePorts {
    let state = State::of(open(settings, RecordCipher::new(ring.clone()), Arc::new(SystemClock)).await.unwrap());
    StatePorts {
        clock: Arc::new(SystemClock),
        pass: Arc::new(|by| Box::pin(tokio::time::sleep(by))),
        sessions: state.sessions,
        ceremonies: View::new(state.transient.clone(), ring.clone()),
        pending: View::new(state.transient.clone(), ring),
        transient: state.transient,
        sweep: state.sweep,
        codes: state.codes,
        ledger: state.ledger,
        throttle: state.throttle,
        quotas: state.quotas,
        plant: unreadable::plant(settings),
        dump: unreadable::dump(settings),
        guard: server,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_keeps_the_state_contract() {
    let server = Arc::new(Server::start(&[]));
    let next = std::sync::atomic::AtomicU32::new(0);
    state_contract(async || {
        let prefix = format!("case{}:", next.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        state_ports(&settings(server.url(), &prefix, 2000), ring_of(&[1], &[]), server.clone()).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_keeps_the_contract_of_a_rotation() {
    let server = Arc::new(Server::start(&[]));
    rotation_cases(async |rings| {
        let mut nodes = Vec::new();
        for (used, next) in rings {
            let settings = settings(server.url(), "stepgate:", 2000);
            nodes.push(state_ports(&settings, ring_of(used, next), server.clone()).await);
        }
        nodes
    })
    .await;
}

/// The rights that docs/operations.md names are enough, and no key or channel of others is in reach.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_that_the_documentation_names_are_enough() {
    let doc = include_str!("../../../docs/operations.md");
    let line = doc.lines().find_map(|l| l.strip_prefix("ACL SETUSER ")).expect("the line of the documentation");
    let line = line.replace("PASSWORD", "pw");
    let user: Vec<&str> = std::iter::once("--user").chain(line.split(' ')).collect();
    let server = Arc::new(Server::start(&user));
    let url = server.url().replace("redis://", "redis://stepgate:pw@");
    let next = std::sync::atomic::AtomicU32::new(0);
    state_contract(async || {
        let prefix = format!("stepgate:case{}:", next.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        state_ports(&settings(url.clone(), &prefix, 2000), ring_of(&[1], &[]), server.clone()).await
    })
    .await;
    // The push as well: without the right to its channel a node would bypass its cache for ever.
    let node = node(url.clone(), 2000).await;
    until(2000, async || node.redis.counters.subscriptions.load(std::sync::atomic::Ordering::SeqCst) > 0).await;
    let other = Node::of(open(&settings(url, "other:", 2000), cipher(), Arc::new(SystemClock)).await.unwrap());
    assert!(other.ledger.claim("mark", HOUR).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_or_hanging_redis_fails_fast_and_comes_back() {
    let mut server = Server::start(&[]);
    let node = node(server.url(), 250).await;
    until(2000, async || node.redis.probe().await.is_ok()).await;
    for hang in [true, false] {
        if hang {
            server.signal("STOP")
        } else {
            server.kill()
        }
        for _ in 0..20 {
            let began = tokio::time::Instant::now();
            let answer = node.ledger.claim("mark", HOUR).await;
            assert!(answer.is_err(), "nothing is claimed without Redis");
            assert!(node.sessions.load(&session_key()).await.is_err());
            assert!(began.elapsed() < Duration::from_millis(1000), "two calls took {:?}", began.elapsed());
        }
        if hang {
            server.signal("CONT")
        } else {
            server.restart()
        }
        until(2000, async || node.redis.probe().await.is_ok()).await;
    }
    assert!(node.redis.metrics().connects >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_starts_without_redis() {
    let mut server = Server::start(&[]);
    server.kill();
    let node = node(server.url(), 250).await;
    assert!(node.redis.probe().await.is_err());
    server.restart();
    until(2000, async || node.redis.probe().await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_revoked_on_one_node_is_refused_on_the_other() {
    let server = Server::start(&[]);
    let (one, two) = (node(server.url(), 2000).await, node(server.url(), 2000).await);
    until(3000, async || two.redis.metrics().push_connected).await;
    let now = SystemClock.now();
    for all in [false, true] {
        let key = session_key();
        assert!(one.sessions.replace(None, &key, &session("ann", now), now.plus(HOUR)).await.unwrap());
        let before = two.redis.metrics().cache_hits;
        until(2000, async || {
            assert!(two.sessions.load(&key).await.unwrap().is_some());
            two.redis.metrics().cache_hits > before
        })
        .await;
        if all {
            assert_eq!(one.sessions.revoke_all(&identity("ann").id).await.unwrap(), 1);
        } else {
            assert!(one.sessions.revoke(&key).await.unwrap());
        }
        assert!(one.sessions.load(&key).await.unwrap().is_none(), "at once where it was revoked");
        until(1000, async || two.sessions.load(&key).await.unwrap().is_none()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_push_does_not_keep_a_revoked_session_alive() {
    let server = Server::start(&[]);
    let stall = server::StallingProxy::start(server.port).await;
    let one = node(server.url(), 2000).await;
    let client = |url: String| super::client(&url, None).unwrap();
    let two = Redis::start(
        client(server.url()),
        client(format!("redis://127.0.0.1:{}", stall.port)),
        Duration::from_secs(2),
        "stepgate:",
        (cipher(), Arc::new(SystemClock)),
    );
    until(3000, async || two.metrics().push_connected).await;
    let (key, now) = (session_key(), SystemClock.now());
    assert!(one.sessions.replace(None, &key, &session("ann", now), now.plus(HOUR)).await.unwrap());
    until(2000, async || Sessions::load(&two, &key).await.unwrap().is_some() && two.metrics().cache_hits > 0).await;
    stall.stall(true);
    assert!(one.sessions.revoke(&key).await.unwrap());
    until(1000, async || Sessions::load(&two, &key).await.unwrap().is_none()).await;
    until(1000, async || !two.metrics().push_connected).await;
    stall.stall(false);
    until(3000, async || two.metrics().push_connected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_gives_its_reply_to_nobody() {
    let server = Server::start(&[]);
    let node = Arc::new(node(server.url(), 2000).await);
    let now = SystemClock.now();
    let mut keys = Vec::new();
    for n in 0..40 {
        let (key, one) = (session_key(), session(&format!("user{n}"), now));
        assert!(node.sessions.replace(None, &key, &one, now.plus(HOUR)).await.unwrap());
        keys.push((key, one));
    }
    let (keys, mut dropped) = (Arc::new(keys), 0);
    for round in 0..250u64 {
        let callers: Vec<_> = (0..40u64)
            .map(|n| {
                let (node, keys) = (node.clone(), keys.clone());
                tokio::spawn(async move {
                    let (key, one) = &keys[usize::try_from(n).unwrap()];
                    node.redis.cache.end(key);
                    let patience = Duration::from_micros((round * 7919 + n * 104_729) % 1500);
                    match tokio::time::timeout(patience, node.sessions.load(key)).await {
                        Err(_) => true,
                        Ok(answer) => {
                            assert_eq!(*answer.unwrap().unwrap(), *one);
                            false
                        }
                    }
                })
            })
            .collect();
        for caller in callers {
            dropped += u32::from(caller.await.unwrap());
        }
    }
    assert!(dropped > 100, "only {dropped} were dropped");
    for (key, one) in keys.iter() {
        node.redis.cache.end(key);
        assert_eq!(*node.sessions.load(key).await.unwrap().unwrap(), *one);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn password_database_and_tls_are_used() {
    let server = Server::start(&["--requirepass", "p w"]);
    let address = format!("127.0.0.1:{}", server.port);
    let good = node(format!("redis://:p%20w@{address}/3"), 2000).await;
    assert!(good.ledger.claim("mark", HOUR).await.unwrap());
    let other = node(format!("redis://:p%20w@{address}/4"), 2000).await;
    assert!(other.ledger.claim("mark", HOUR).await.unwrap(), "another database");
    for url in [format!("redis://:wrong-secret@{address}"), format!("redis://{address}")] {
        let error = node(url, 2000).await.ledger.claim("mark", HOUR).await.unwrap_err().to_string();
        assert!(!error.contains("wrong-secret"), "{error}");
    }

    // Once per process, as the composition root does; a second time is refused, which is fine.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let tls = Server::start_tls();
    let url = || SecretText::new(format!("rediss://localhost:{}", tls.port));
    let open_with = async |ca| {
        let timeout = Duration::from_secs(2);
        open(&StateSettings::Redis { url: url(), ca, timeout, prefix: "a:".into() }, cipher(), Arc::new(SystemClock))
            .await
            .map(Node::of)
    };
    let trusting = open_with(Some(tls.dir.path().join("ca.pem"))).await.unwrap();
    assert!(trusting.ledger.claim("mark", HOUR).await.unwrap());
    until(3000, async || trusting.redis.metrics().push_connected).await;
    let wary = open_with(None).await.unwrap();
    let error = wary.ledger.claim("mark", HOUR).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "a CA that nobody named is not trusted: {error}");
    assert!(open_with(Some("/nowhere/ca.pem".into())).await.is_err());
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_without_being_told() {
    for url in
        ["", "http://u:secret@x", "redis+unix:///x?pass=secret", "unix:///secret", "rediss://x:secret@h#insecure"]
    {
        let Err(error) = open(&settings(url.into(), "a:", 250), cipher(), Arc::new(SystemClock)).await else {
            panic!("{url}")
        };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_never_outlives_the_revocation_that_raced_it() {
    let server = Server::start(&[]);
    let (one, two) = (node(server.url(), 5000).await, node(server.url(), 5000).await);
    until(3000, async || two.redis.metrics().push_connected).await;
    for _ in 0..100 {
        let (key, now) = (session_key(), SystemClock.now());
        assert!(one.sessions.replace(None, &key, &session("ann", now), now.plus(HOUR)).await.unwrap());
        let loads: Vec<_> = (0..4)
            .map(|_| {
                let sessions = two.sessions.clone();
                tokio::spawn(async move {
                    while sessions.load(&key).await.unwrap().is_some() {
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        assert!(one.sessions.revoke(&key).await.unwrap());
        for load in loads {
            tokio::time::timeout(Duration::from_secs(2), load).await.expect("a revoked session stayed").unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_agree_with_the_arithmetic_of_the_heart() {
    let server = Server::start(&[]);
    let node = node(server.url(), 5000).await;
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
                    Charged::Go(vec![next])
                }
                Taken::Full { retry_after } => Charged::Wait { index: 0, retry_after },
            };
            let told = node.throttle.charge(&charge, now).await.unwrap();
            assert_eq!(told, expected, "{tries} every {refill} ms at {step}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_counted_without_those_of_others() {
    let server = Server::start(&[]);
    let at = async |prefix: &str| {
        Node::of(open(&settings(server.url(), prefix, 2000), cipher(), Arc::new(SystemClock)).await.unwrap())
    };
    // A prefix that is a glob counts for itself alone.
    let (ours, theirs) = (at("a*:").await, at("ab:").await);
    let now = SystemClock.now();
    assert_eq!(ours.redis.session_sample().await.unwrap().total, 0);
    for (node, count) in [(&ours, 3), (&theirs, 2)] {
        for _ in 0..count {
            assert!(node.sessions.replace(None, &session_key(), &session("ann", now), now.plus(HOUR)).await.unwrap());
        }
        node.ledger.claim("s1:mark", HOUR).await.unwrap();
    }
    let sampled = ours.redis.session_sample().await.unwrap();
    assert_eq!((sampled.total, sampled.sessions.len()), (3, 3));
    assert_eq!(theirs.redis.session_sample().await.unwrap().total, 2);
    let scans = ours.redis.metrics().verbs.into_iter().find(|v| v.verb == "scan").unwrap();
    assert!(scans.calls >= 3 && scans.errors == 0 && scans.within.iter().sum::<u64>() <= scans.calls);
}
