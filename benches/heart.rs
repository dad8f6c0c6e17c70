//! What every proxied request costs in the heart: reading the target, finding the rule, finding the session, deciding.

#![allow(missing_docs, clippy::expect_used, clippy::print_stderr, reason = "a bench, not a library")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use stepgate::auth::header_names::Reserved;
use stepgate::auth::host;
use stepgate::auth::policy::AppPolicy;
use stepgate::auth::policy::pattern::PathPattern;
use stepgate::auth::policy::rule::{Access, Audience, Rule};
use stepgate::auth::proof::comparison::compare;
use stepgate::auth::proof::decision::{decide, strictest};
use stepgate::auth::proof::evaluation::{Circumstances, evaluate};
use stepgate::auth::proof::{Method, Proofs};
use stepgate::auth::proof::{Requirement, Risk, RiskLevel, Strength};
use stepgate::auth::resource::{Resource, Tolerances};
use stepgate::auth::secret::SecretText;
use stepgate::auth::session::{AgentDigest, Channel, Pinned, Session, SessionToken};
use stepgate::auth::time::Timestamp;
use stepgate::auth::user::{Group, Identity, UserId, Username};
use stepgate::flow::Flows;
use stepgate::flow::ports::Clock;
use stepgate::flow::settings::{FlowSettings, RiskSettings};
use stepgate::portal::seen::SeenHead;
use stepgate::risk::settings::Settings;
use stepgate::risk::{
    Agent, ClientHints, Country, Device, HashKey, HashKeys, Place, Population, Profile, Signals, Velocity, assess,
};
use stepgate::store::Stores;
use stepgate::store::settings::{KeySettings, StateSettings, StoreSettings};
use stepgate::store::system::SystemClock;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn rule(path: &str, access: Access) -> Arc<Rule> {
    Arc::new(Rule::new(path, PathPattern::glob(path).expect("a pattern"), access))
}

/// Twenty rules, of which the last one covers the requests below.
fn app() -> AppPolicy {
    let guarded = |strength, max_age: Option<u64>| Access::Guarded {
        audience: Audience { groups: vec![Group("staff".into())], users: Vec::new() },
        requirement: Requirement { max_age: max_age.map(Duration::from_secs), ..Requirement::of(strength) },
    };
    let mut rules: Vec<_> = (0..18).map(|n| rule(&format!("/area-{n}/**/edit/*.do"), Access::Deny)).collect();
    rules.push(rule("/admin/**", guarded(Strength::TwoFactor, Some(300))));
    rules.push(rule("/**", guarded(Strength::TwoFactor, None)));
    AppPolicy {
        offer: Default::default(),
        host: "erp.example.com".into(),
        tolerate: Tolerances::default(),
        rules: rules.into(),
    }
}

fn session() -> Arc<Session> {
    Arc::new(Session {
        id: "01J".into(),
        identity: Identity {
            id: UserId("01J".into()),
            username: Username::parse("ann").expect("a name"),
            name: None,
            email: None,
            groups: vec![Group("staff".into())],
        },
        proofs: Proofs::none().with(Method::Password, NOW).with(Method::Totp, NOW),
        host: "erp.example.com".into(),
        channel: Channel::Cookie,
        created_at: NOW,
        seen_at: NOW,
        generation: 0,
        checked: Default::default(),
        pinned: None,
        previous_login: None,
        client_ip: CLIENT,
        user_agent: None,
    })
}

fn parse(target: &str, tolerate: Tolerances) -> Resource {
    Resource::parse("erp.example.com", "GET", target.as_bytes(), tolerate).expect("a usual target")
}

fn targets(c: &mut Criterion) {
    let lax =
        Tolerances { path_parameters: true, encoded_slashes: true, double_slashes: true, ..Tolerances::default() };
    for (name, target, tolerate) in [
        ("plain", "/orders/2026/11/list.html?page=2&sort=date", Tolerances::default()),
        ("encoded", "/orders/caf%C3%A9%20menu/list.html?page=2", Tolerances::default()),
        ("tolerated", "/orders;jsessionid=1/a%2Fb//c", lax),
    ] {
        c.bench_function(&format!("Resource::parse {name}"), |b| b.iter(|| parse(black_box(target), tolerate)));
    }
}

fn decisions(c: &mut Criterion) {
    let (app, ann) = (app(), session());
    for (name, target) in [("lower case", "/orders/2026/11/list.html"), ("mixed case", "/Orders/2026/11/List.html")] {
        let resource = parse(target, app.tolerate);
        c.bench_function(&format!("judge 20 rules, {name}"), |b| {
            b.iter(|| {
                app.judged(black_box(&resource), CLIENT)
                    .map(|rule| decide(rule, Some(&ann), &Risk::none(), None, NOW))
                    .reduce(strictest)
            });
        });
    }
    c.bench_function("decide", |b| {
        b.iter(|| decide(black_box(app.rules.last()), Some(&ann), &Risk::none(), None, NOW))
    });
}

/// What rules cost that are only tried, beside a decision by the twenty in force.
fn tried(c: &mut Criterion) {
    let (live, ann) = (app(), session());
    let resource = parse("/orders/2026/11/list.html", live.tolerate);
    let shadow = Rule { shadow: true, ..Rule::clone(&rule("/orders/**", Access::Deny)) };
    let one = [Arc::new(shadow)].into_iter().chain(live.rules.iter().cloned()).collect();
    let candidate = live.rules.clone().beside(live.rules.in_force().clone());
    for (name, rules) in [("nothing", live.rules.clone()), ("one rule", one), ("a candidate", candidate)] {
        let app = AppPolicy { rules, ..live.clone() };
        let circumstances = Circumstances::of(CLIENT);
        let judged: Vec<_> = app.judged(&resource, CLIENT).collect();
        let decision = evaluate(&judged, app.offer.served, &resource, &circumstances, Some(&ann), NOW);
        c.bench_function(&format!("compare, {name} tried"), |b| {
            let trials = app.rules.trials();
            let served = app.offer.served;
            b.iter(|| compare(black_box(trials), &decision, served, &resource, &circumstances, Some(&ann), NOW));
        });
    }
}

/// What the number of rules costs: each covers an area of its own, and every tenth is a regular expression.
fn many_rules(c: &mut Criterion) {
    for count in [10, 100, 1000] {
        let globs = (0..count).map(|n| rule(&format!("/area-{n}/**"), Access::Public));
        let last = format!("/area-{}/orders/list.html", count - 1);
        let mixed = (0..count).map(|n| match n % 10 {
            0 => Arc::new(Rule::new(
                "r",
                PathPattern::regex(&format!("/area-{n}/[a-z/.]+")).expect("a pattern"),
                Access::Public,
            )),
            1 => rule(&format!("/**/area-{n}/*"), Access::Public),
            _ => rule(&format!("/area-{n}/**"), Access::Public),
        });
        for (name, rules) in [("globs", globs.collect::<Vec<_>>()), ("globs and regular expressions", mixed.collect())]
        {
            let app = AppPolicy {
                offer: Default::default(),
                host: "erp.example.com".into(),
                tolerate: Tolerances::default(),
                rules: rules.into(),
            };
            let resource = parse(&last, app.tolerate);
            c.bench_function(&format!("the last of {count} rules, {name}"), |b| {
                b.iter(|| app.judged(black_box(&resource), CLIENT).count());
            });
        }
    }
}

fn names(c: &mut Criterion) {
    let reserved = Reserved::new(["Remote-User", "Remote-Groups", "Remote-Email", "Remote-Name"]);
    c.bench_function("Reserved::is_reserved", |b| b.iter(|| reserved.is_reserved(black_box("accept-language"))));
    c.bench_function("host::canonical", |b| b.iter(|| host::canonical(black_box("erp.example.com:8443")).is_some()));
}

/// A real Redis on a port of its own, ended with the bench.
struct Redis(Child, u16);

impl Redis {
    fn start(folder: &Path) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--save", "", "--dir"]).arg(folder).stdout(Stdio::null());
        let redis = Self(command.spawn().ok()?, port);
        (0..200).find(|_| {
            std::thread::sleep(Duration::from_millis(25));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        Some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a warm session costs: the token's digest, the sessions remembered on this node, the decision. No I/O.
fn sessions(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(redis) = Redis::start(folder.path()) else {
        eprintln!("no redis-server: the lookup of sessions is not measured");
        return;
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (clock, app) = (SystemClock, app());
    let now = clock.now();
    let ann = Session {
        created_at: now,
        seen_at: now,
        proofs: Proofs::none().with(Method::Password, now).with(Method::Totp, now),
        ..Session::clone(&session())
    };
    let token = SessionToken::mint(&[7; 32]);
    let stores = runtime.block_on(async {
        let settings = StoreSettings {
            database: SecretText::new(format!("sqlite://{}/bench.db", folder.path().display())),
            state: StateSettings::Redis {
                url: SecretText::new(format!("redis://127.0.0.1:{}", redis.1)),
                ca: None,
                timeout: Duration::from_secs(1),
                prefix: "bench:".into(),
            },
            keys: KeySettings::Beside(folder.path().join("key")),
            places: Default::default(),
            breached_passwords: None,
        };
        let stores = Stores::open(&settings).await.expect("stores");
        let kept = stores.ports.sessions.replace(None, &token.key(), &ann, now.plus(Duration::from_secs(3600))).await;
        assert!(kept.expect("Redis answers"), "a new session is kept");
        let redis = stores.redis.clone().expect("state is on Redis");
        while !redis.metrics().push_connected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stores
    });
    let (ports, flows) = (stores.ports.clone(), Flows::new(stores.ports, FlowSettings::default()));
    let key = token.key();
    c.bench_function("SessionToken::key", |b| b.iter(|| black_box(&token).key()));
    c.bench_function("session lookup, warm", |b| {
        b.iter(|| runtime.block_on(ports.sessions.load(black_box(&key))).expect("Redis answers").expect("a session"));
    });
    let resource = parse("/orders/2026/11/list.html", app.tolerate);
    let circumstances = Circumstances::of(CLIENT);
    let presented = || Some((&token, Channel::Bearer));
    let headers = http::HeaderMap::new();
    let seen = SeenHead { headers: &headers, client: CLIENT };
    c.bench_function("Flows::admit, warm session, 20 rules", |b| {
        b.iter(|| {
            let admitted = flows.admit(&app, black_box(&resource), &circumstances, presented(), &seen);
            runtime.block_on(admitted).expect("a decision")
        });
    });
}

const AGENT: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/// A sign-in from the nth of many places.
fn signals(n: u64) -> Signals {
    let [.., a, b] = n.to_be_bytes();
    Signals {
        address: IpAddr::V4(Ipv4Addr::new(84, 208, a, b)),
        ip_store: Default::default(),
        place: Place { country: Country::parse("NO"), asn: Some(2119 + n as u32 % 7), ..Place::default() },
        agent: Agent::of(Some(AGENT), ClientHints::default()),
        device: Device::Known,
        evidence: Vec::new(),
        velocity: Velocity::default(),
        previous: None,
        is_dormant: false,
        at: Timestamp::from_secs(1_800_000_000 + n * 3600),
    }
}

/// What a sign-in costs: a profile that is full, read under two keys, as while one rotates.
fn risk(c: &mut Criterion) {
    let settings = Settings::default();
    let keys =
        HashKeys { current: HashKey::new([1; 32]), previous: vec![HashKey::new([2; 32]), HashKey::new([3; 32])] };
    let (mut profile, mut population) = (Profile::default(), Population::new(settings.half_life, NOW));
    for n in 0..500 {
        profile.learn(&signals(n), &keys, settings.half_life, 1.0);
        population.add(&signals(n), 1.0);
    }
    let (usual, new, encoded) = (signals(499), signals(60_000), profile.encode());
    for (name, seen) in [("usual", &usual), ("new", &new)] {
        c.bench_function(&format!("risk::assess, {name}"), |b| {
            b.iter(|| assess(black_box(seen), &profile, &population, &keys, &settings).score);
        });
    }
    c.bench_function("Profile::learn", |b| {
        b.iter(|| profile.learn(black_box(&usual), &keys, settings.half_life, 1.0));
    });
    c.bench_function("Profile::decode", |b| b.iter(|| Profile::decode(black_box(&encoded)).is_some()));
    c.bench_function("Agent::of", |b| b.iter(|| Agent::of(black_box(Some(AGENT)), ClientHints::default())));
}

/// What risk costs each request of a live session that comes from where it was opened: no I/O, nothing allocated.
fn compared(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let settings = StoreSettings {
        database: SecretText::new(format!("sqlite://{}/bench.db", folder.path().display())),
        state: StateSettings::Embedded(Some(folder.path().join("state.db"))),
        keys: KeySettings::Beside(folder.path().join("key")),
        places: Default::default(),
        breached_passwords: None,
    };
    let ports = runtime.block_on(Stores::open(&settings)).expect("stores").ports;
    let flows = Flows::new(ports, FlowSettings { risk: Some(RiskSettings::default()), ..FlowSettings::default() });
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::USER_AGENT, http::HeaderValue::from_static(AGENT));
    let seen = SeenHead { headers: &headers, client: CLIENT };
    let pinned = Pinned {
        address: CLIENT,
        agent: AgentDigest::of(Some(AGENT)),
        device: None,
        network: Some(2119),
        country: Some("NO".to_owned()),
        family: None,
        level: RiskLevel::Low,
        at: NOW,
        before: Vec::new(),
    };
    let ann = Session { pinned: Some(pinned), ..Session::clone(&session()) };
    c.bench_function("Flows::risk_of, unchanged", |b| {
        b.iter(|| runtime.block_on(flows.risk_of(black_box(&ann), &seen, false, NOW)).expect("no store is asked").risk);
    });
}

criterion_group!(heart, targets, decisions, tried, many_rules, names, sessions, risk, compared);
criterion_main!(heart);
