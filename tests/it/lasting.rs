//! What lasts of a session, over two nodes that share it: it ends with the session on both within a second, and with nothing
//! else.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::support::clients::Client;
use super::support::cluster::Cluster;
use super::support::command::stepgate;
use super::support::gateway::Gateway;
use super::support::totp;

const SECOND: Duration = Duration::from_secs(1);
/// As long as a test may take that waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(10);

#[expect(clippy::disallowed_methods, reason = "how long a real gateway takes is what is asked here")]
fn now() -> Instant {
    Instant::now()
}

async fn connect(node: &Gateway) -> TcpStream {
    TcpStream::connect(node.url.trim_start_matches("http://").replace("localhost", "127.0.0.1")).await.unwrap()
}

/// A WebSocket, or an event stream, of the app.
enum Lasting {
    Socket(Box<WebSocketStream<TcpStream>>),
    Events(TcpStream),
}

impl Lasting {
    async fn socket(node: &Gateway, path: &str, token: Option<&str>) -> Self {
        let mut request = format!("{}{path}", node.url.replace("http://", "ws://")).into_client_request().unwrap();
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        Self::Socket(Box::new(tokio_tungstenite::client_async(request, connect(node).await).await.unwrap().0))
    }

    /// Read until its third event: it has lasted for two seconds then.
    async fn events(node: &Gateway, token: &str) -> Self {
        let mut stream = connect(node).await;
        let host = node.url.trim_start_matches("http://");
        let head = format!("GET /events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut said, mut piece) = (String::new(), [0; 4096]);
        while !said.contains("event 3") {
            let read = timeout(PATIENCE, stream.read(&mut piece)).await.expect("events").unwrap();
            assert!(read > 0, "{said}");
            said.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        Self::Events(stream)
    }

    /// Sees that it goes on: an echo, or the next event.
    async fn goes_on(&mut self, when: &str) {
        match self {
            Self::Socket(socket) => {
                socket.send(Message::text(when)).await.unwrap();
                let told = timeout(PATIENCE, socket.next()).await.expect("an echo in time");
                assert_eq!(told.expect(when).unwrap(), Message::text(when));
            }
            Self::Events(stream) => {
                let read = timeout(PATIENCE, stream.read(&mut [0; 4096])).await.expect("an event in time");
                assert!(read.expect(when) > 0, "{when}");
            }
        }
    }

    /// Waits for its end, which a WebSocket is told.
    async fn ends(&mut self, when: &str) {
        match self {
            Self::Socket(socket) => match timeout(PATIENCE, socket.next()).await.expect(when) {
                Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, CloseCode::Policy, "{when}"),
                told => panic!("{when}: no close frame, but {told:?}"),
            },
            Self::Events(stream) => {
                while timeout(PATIENCE, stream.read(&mut [0; 4096])).await.expect(when).is_ok_and(|read| read > 0) {}
            }
        }
    }
}

/// A WebSocket at each node, and an event stream.
async fn all_of(cluster: &Cluster, token: &str) -> Vec<Lasting> {
    let [here, there] = [&cluster.nodes[0], &cluster.nodes[1]];
    vec![
        Lasting::socket(here, "/ws", Some(token)).await,
        Lasting::socket(there, "/ws", Some(token)).await,
        Lasting::events(there, token).await,
    ]
}

async fn end_within_a_second(all: &mut [Lasting], when: &str) {
    let started = now();
    for one in all {
        one.ends(when).await;
    }
    assert!(started.elapsed() < SECOND, "{when}: {:?}", started.elapsed());
}

async fn logout(client: &mut Client) {
    assert_eq!(client.post_json("/.stepgate/api/v1/logout", &json!({})).await.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lasts_ends_with_its_session_on_both_nodes_and_nobody_elses_does() {
    let cluster = Cluster::start("").await;
    let step = totp::step_now();
    let other = cluster.person("other").script(&cluster.nodes[0], step).await;
    let mut others = all_of(&cluster, other.token.as_deref().unwrap()).await;
    for way in ["logout", "revoke", "disable", "groups"] {
        let mut client = cluster.person(way).script(&cluster.nodes[0], step).await;
        let mut all = all_of(&cluster, client.token.as_deref().unwrap()).await;
        for one in &mut all {
            one.goes_on(way).await;
        }
        match way {
            "logout" => logout(&mut client).await,
            "revoke" => assert_eq!(cluster.command(&["session", "revoke", "--user", way]).code, 0),
            "disable" => assert_eq!(cluster.command(&["user", "disable", way]).code, 0),
            _ => assert_eq!(cluster.command(&["user", "set-groups", way, "--group", "staff"]).code, 0),
        }
        end_within_a_second(&mut all, way).await;
    }
    for one in &mut others {
        one.goes_on("nobody else's").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_up_ends_nothing_and_the_end_of_the_raised_session_does() {
    let cluster = Cluster::start("").await;
    let (ann, step) = (cluster.person("ann"), totp::step_now());
    let mut client = ann.script(&cluster.nodes[0], step).await;
    let mut all = all_of(&cluster, client.token.as_deref().unwrap()).await;
    let code = totp::at_step(&ann.secret, step + 1);
    let raised = client.post_json("/.stepgate/api/v1/elevate", &json!({ "method": "totp", "code": code })).await;
    assert_eq!(raised.status, 200, "{}", raised.body);
    let old = client.token.replace(raised.json()["access_token"].as_str().unwrap().to_owned());
    assert_ne!(old, client.token);
    // Events are told for longer than an end takes.
    for number in 0..3 {
        for one in &mut all {
            one.goes_on(&format!("after a step-up, {number}")).await;
        }
    }
    logout(&mut client).await;
    end_within_a_second(&mut all, "after a step-up").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_ends_nothing() {
    let cluster = Cluster::start("").await;
    let mut client = cluster.person("ann").script(&cluster.nodes[0], totp::step_now()).await;
    let mut all = all_of(&cluster, client.token.as_deref().unwrap()).await;
    cluster.redis.signal("STOP");
    let started = now();
    while client.get("/echo").await.status != 503 {
        assert!(started.elapsed() < PATIENCE, "the missing store is noticed");
    }
    for number in 0..3 {
        for one in &mut all {
            one.goes_on(&format!("without a store, {number}")).await;
        }
    }
    cluster.redis.signal("CONT");
    while client.get("/echo").await.status != 200 {
        assert!(started.elapsed() < PATIENCE, "the store is back");
    }
    for one in &mut all {
        one.goes_on("with the store").await;
    }
    logout(&mut client).await;
    end_within_a_second(&mut all, "with the store").await;
}

/// A command that ends sessions while the store is away, up to the moment when it has noticed.
fn noticing(cluster: &Cluster, args: &[&str]) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut command = stepgate();
    command.args(args).arg("-c").arg(&cluster.configs[0]).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    while !told.next().unwrap().unwrap().contains("asking again for some seconds") {}
    (child, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_disabled_while_the_store_is_away_for_a_moment_loses_what_lasts_when_it_is_back() {
    let cluster = Cluster::start("").await;
    let step = totp::step_now();
    for args in [&["user", "disable", "ann"][..], &["session", "revoke", "--user", "bob"]] {
        let client = cluster.person(args[args.len() - 1]).script(&cluster.nodes[0], step).await;
        let mut all = all_of(&cluster, client.token.as_deref().unwrap()).await;
        cluster.redis.signal("STOP");
        let (mut child, told) = noticing(&cluster, args);
        cluster.redis.signal("CONT");
        let started = now();
        for one in &mut all {
            one.ends("disabled meanwhile").await;
        }
        assert!(started.elapsed() < 2 * SECOND, "{:?}", started.elapsed());
        let told: Vec<String> = told.map(Result::unwrap).collect();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{told:?}");
    }
}

/// The command gave up: nodes see by themselves, once the store is back, whom the database has disabled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_disabled_while_the_store_stays_away_loses_what_lasts_as_well() {
    let cluster = Cluster::start("").await;
    let client = cluster.person("ann").script(&cluster.nodes[0], totp::step_now()).await;
    let mut all = all_of(&cluster, client.token.as_deref().unwrap()).await;
    cluster.redis.signal("STOP");
    let (mut child, _told) = noticing(&cluster, &["user", "disable", "ann"]);
    // As if it were ended by hand: it can tell nobody any more.
    child.kill().unwrap();
    child.wait().unwrap();
    let started = now();
    for node in &cluster.nodes {
        let told = async || reqwest::get(format!("{}/metrics", node.admin_url)).await.unwrap().text().await.unwrap();
        while !told().await.contains("stepgate_redis_connected{connection=\"push\"} 0") {
            assert!(started.elapsed() < PATIENCE, "the missing store is noticed");
        }
    }
    cluster.redis.signal("CONT");
    for one in &mut all {
        one.ends("disabled meanwhile").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_use_and_what_is_silent_ends_when_its_session_is_idle() {
    let cluster = Cluster::start("session: { idle: 4s }").await;
    let step = totp::step_now();
    let token = async |name: &str| cluster.person(name).script(&cluster.nodes[0], step).await.token.unwrap();
    let (ann, bob, eve) = (token("ann").await, token("bob").await, token("eve").await);
    let mut silent = Lasting::socket(&cluster.nodes[1], "/ws", Some(&bob)).await;
    let mut talks = Lasting::socket(&cluster.nodes[1], "/ws", Some(&ann)).await;
    let mut told = Lasting::events(&cluster.nodes[1], &eve).await;
    let opened = now();
    let talking = async {
        // One event a second.
        for number in 0..9 {
            told.goes_on("events are use").await;
            talks.goes_on(&format!("frames are use, {number}")).await;
        }
        opened.elapsed()
    };
    let ending = async {
        silent.ends("idle").await;
        opened.elapsed()
    };
    let (talked, ended) = tokio::join!(talking, ending);
    assert!(talked > Duration::from_secs(7), "{talked:?}");
    assert!(ended < Duration::from_secs(6), "{ended:?}");
    let mut client = cluster.nodes[0].api_client();
    for (token, status) in [(ann, 200), (eve, 200), (bob, 401)] {
        client.token = Some(token);
        assert_eq!(client.get("/echo").await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_other_rules_would_not_have_permitted_ends_when_they_are_in_force() {
    let cluster = Cluster::start("").await;
    let client = cluster.person("ann").script(&cluster.nodes[0], totp::step_now()).await;
    let token = client.token.as_deref();
    let [here, there] = [&cluster.nodes[0], &cluster.nodes[1]];
    let mut ended = Lasting::socket(here, "/ws", token).await;
    let mut elsewhere = Lasting::socket(there, "/ws", token).await;
    let mut same = Lasting::events(here, token.unwrap()).await;
    let text = std::fs::read_to_string(&cluster.configs[0]).unwrap();
    let rule = "\n      - { name: all,";
    assert!(text.contains(rule));
    std::fs::write(&cluster.configs[0], text.replace(rule, &format!("\n      - {{ path: /ws, access: deny }}{rule}")))
        .unwrap();
    here.process.signal("HUP");
    ended.ends("another rule").await;
    same.goes_on("the same rule").await;
    elsewhere.goes_on("at a node that was not told").await;
}
