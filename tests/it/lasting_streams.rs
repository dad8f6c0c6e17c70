//! Long downloads and uploads and event streams over HTTP/1.1 and HTTP/2, at two nodes that share their sessions: each ends
//! within a second of its session, on both, and nothing else does.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::Request;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::support::cluster::Cluster;
use super::support::front::connector;
use super::support::gateway::Gateway;
use super::support::port::free_port;
use super::support::totp;

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two pieces, so that nothing is done as fast as possible.
const PACE: Duration = Duration::from_millis(30);
const PIECE: &[u8] = &[b'.'; 1024];

/// The targets that last, and by which method.
const LASTING: [(&str, &str); 3] = [("GET", "/events"), ("GET", "/big?bytes=1000000000000"), ("POST", "/upload")];

/// Two nodes that listen for TLS as well.
struct Nodes {
    cluster: Cluster,
    tls: TlsConnector,
    ports: [u16; 2],
}

/// Something that lasts: how it ended, and how often something passed.
struct Stream {
    what: String,
    passed: Arc<AtomicU64>,
    /// Reads without a pause.
    hurry: Arc<AtomicBool>,
    end: JoinHandle<Option<Reason>>,
}

impl Nodes {
    async fn start(more: &str) -> Self {
        let mut cluster = Cluster::start(more).await;
        cluster.nodes.clear();
        let ports = [free_port(), free_port()];
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate = cluster.configs[0].with_file_name("app.pem");
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(certificate.with_file_name("app.key"), made.signing_key.serialize_pem()).unwrap();
        for (config, port) in cluster.configs.iter().zip(ports) {
            let text = std::fs::read_to_string(config).unwrap();
            let text = text.replace("listen: {", &format!("listen: {{ https: [\"127.0.0.1:{port}\"],"));
            std::fs::write(config, format!("tls: {{ cert: app.pem, key: app.key }}\n{text}")).unwrap();
        }
        for number in 0..2 {
            let node = cluster.serve(number).await;
            cluster.nodes.push(node);
        }
        Self { tls: connector(&certificate, b"h2"), cluster, ports }
    }

    /// Each kind at each node, over HTTP/1.1 and HTTP/2.
    async fn all_of(&self, token: &str) -> Vec<Stream> {
        let mut all = Vec::new();
        for (node, port) in self.cluster.nodes.iter().zip(self.ports) {
            let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let tls = self.tls.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
            let (send, connection) = h2::client::handshake(tls).await.unwrap();
            tokio::spawn(connection);
            for (method, target) in LASTING {
                all.push(over_http1(node, method, target, token).await);
                all.push(over_http2(send.clone().ready().await.unwrap(), port, method, target, token));
            }
        }
        all
    }
}

async fn over_http1(node: &Gateway, method: &str, target: &str, token: &str) -> Stream {
    let host = node.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host.replace("localhost", "127.0.0.1")).await.unwrap();
    let length = if method == "POST" { "Content-Length: 100000000\r\n" } else { "" };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{length}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let passed = Arc::new(AtomicU64::new(0));
    let hurry = Arc::new(AtomicBool::new(false));
    let (counter, hurries, uploads) = (passed.clone(), hurry.clone(), method == "POST");
    let end = tokio::spawn(async move {
        let (mut reading, mut writing) = stream.into_split();
        let reads = async {
            let mut piece = vec![0; 64 * 1024];
            while reading.read(&mut piece).await.is_ok_and(|read| read > 0) {
                counter.fetch_add(u64::from(!uploads), SeqCst);
                if !hurries.load(SeqCst) {
                    sleep(PACE).await;
                }
            }
        };
        let writes = async {
            while uploads && writing.write_all(PIECE).await.is_ok() {
                counter.fetch_add(1, SeqCst);
                sleep(PACE).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! { () = reads => {}, () = writes => {} }
        None
    });
    Stream { what: format!("{method} {target} at {host} over HTTP/1.1"), passed, hurry, end }
}

fn over_http2(mut send: h2::client::SendRequest<Bytes>, port: u16, method: &str, target: &str, token: &str) -> Stream {
    let request = Request::builder().method(method).uri(format!("https://localhost:{port}{target}"));
    let request = request.header("authorization", format!("Bearer {token}")).body(()).unwrap();
    let uploads = method == "POST";
    let (answer, mut body) = send.send_request(request, !uploads).unwrap();
    let passed = Arc::new(AtomicU64::new(0));
    let hurry = Arc::new(AtomicBool::new(false));
    let (counter, hurries) = (passed.clone(), hurry.clone());
    let end = tokio::spawn(async move {
        let reads = async {
            let mut told = answer.await?.into_body();
            while let Some(piece) = told.data().await.transpose()? {
                let _ = told.flow_control().release_capacity(piece.len());
                counter.fetch_add(u64::from(!uploads), SeqCst);
                if !hurries.load(SeqCst) {
                    sleep(PACE).await;
                }
            }
            Ok(())
        };
        let writes = async {
            while uploads && body.send_data(Bytes::from_static(PIECE), false).is_ok() {
                counter.fetch_add(1, SeqCst);
                sleep(PACE).await;
            }
            std::future::pending::<()>().await;
        };
        let ended: Result<(), h2::Error> = tokio::select! { ended = reads => ended, () = writes => Ok(()) };
        ended.err().and_then(|ended| ended.reason())
    });
    Stream { what: format!("{method} {target} at {port} over HTTP/2"), passed, hurry, end }
}

/// Sees that more passes on each.
async fn go_on(all: &[Stream], when: &str) {
    let before: Vec<u64> = all.iter().map(|one| one.passed.load(SeqCst)).collect();
    let more = async {
        for (one, before) in all.iter().zip(&before) {
            while one.passed.load(SeqCst) < before + 2 {
                assert!(!one.end.is_finished(), "{when}: {} has ended", one.what);
                sleep(PACE).await;
            }
        }
    };
    timeout(PATIENCE, more).await.unwrap_or_else(|_| panic!("{when}: one stands still"));
}

/// All end in that time, those over HTTP/2 by a reset of the stream. What is on its way by then is read first.
async fn end_within(time: Duration, all: Vec<Stream>, when: &str) {
    all.iter().for_each(|one| one.hurry.store(true, SeqCst));
    let ends = async {
        for one in all {
            let reason = one.end.await.unwrap();
            let expected = one.what.ends_with("HTTP/2").then_some(Reason::CANCEL);
            assert_eq!(reason, expected, "{when}: {}", one.what);
        }
    };
    timeout(time, ends).await.unwrap_or_else(|_| panic!("{when}: not all ended in time"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_with_their_session_on_both_nodes_and_nobody_elses_do() {
    let nodes = Nodes::start("").await;
    let (cluster, step) = (&nodes.cluster, totp::step_now());
    let other = cluster.person("other").script(&cluster.nodes[0], step).await;
    let others = nodes.all_of(other.token.as_deref().unwrap()).await;
    for way in ["logout", "revoke", "disable", "groups"] {
        let mut client = cluster.person(way).script(&cluster.nodes[0], step).await;
        let all = nodes.all_of(client.token.as_deref().unwrap()).await;
        go_on(&all, way).await;
        sleep(SECOND).await; // each is known as what lasts by then
        match way {
            "logout" => assert_eq!(client.post_json("/.stepgate/api/v1/logout", &json!({})).await.status, 204),
            "revoke" => assert_eq!(cluster.command(&["session", "revoke", "--user", way]).code, 0),
            "disable" => assert_eq!(cluster.command(&["user", "disable", way]).code, 0),
            _ => assert_eq!(cluster.command(&["user", "set-groups", way, "--group", "staff"]).code, 0),
        }
        end_within(SECOND, all, way).await;
        go_on(&others, way).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_when_their_session_is_too_old_or_other_rules_are_in_force() {
    let nodes = Nodes::start("session: { absolute: 15s }").await;
    let (cluster, step) = (&nodes.cluster, totp::step_now());
    let ann = cluster.person("ann").script(&cluster.nodes[0], step).await;
    let all = nodes.all_of(ann.token.as_deref().unwrap()).await;
    go_on(&all, "before it is too old").await;
    end_within(Duration::from_secs(16), all, "too old").await;
    let bob = cluster.person("bob").script(&cluster.nodes[0], step).await;
    let all = nodes.all_of(bob.token.as_deref().unwrap()).await;
    go_on(&all, "by the rules of the start").await;
    sleep(SECOND).await;
    for (config, node) in cluster.configs.iter().zip(&cluster.nodes) {
        let text = std::fs::read_to_string(config).unwrap();
        let rule = "\n      - { name: all, path: /**, require: two_factor }";
        assert!(text.contains(rule));
        std::fs::write(config, text.replace(rule, "\n      - { name: all, path: /**, access: deny }")).unwrap();
        node.process.signal("HUP");
    }
    end_within(2 * SECOND, all, "other rules").await;
}
