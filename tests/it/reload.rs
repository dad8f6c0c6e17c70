//! SIGHUP while requests are at work: a file is in force whole or not at all, and nobody notices but the operator.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use data_encoding::BASE64;

use super::support::front::{Front, ask, get};
use super::support::gateway::Gateway;
use super::support::port::free_port;
use super::support::process::wait_until;
use super::support::raw::{Answer, Wire};

const REQUESTS: usize = 10_000;
const RELOADS: usize = 50;

/// Answers with the head that it got; `/events` tells an event for every line that comes over the channel of the test.
fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            let count = stream.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            head.extend_from_slice(&piece[..count]);
        }
        if head.starts_with(b"GET /events") {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
            )?;
            loop {
                stream.write_all(b"9\r\ndata: 1\n\n\r\n")?;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        }
        if head.starts_with(b"GET /ws") {
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")?;
            loop {
                let count = stream.read(&mut piece)?;
                if count == 0 {
                    return Ok(());
                }
                stream.write_all(&piece[..count])?;
            }
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", head.len())?;
        stream.write_all(&head)?;
        head.clear();
    }
}

/// A gateway whose file is written anew.
struct Rewritten {
    gateway: Gateway,
    config: PathBuf,
    listen: String,
    app: std::net::SocketAddr,
    folder: tempfile::TempDir,
    reloads: usize,
}

impl Rewritten {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, admin) = (free_port(), free_port());
        let listen = format!("{{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}");
        let (app, config) = (echo(), folder.path().join("stepgate.yaml"));
        std::fs::write(&config, text(&listen, folder.path(), app, "m0", "")).unwrap();
        let (url, admin) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{admin}"));
        let gateway = Gateway::run(&config, &url, &admin).await;
        Self { gateway, config, listen, app, folder, reloads: 0 }
    }

    fn text(&self, mark: &str, more: &str) -> String {
        text(&self.listen, self.folder.path(), self.app, mark, more)
    }

    /// Writes this file, asks for a reload and waits for what comes of it: whether it is in force.
    fn reload(&mut self, text: &str) -> bool {
        std::fs::write(&self.config, text).unwrap();
        let before = self.outcomes();
        self.gateway.process.signal("HUP");
        let outcome = wait_until(|| {
            assert!(!self.gateway.process.has_ended(), "{}", self.tail());
            self.outcomes().get(before.len()).copied()
        });
        self.reloads += 1;
        outcome.unwrap_or_else(|| panic!("nothing came of it: {}", self.tail()))
    }

    /// What came of each reload so far.
    fn outcomes(&self) -> Vec<bool> {
        let said = self.gateway.process.stderr();
        let lines = said.lines().filter(|line| line.contains("\"config\""));
        lines
            .filter_map(|line| match line {
                _ if line.contains("not reloaded: ") => Some(false),
                _ if line.contains("\"reloaded: ") => Some(true),
                _ => None,
            })
            .collect()
    }

    fn tail(&self) -> String {
        let said = self.gateway.process.stderr();
        said.lines().rev().take(20).collect::<Vec<_>>().join("\n")
    }

    fn get(&self, target: &str) -> Answer {
        request(&mut Wire::to(&self.gateway.url), target)
    }

    fn metric(&self, name: &str) -> Option<String> {
        let metrics = self.metrics();
        metrics.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    }

    fn metrics(&self) -> String {
        let answer = Wire::to(&self.gateway.admin_url)
            .send(b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
        String::from_utf8(answer.body).unwrap()
    }
}

/// A file with a mark in the names of its rules, in the words of its pages and in a header that the app gets.
fn text(listen: &str, folder: &std::path::Path, app: std::net::SocketAddr, mark: &str, more: &str) -> String {
    format!(
        "listen: {listen}
users: {{ database: \"sqlite://{}/users.db\" }}
portal: {{ name: \"Org {mark}.\" }}
shutdown_grace: 1s
{more}
apps:
  - host: app.test
    upstream: {{ servers: [\"http://{app}\"], health: {{ interval: 1h }}, host_header: {mark}.internal }}
    rules:
      - {{ name: shut-{mark}, path: /shut/**, access: deny, explanation: \"Why {mark}.\", remediation: \"Ask {mark}.\" }}
      - {{ name: open-{mark}, path: /**, access: public }}
",
        folder.display()
    )
}

fn request(wire: &mut Wire, target: &str) -> Answer {
    let head = format!("GET {target} HTTP/1.1\r\nHost: app.test\r\nAccept: text/html\r\n\r\n");
    wire.send(head.as_bytes())
}

/// `mN` after a word.
fn mark_after(text: &str, word: &str) -> Option<String> {
    let rest = text.split_once(word)?.1;
    Some(rest.chars().take_while(char::is_ascii_alphanumeric).collect())
}

/// The request's id and the mark that its answer bears; panics if it bears two.
fn read(answer: &Answer, target: &str) -> (String, String) {
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    if target.starts_with("/shut") {
        assert_eq!(answer.status, 403, "{body}");
        let marks = ["Org ", "Ask "].map(|word| mark_after(&body, word).unwrap_or_else(|| panic!("{word}: {body}")));
        assert_eq!(marks[0], marks[1], "one page, two files");
        let [mark, _] = marks;
        return (answer.field("x-request-id").to_owned(), mark);
    }
    assert_eq!(answer.status, 200, "{body}");
    let field = |name: &str| {
        let mut fields = body.lines().filter_map(|line| line.split_once(':'));
        fields
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .unwrap_or_else(|| panic!("{name}: {body}"))
            .1
            .trim()
            .to_owned()
    };
    let mark = field("host").trim_end_matches(".internal").to_owned();
    (field("x-request-id"), mark)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_and_no_answer_mixes_two_files_over_fifty_reloads() {
    let mut gateway = Rewritten::start().await;
    let (asked, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let marks: HashMap<String, String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let url = gateway.gateway.url.clone();
                let (asked, over) = (&asked, &over);
                scope.spawn(move || {
                    let (mut wire, mut seen) = (Wire::to(&url), Vec::new());
                    while !over.load(Ordering::SeqCst) || asked.load(Ordering::SeqCst) < REQUESTS {
                        let number = asked.fetch_add(1, Ordering::SeqCst);
                        let target = if number % 3 == 0 { "/shut/x" } else { "/open/x" };
                        seen.push(read(&request(&mut wire, target), target));
                    }
                    seen
                })
            })
            .collect();
        for number in 1..=RELOADS {
            // Every reload among requests.
            let until = asked.load(Ordering::SeqCst) + 100;
            wait_until(|| (asked.load(Ordering::SeqCst) > until).then_some(())).unwrap();
            let good = gateway.text(&format!("m{number}"), "");
            let (text, expected) = match number % 6 {
                1 => (good.replace("apps:", "appz:"), false),
                4 => (format!("{good}  - [}}\n"), false),
                _ => (good, true),
            };
            assert_eq!(gateway.reload(&text), expected, "{number}: {}", gateway.tail());
            assert_eq!(gateway.metric("stepgate_config_last_reload_successful "), Some(u8::from(expected).to_string()));
        }
        over.store(true, Ordering::SeqCst);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(marks.len() >= REQUESTS, "{}", marks.len());
    let distinct: std::collections::HashSet<&String> = marks.values().collect();
    assert!(distinct.len() > RELOADS / 2, "{distinct:?}");
    // What the log calls the rule is of the same file as what the answer bears.
    gateway.gateway.process.signal("TERM");
    assert_eq!(gateway.gateway.process.wait(), Some(0));
    let mut compared = 0;
    wait_until(|| gateway.gateway.process.stderr().contains("stopping").then_some(()));
    for line in gateway.gateway.process.stderr().lines().filter(|line| line.contains("\"access\"")) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(mark) = line["request_id"].as_str().and_then(|id| marks.get(id)) else { continue };
        let rule = line["rule"].as_str().unwrap();
        assert_eq!(rule.split_once('-').unwrap().1, mark, "{line}");
        compared += 1;
    }
    assert!(compared >= REQUESTS, "{compared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_with_its_place_and_what_needs_a_restart_by_its_name() {
    let mut gateway = Rewritten::start().await;
    let bad = gateway.text("m1", "").replace("access: public", "acces: public");
    assert!(!gateway.reload(&bad));
    let said = gateway.gateway.process.stderr();
    let (line, column) = bad.lines().enumerate().find_map(|(n, l)| l.find("acces:").map(|c| (n + 1, c + 1))).unwrap();
    let place = format!("{}:{line}:{column}: error: ", gateway.config.display());
    assert!(said.contains(&place), "{place}: {said}");
    assert_eq!(read(&gateway.get("/open/x"), "/open/x").1, "m0", "what was in force stays in force");
    // A file that has gone, and one that says nothing.
    std::fs::rename(&gateway.config, gateway.config.with_extension("away")).unwrap();
    gateway.gateway.process.signal("HUP");
    wait_until(|| gateway.gateway.process.stderr().contains("there is no such file").then_some(())).unwrap();
    // One that is a pipe to which nobody writes.
    let made = std::process::Command::new("mkfifo").arg(&gateway.config).status().unwrap();
    assert!(made.success());
    gateway.gateway.process.signal("HUP");
    wait_until(|| gateway.gateway.process.stderr().contains("not a regular file").then_some(())).expect("refused");
    std::fs::remove_file(&gateway.config).unwrap();
    assert!(!gateway.reload(""));
    let port = free_port();
    let folder = gateway.folder.path().display().to_string();
    let key = gateway.folder.path().join("other.key");
    std::fs::write(&key, format!("{}\n", BASE64.encode(&[7; 32]))).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (secrets, listen) = (format!("secrets: {{ key_file: {} }}", key.display()), gateway.listen.clone());
    let admin = listen.split_once("admin").unwrap().1;
    for (number, (key, more, from, to)) in [
        ("listen", "", listen.as_str(), format!("{{ plain: [\"127.0.0.1:{port}\"], admin{admin}")),
        ("users.database", "", "/users.db", "/others.db".to_owned()),
        ("state", "state: redis://127.0.0.1:1", "", String::new()),
        ("secrets", secrets.as_str(), "", String::new()),
    ]
    .into_iter()
    .enumerate()
    {
        let mark = format!("m{}", number + 10);
        let text = gateway.text(&mark, more);
        let text = if from.is_empty() { text } else { text.replace(from, &to) };
        assert!(gateway.reload(&text), "{key}: {}", gateway.tail());
        let said = gateway.gateway.process.stderr();
        let named: Vec<&str> = said.lines().filter(|line| line.contains("needs a restart")).collect();
        assert_eq!(named.len(), number + 1, "{key}: {named:?}");
        assert!(named[number].contains(&format!("\"key\":\"{key}\"")), "{key}: {named:?}");
        assert_eq!(read(&gateway.get("/open/x"), "/open/x").1, mark, "all else is in force");
    }
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!std::path::Path::new(&format!("{folder}/others.db")).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reloads_asked_for_at_once_are_few_and_signals_that_ask_for_nothing_end_nothing() {
    let mut gateway = Rewritten::start().await;
    std::fs::write(&gateway.config, gateway.text("m1", "")).unwrap();
    for _ in 0..100 {
        gateway.gateway.process.signal("HUP");
    }
    for signal in ["USR1", "USR2", "QUIT"] {
        gateway.gateway.process.signal(signal);
        let line = format!("\"signal\":\"SIG{signal}\"");
        wait_until(|| gateway.gateway.process.stderr().contains(&line).then_some(())).expect(signal);
    }
    let text = gateway.text("m2", "");
    assert!(gateway.reload(&text));
    wait_until(|| (read(&gateway.get("/open/x"), "/open/x").1 == "m2").then_some(())).unwrap();
    assert!(gateway.outcomes().len() < 100 && !gateway.gateway.process.has_ended());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_tunnels_go_on_over_reloads_and_connections_see_the_next_file() {
    let mut gateway = Rewritten::start().await;
    let open = |target: &str, more: &str| {
        let mut stream = TcpStream::connect(gateway.gateway.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: app.test\r\n{more}\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        (stream, String::from_utf8(head).unwrap())
    };
    let (mut events, head) = open("/events", "");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let (mut tunnel, head) = open("/ws", upgrade);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let mut kept = Wire::to(&gateway.gateway.url);
    for number in 1..=5 {
        let mark = format!("m{number}");
        // The last one has another app's address and no rule that would let the stream begin.
        let text = gateway.text(&mark, "");
        let text = if number == 5 {
            text.replace("path: /**, access: public", "path: /open/**, access: public")
        } else {
            text
        };
        let text = if number == 4 { text.replace("interval: 1h", "interval: 2h") } else { text };
        assert!(gateway.reload(&text), "{}", gateway.tail());
        assert_eq!(read(&request(&mut kept, "/open/x"), "/open/x").1, mark);
        let frame = [0x81, 0x85, 0, 0, 0, 0, b'h', b'e', b'l', b'l', b'0' + number];
        tunnel.write_all(&frame).unwrap();
        let mut back = [0; 11];
        tunnel.read_exact(&mut back).unwrap();
        assert_eq!(back, frame);
        // What is there by now, and what comes after it.
        for _ in 0..3 {
            assert!(events.read(&mut [0; 4096]).unwrap() > 0);
        }
    }
    assert_eq!(gateway.get("/events").status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_and_certificates_follow_a_reload_and_memory_does_not_grow() {
    let front = Front::start("").await;
    let connection = front.h2().await;
    assert_eq!(ask(&connection, get("/x")).await.unwrap().status, 200);
    let text = std::fs::read_to_string(&front.config).unwrap();
    let reloads = || {
        let said = front.gateway.process.stderr();
        said.lines().filter(|line| line.contains("\"reloaded: ")).count()
    };
    let reload = |text: &str| {
        std::fs::write(&front.config, text).unwrap();
        let before = reloads();
        front.gateway.process.signal("HUP");
        wait_until(|| (reloads() > before).then_some(())).expect("a reload");
    };
    reload(&text.replace("name: all, path: /**, access: public", "name: all, path: /**, access: deny"));
    assert_eq!(ask(&connection, get("/x")).await.unwrap().status, 403, "the same connection, the next file");
    let named = |number: usize| {
        text.replace("name: all", &format!("name: all-{number}")).replace("read_timeout: 1h", "read_timeout: 2h")
    };
    (0..20).for_each(|number| reload(&named(number)));
    let before = front.resident();
    (20..220).for_each(|number| reload(&named(number)));
    let after = front.resident();
    assert!(after < before + 16, "{before} MiB became {after}");
    let metrics = front.metrics().await;
    assert!(metrics.contains("all-219") && !metrics.contains("all-218"), "rules that have gone are counted no more");
    assert_eq!(ask(&connection, get("/x")).await.unwrap().status, 200);
}
