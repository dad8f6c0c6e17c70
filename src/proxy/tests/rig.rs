//! The rig: a proxy on free ports, upstreams made of closures, a client that speaks bytes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use crate::auth::event::Event;
use crate::auth::held_request::HoldTerms;
use crate::auth::network::Networks;
use crate::auth::policy::cors::{Allowances, Cors, Preflights};
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::{Binding, Requirement, Strength};
use crate::auth::resource::Tolerances;
use crate::auth::secret::SecretText;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;
use crate::auth::user::{Identity, UserId, Username};
use crate::flow::Flows;
use crate::flow::destination::Destinations;
use crate::flow::ports::{Answer, Ports, StoreError};
use crate::flow::settings::FlowSettings;
use crate::flow::testing::World;
use crate::portal::Portal;
use crate::portal::settings::PortalSettings;
use crate::proxy::observe::store_metrics::{LetterMetrics, PlaceMetrics, RedisMetrics, StoreMetrics};
use crate::proxy::settings::*;
use crate::proxy::{Bound, Listeners, Parts, Proxy};

/// A session of somebody, for vouching.
pub(super) fn session(username: &str, groups: &[&str]) -> Session {
    Session {
        id: "01SESSION".to_owned(),
        identity: Identity {
            id: UserId("01USER".to_owned()),
            username: Username::parse(username).unwrap(),
            name: Some("Ann Müller".to_owned()),
            email: None,
            groups: groups.iter().map(|g| crate::auth::user::Group((*g).to_owned())).collect(),
        },
        proofs: crate::auth::proof::Proofs::none(),
        host: "app.test".to_owned(),
        channel: crate::auth::session::Channel::Cookie,
        created_at: Timestamp::default(),
        seen_at: Timestamp::default(),
        generation: 0,
        checked: Default::default(),
        pinned: None,
        previous_login: None,
        client_ip: [127, 0, 0, 1].into(),
        user_agent: None,
    }
}

fn rule(name: &str, path: &str, access: Access) -> Arc<Rule> {
    Arc::new(Rule::new(name, PathPattern::glob(path).unwrap(), access))
}

/// Under `/kept/**` nobody may delete.
fn undeletable() -> Arc<Rule> {
    let all = Rule::new("kept", PathPattern::glob("/kept/**").unwrap(), Access::Deny);
    Arc::new(Rule { methods: vec!["DELETE".to_owned()], ..all })
}

/// A guarded rule with a word on preflights.
fn asked(name: &str, path: &str, access: Access, preflights: Preflights) -> Arc<Rule> {
    let cors = Cors { origins: vec!["https://spa.test".to_owned()], preflights };
    Arc::new(Rule { cors, ..Rule::new(name, PathPattern::glob(path).unwrap(), access) })
}

/// Two factors, proved for one request.
fn bound(binding: Binding) -> Access {
    let requirement = Requirement { binding, ..Requirement::of(Strength::TwoFactor) };
    Access::Guarded { audience: Audience::default(), requirement }
}

fn allowances() -> Preflights {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let max_age = Some(Duration::from_secs(600));
    Preflights::Answered(Allowances { methods: texts(&["GET", "PUT"]), headers: texts(&["x-a", "x-b"]), max_age })
}

/// An address where nobody listens, and what keeps it from everybody else.
pub(super) fn nobody() -> (SocketAddr, TcpSocket) {
    let held = TcpSocket::new_v4().unwrap();
    held.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    (held.local_addr().unwrap(), held)
}

/// The settings of a proxy in front of `servers`: `/guarded/**` asks for a login, `/once/**`
/// and `/other/**` for a proof for each request, `/paid/**` for one for each transaction, nothing under `/kept/**` may be deleted,
/// `/passed/**` lets preflights pass, `/answered/**` has them answered, `/shut/**` is denied, all else is public.
pub(in crate::proxy) fn settings(servers: &[SocketAddr]) -> ProxySettings {
    let server = |a: &SocketAddr| Server { host: a.ip().to_string(), port: a.port(), tls: false };
    let mut upstream = UpstreamSettings::new(servers.iter().map(server).collect());
    upstream.health_interval = Duration::from_secs(3600);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    ProxySettings {
        listen: Listen { https: vec![], http: vec![], plain: vec![any], admin: None },
        certificates: vec![],
        trusted_proxies: Networks::default(),
        limits: ClientLimits::default(),
        apps: vec![AppSettings {
            host: "app.test".to_owned(),
            upstream,
            identity: IdentitySettings {
                user: Some("Remote-User".to_owned()),
                groups: Some("Remote-Groups".to_owned()),
                ..IdentitySettings::default()
            },
            max_body: Some(1024 * 1024),
            rewrite: true,
            cookies: CookieSettings::default(),
            hold: Some(HoldTerms::default()),
        }],
        portal_host: None,
        shutdown_grace: Duration::from_secs(1),
    }
}

/// The rules of [`settings`].
pub(super) fn policy(settings: &ProxySettings) -> Arc<Policy> {
    let requirement = Requirement::of(Strength::TwoFactor);
    let guarded = Access::Guarded { audience: Audience::default(), requirement };
    let app = |app: &AppSettings| AppPolicy {
        offer: Default::default(),
        host: app.host.clone(),
        tolerate: Tolerances::default(),
        rules: vec![
            rule("guarded", "/guarded/**", guarded.clone()),
            rule("once", "/once/**", bound(Binding::Request)),
            rule("other", "/other/**", bound(Binding::Request)),
            rule("paid", "/paid/**", bound(Binding::Transaction)),
            undeletable(),
            asked("passed", "/passed/**", guarded.clone(), Preflights::Passed),
            asked("answered", "/answered/**", guarded.clone(), allowances()),
            asked("shut", "/shut/**", Access::Deny, Preflights::Judged),
            rule("open", "/**", Access::Public),
        ]
        .into(),
    };
    Arc::new(Policy::new(settings.apps.iter().map(app)))
}

/// A store that does not answer.
pub(super) fn down<T>() -> Answer<T> {
    Err(StoreError::new("test", "down"))
}

/// Stores without numbers.
struct NoNumbers;

#[async_trait]
impl StoreMetrics for NoNumbers {
    fn redis(&self) -> Option<RedisMetrics> {
        None
    }
    fn places(&self) -> PlaceMetrics {
        PlaceMetrics::default()
    }

    fn letters(&self) -> LetterMetrics {
        LetterMetrics::default()
    }
    async fn sessions(&self) -> Answer<Vec<(&'static str, u64)>> {
        down()
    }
    async fn enrolled(&self) -> Answer<Vec<(&'static str, u64)>> {
        down()
    }
}

/// A serving proxy; stops when dropped.
pub(super) struct Rig {
    /// The audit events.
    pub(super) told: Arc<Mutex<Vec<Event>>>,
    pub(super) listen: Listen,
    pub(super) stop: watch::Sender<bool>,
    pub(super) served: tokio::task::JoinHandle<Result<(), crate::proxy::BuildError>>,
}

impl Rig {
    pub(super) async fn start(settings: ProxySettings) -> Self {
        Self::start_over(settings, World::failing()).await
    }

    /// Over these stores.
    pub(super) async fn start_over(settings: ProxySettings, ports: Ports) -> Self {
        let policy = policy(&settings);
        Self::start_by(settings, ports, policy).await
    }

    /// By these rules.
    pub(super) async fn start_by(settings: ProxySettings, ports: Ports, policy: Arc<Policy>) -> Self {
        let bound = Listeners::bind(&settings.listen).await.unwrap();
        Self::serve(settings, bound, ports, policy)
    }

    fn serve(settings: ProxySettings, bound: Bound, ports: Ports, policy: Arc<Policy>) -> Self {
        let flows = Arc::new(Flows::new(ports, FlowSettings::default()));
        let portal = Arc::new(Portal::new(flows.clone(), Destinations::new(policy.clone()), PortalSettings::default()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let trail = told.clone();
        let parts = Parts {
            settings,
            policy,
            flows,
            portal,
            signer: Arc::new(|_, _, _| down()),
            audit: Arc::new(move |events: &[Event], _: &str| trail.lock().unwrap().extend_from_slice(events)),
            probe: Arc::new(|| Box::pin(async { vec![("store", down())] })),
            store_metrics: Arc::new(NoNumbers),
        };
        let proxy = Proxy::build(parts).unwrap();
        let listen = bound.addresses().unwrap();
        let (stop, shutdown) = watch::channel(false);
        let served = tokio::spawn(proxy.serve(bound, shutdown));
        Self { listen, stop, served, told }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.listen.plain[0]).await.unwrap()
    }

    /// Sends bytes on a new connection and reads until the proxy closes or one answer is whole.
    pub(super) async fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, body) = answer(&mut stream).await;
        format!("{head}{}", String::from_utf8_lossy(&body))
    }
}

/// Reads a head, byte by byte, so that nothing of what follows is lost.
pub(super) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match within(stream.read_u8()).await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Reads one answer with `Content-Length`.
pub(super) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> (String, Vec<u8>) {
    let head = head(stream).await;
    let mut body = vec![0; field(&head, "content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
    if !body.is_empty() {
        within(stream.read_exact(&mut body)).await.unwrap();
    }
    (head, body)
}

/// The value of a header in a head.
pub(super) fn field(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (n, v) = line.split_once(':')?;
        n.eq_ignore_ascii_case(name).then(|| v.trim().to_owned())
    })
}

pub(super) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("in time")
}

/// What an upstream received, connection by connection.
pub(super) type Heard = Arc<Mutex<Vec<String>>>;

/// An upstream that reads heads (and bodies with a length) and answers each with `reply`; writes down all.
pub(super) async fn upstream(reply: &'static str) -> (SocketAddr, Heard) {
    let heard = Heard::default();
    let all = heard.clone();
    let address = upstream_of(move |mut stream| {
        let heard = all.clone();
        async move {
            loop {
                let head = head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                let (body, whole) = body(&mut stream, &head).await;
                heard.lock().unwrap().push(format!("{head}{body}"));
                if !whole || stream.write_all(reply.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (address, heard)
}

async fn body(stream: &mut TcpStream, head: &str) -> (String, bool) {
    let mut raw = Vec::new();
    if field(head, "transfer-encoding").is_some() {
        while !raw.ends_with(b"0\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return (String::from_utf8_lossy(&raw).into_owned(), false) };
            raw.push(byte);
        }
    } else if let Some(length) = field(head, "content-length").and_then(|n| n.parse().ok()) {
        raw.resize(length, 0);
        if stream.read_exact(&mut raw).await.is_err() {
            return (String::new(), false);
        }
    }
    (String::from_utf8_lossy(&raw).into_owned(), true)
}

/// An upstream that does whatever `serve` does with each connection.
pub(super) async fn upstream_of<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

pub(super) async fn say(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A certificate for names, as files in a directory that goes with the test.
pub(super) fn certificate(dir: &tempfile::TempDir, name: &str, hosts: &[&str]) -> (CertificateFiles, Vec<u8>) {
    let names: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let files =
        CertificateFiles { cert: dir.path().join(format!("{name}.pem")), key: dir.path().join(format!("{name}.key")) };
    std::fs::write(&files.cert, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().to_vec())
}

pub(super) fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}
