//! A gateway that begins while another one stops.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::support::command::stepgate;
use super::support::gateway::Gateway;
use super::support::port::free_port;
use super::support::process::{Process, wait_until};

/// The same addresses for every process of this configuration, before an app that answers `/slow` when it is released.
struct Place {
    config: PathBuf,
    port: u16,
    admin: u16,
    release: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

fn app(release: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let release = release.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut head = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut head) {
                    while head[..length].starts_with(b"GET /slow") && !release.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, admin, release) = (free_port(), free_port(), Arc::default());
        let config = folder.path().join("stepgate.yaml");
        let text = format!(
            "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\" }}
shutdown_grace: 20s
apps:
  - host: app.test
    upstream: {{ servers: [\"http://{}\"], health: {{ interval: 1h }} }}
    rules: [{{ path: /**, access: public }}]
",
            folder.path().display(),
            app(Arc::clone(&release)),
        );
        std::fs::write(&config, text).unwrap();
        Self { config, port, admin, release, _folder: folder }
    }

    async fn serve(&self) -> Gateway {
        let (url, admin) = (format!("http://127.0.0.1:{}", self.port), format!("http://127.0.0.1:{}", self.admin));
        Gateway::run(&self.config, &url, &admin).await
    }
}

fn begin(config: &Path) -> Process {
    Process::start(stepgate().env("STEPGATE_LOG", "info").arg("run").arg("-c").arg(config))
}

fn get(port: u16, target: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(25)))?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// `first`: the successor is started before the other one is told to stop.
async fn hand_over(first: bool) {
    let place = Place::new();
    let mut old = place.serve().await;
    let port = place.port;
    let slow = std::thread::spawn(move || get(port, "/slow").unwrap());
    let (enough, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (enough, served) = (enough.clone(), served.clone());
            std::thread::spawn(move || {
                let mut lost = Vec::new();
                while !enough.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(2));
                    match get(port, "/quick") {
                        Ok(answer) if answer.starts_with("HTTP/1.1 200") => drop(served.fetch_add(1, Ordering::SeqCst)),
                        other => lost.push(format!("{other:?}")),
                    }
                }
                lost
            })
        })
        .collect();
    wait_until(|| (served.load(Ordering::SeqCst) > 50).then_some(())).unwrap();
    let new = if first {
        let new = begin(&place.config);
        wait_until(|| new.stderr().contains("waiting for it to stop").then_some(())).unwrap();
        old.process.signal("TERM");
        new
    } else {
        old.process.signal("TERM");
        begin(&place.config)
    };
    wait_until(|| new.stderr().contains("serving").then_some(())).unwrap_or_else(|| panic!("{}", new.stderr()));
    let before = served.load(Ordering::SeqCst);
    wait_until(|| (served.load(Ordering::SeqCst) > before + 200).then_some(())).unwrap();
    assert!(!old.process.has_ended(), "it still lets the slow request finish");
    enough.store(true, Ordering::SeqCst);
    let mut lost: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    if !first {
        // Until the successor listens nobody does. But who was let in is served: nothing else is forgiven.
        lost.retain(|answer| !answer.contains("ConnectionRefused"));
    }
    assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), served.load(Ordering::SeqCst));
    place.release.store(true, Ordering::SeqCst);
    assert!(slow.join().unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(old.process.wait(), Some(0), "{}", old.process.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_waits_takes_over_and_no_connection_is_lost() {
    hand_over(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_begins_while_the_other_one_still_lets_requests_finish() {
    hand_over(false).await;
}

/// Fails, and says why so that somebody can do something.
fn refuses(config: &Path, words: &[&str]) {
    let mut process = begin(config);
    assert_eq!(process.wait(), Some(1), "{}", process.stderr());
    let said = process.stderr();
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("serving"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_by_mistake_do_not_share_their_clients() {
    let place = Place::new();
    let gateway = place.serve().await;
    let (process, admin) = (format!("process {}", gateway.process.id()), format!("127.0.0.1:{}", place.admin));
    refuses(&place.config, &[&admin, "address in use", "another gateway", &process]);
    // Nor do two with admin addresses of their own, or without one.
    let text = std::fs::read_to_string(&place.config).unwrap();
    let other = place.config.with_file_name("other.yaml");
    let client = format!("127.0.0.1:{}", place.port);
    for own in [format!(", admin: \"127.0.0.1:{}\"", free_port()), String::new()] {
        std::fs::write(&other, text.replace(&format!(", admin: \"{admin}\""), &own)).unwrap();
        refuses(&other, &[&client, "in use", "ss -ltnp"]);
    }
    assert!(get(place.port, "/quick").unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn an_address_that_a_foreign_program_holds_is_named() {
    let place = Place::new();
    for port in [place.port, place.admin] {
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        refuses(&place.config, &[&format!("cannot listen on 127.0.0.1:{port}"), "in use", "ss -ltnp"]);
    }
}
