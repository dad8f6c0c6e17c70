//! An event stream ends with the session it was permitted to, as the operator and its owner end it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::clients::Client;
use super::support::command::{run, run_with};
use super::support::gateway::Gateway;
use super::support::port::free_port;

const PASSWORD: &str = "quite a long password";

/// An app that tells an event twice a second.
fn events() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut stream = stream?;
                if stream.read(&mut [0; 4096])? == 0 {
                    return Ok(());
                }
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
                )?;
                loop {
                    stream.write_all(b"9\r\ndata: 1\n\n\r\n")?;
                    std::thread::sleep(Duration::from_millis(500));
                }
            });
        }
    });
    address
}

/// What is read of a stream until it ends.
#[expect(clippy::disallowed_methods, reason = "how long a real gateway takes is what is asked here")]
fn end_of(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    while start.elapsed() < Duration::from_secs(10) {
        match stream.read(&mut [0; 4096]) {
            Ok(0) => break,
            Ok(_) => {}
            Err(cause) => {
                assert_ne!(cause.kind(), std::io::ErrorKind::WouldBlock, "neither events nor an end");
                break;
            }
        }
    }
    start.elapsed()
}

#[tokio::test]
async fn an_event_stream_ends_with_the_account_that_is_disabled_and_with_the_session_that_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (port, admin) = (free_port(), free_port());
    let config = folder.path().join("stepgate.yaml");
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\" }}
shutdown_grace: 1s
apps:
  - host: localhost
    upstream: http://{}
    rules: [{{ path: /**, require: one_factor }}]
",
        folder.path().display(),
        events()
    );
    std::fs::write(&config, text).unwrap();
    let file = config.to_str().unwrap();
    for name in ["ann", "bob"] {
        let added = run_with(&["user", "add", name, "-c", file, "--password-stdin"], PASSWORD.as_bytes());
        assert_eq!(added.code, 0, "{}", added.stderr);
    }
    let url = format!("http://localhost:{port}");
    let gateway = Gateway::run(&config, &url, &format!("http://127.0.0.1:{admin}")).await;
    let mut open = Vec::new();
    for name in ["ann", "bob", "bob"] {
        let mut api: Client = gateway.api_client();
        let login = api.post_json("/.stepgate/api/v1/login", &json!({ "username": name, "password": PASSWORD })).await;
        let token = login.json()["access_token"].as_str().expect(&login.body).to_owned();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET /e HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n\r\n").unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        api.token = Some(token);
        open.push((api, stream));
    }
    let (_, anns) = open.remove(0);
    assert_eq!(run(&["user", "disable", "ann", "-c", file]).code, 0);
    let (mut bob, bobs) = open.remove(0);
    assert_eq!(bob.post_json("/.stepgate/api/v1/logout", &json!({})).await.status, 204);
    for (whose, stream) in [("ann", anns), ("bob", bobs)] {
        let took = end_of(stream);
        assert!(took < Duration::from_secs(6), "{whose}: {took:?}");
    }
    // His other session goes on.
    let (_, mut other) = open.remove(0);
    other.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    while other.read(&mut [0; 4096]).unwrap() == 4096 {}
    assert!(other.read(&mut [0; 4096]).unwrap() > 0);
}
