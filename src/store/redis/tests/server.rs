//! A real redis-server in a directory of its own, and a proxy that can hang.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::store::contract::port::free_port;

pub(super) struct Server {
    pub(super) port: u16,
    pub(super) dir: tempfile::TempDir,
    args: Vec<String>,
    child: Child,
}

impl Server {
    pub(super) fn start(extra: &[&str]) -> Self {
        let port = free_port();
        let mut args = vec!["--port".to_owned(), port.to_string()];
        args.extend(extra.iter().map(|a| (*a).to_owned()));
        Self::run(port, tempfile::tempdir().unwrap(), args)
    }

    pub(super) fn start_tls() -> Self {
        let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let key = rcgen::KeyPair::generate().unwrap();
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let leaf =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let file = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let args = [
            ("--port", "0".to_owned()),
            ("--tls-port", port.to_string()),
            ("--tls-auth-clients", "no".to_owned()),
            ("--tls-ca-cert-file", file("ca.pem", ca_pem)),
            ("--tls-cert-file", file("cert.pem", leaf.pem())),
            ("--tls-key-file", file("key.pem", key.serialize_pem())),
        ];
        let args = args.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
        Self::run(port, dir, args)
    }

    fn run(port: u16, dir: tempfile::TempDir, args: Vec<String>) -> Self {
        let child = spawn(&dir, &args);
        let server = Self { port, dir, args, child };
        server.ready();
        server
    }

    /// Accepts connections; polled, with a deadline.
    fn ready(&self) {
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not start");
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn restart(&mut self) {
        self.child = spawn(&self.dir, &self.args);
        self.ready();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &tempfile::TempDir, args: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(dir.path())
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Polls until `done`, at most `millis`.
pub(super) async fn until(millis: u64, done: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_millis(millis);
    while !done().await {
        assert!(Instant::now() < deadline, "not within {millis} ms");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Passes bytes on to a port, or holds them while it stalls. Connections stay open.
pub(super) struct StallingProxy {
    pub(super) port: u16,
    stalled: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl StallingProxy {
    pub(super) async fn start(to: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stalled, held) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                let (down, _) = listener.accept().await.unwrap();
                let up = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let ((dr, dw), (ur, uw)) = (down.into_split(), up.into_split());
                tokio::spawn(pass(dr, uw, held.clone()));
                tokio::spawn(pass(ur, dw, held.clone()));
            }
        });
        Self { port, stalled, task }
    }

    pub(super) fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }
}

impl Drop for StallingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut held: watch::Receiver<bool>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = [0; 4096];
    while let Ok(n) = from.read(&mut buffer).await {
        if n == 0 || held.wait_for(|stalled| !stalled).await.is_err() || to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}
