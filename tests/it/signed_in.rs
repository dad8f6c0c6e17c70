//! An app that signs connections in by NTLM, through the built binary: what one person's connection is signed in for is not
//! served to another, also where a proxy in front carries both over one connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::support::command::run_with;
use super::support::gateway::Gateway;
use super::support::port::free_port;
use super::support::process::PATIENCE;
use super::support::small::PASSWORD;

/// Answers with the number of the connection and for whom it is signed in.
async fn app() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let opened = Arc::new(AtomicUsize::new(0));
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(BufStream::new(stream), opened.fetch_add(1, Ordering::SeqCst)));
        }
    });
    address
}

async fn serve(mut stream: BufStream<TcpStream>, number: usize) -> Option<()> {
    let (mut who, mut challenged) = (String::new(), false);
    loop {
        let head = head(&mut stream).await?;
        let proof = head.lines().find_map(|line| line.strip_prefix("Authorization: NTLM ")).unwrap_or_default();
        if let Some(name) = proof.strip_prefix("T3-").filter(|_| challenged) {
            name.clone_into(&mut who);
        }
        challenged = proof == "T1";
        let status = match (who.is_empty(), challenged) {
            (false, _) => "200 OK",
            (true, true) => "401 Unauthorized\r\nWWW-Authenticate: NTLM TOKEN",
            (true, false) => "401 Unauthorized\r\nWWW-Authenticate: NTLM",
        };
        let told = format!("{number} {who}");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{told}", told.len());
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
    }
}

async fn head(stream: &mut BufStream<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        (stream.read_until(b'\n', &mut head).await.ok()? > 0).then_some(())?;
    }
    String::from_utf8(head).ok()
}

/// A connection from somewhere, and the port that it goes to.
struct Wire(BufStream<TcpStream>, u16);

impl Wire {
    async fn from(address: [u8; 4], port: u16) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        Self(BufStream::new(socket.connect(([127, 0, 0, 1], port).into()).await.unwrap()), port)
    }

    /// Asks in a session; gives the status and what the app said.
    async fn ask(&mut self, method: &str, session: &str, proof: &str) -> (u16, String) {
        let proof = if proof.is_empty() { String::new() } else { format!("Authorization: NTLM {proof}\r\n") };
        let body = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
        let request = format!(
            "{method} /x HTTP/1.1\r\nHost: localhost:{}\r\nX-Forwarded-Proto: http\r\nCookie: __Host-stepgate={session}\r\n\
             {proof}{body}\r\n",
            self.1
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
        let head = tokio::time::timeout(PATIENCE, head(&mut self.0)).await.unwrap().expect("an answer");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut said = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut said).await.unwrap();
        (status, String::from_utf8(said).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_served_as_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (port, admin) = (free_port(), free_port());
    let config = folder.path().join("stepgate.yaml");
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\", password: {{ memory: 8MiB, iterations: 1 }} }}
trusted_proxies: [127.0.0.2/32]
shutdown_grace: 1s
apps:
  - {{ host: localhost, upstream: \"http://{}\", rules: [ {{ path: /**, require: one_factor }} ] }}
",
        folder.path().display(),
        app().await
    );
    std::fs::write(&config, text).unwrap();
    for name in ["ann", "bob"] {
        let command = ["user", "add", name, "-c", &config.display().to_string(), "--password-stdin"];
        assert_eq!(run_with(&command, format!("{PASSWORD}\n").as_bytes()).code, 0);
    }
    let gateway =
        Gateway::run(&config, &format!("http://localhost:{port}"), &format!("http://127.0.0.1:{admin}")).await;
    let mut sessions = Vec::new();
    for name in ["ann", "bob"] {
        let mut browser = gateway.browser();
        browser.sign_in("/x", name, PASSWORD, None).await;
        sessions.push(browser.cookie("__Host-stepgate").expect("a session").to_owned());
    }
    let [ann, bob] = sessions.as_slice() else { panic!("two sessions") };
    for (from, method) in [([127, 0, 0, 1], "GET"), ([127, 0, 0, 1], "POST"), ([127, 0, 0, 2], "GET")] {
        let mut wire = Wire::from(from, port).await;
        assert_eq!(wire.ask(method, ann, "").await.0, 401);
        assert_eq!(wire.ask(method, ann, "T1").await.0, 401);
        let (status, signed_in) = wire.ask(method, ann, "T3-ann").await;
        assert!(status == 200 && signed_in.ends_with(" ann"), "{status} {signed_in}");
        for method in ["GET", "POST", "GET"] {
            // Somebody else over the same connection, and over another one.
            let mut other = Wire::from([127, 0, 0, 1], port).await;
            for (status, said) in [wire.ask(method, bob, "").await, other.ask(method, bob, "").await] {
                assert!(status == 401 && said.ends_with(' '), "{method}: {status} {said}");
            }
            assert_eq!(wire.ask(method, ann, "").await, (200, signed_in.clone()), "{method}");
        }
    }
}
