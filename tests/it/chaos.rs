//! Clients that cut their requests short, spoil a byte, send the next one too early, and leave when and how they like.
//! None of this is a fault of the gateway's: nothing is logged as one, nothing stays open, and everybody else is served.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::support::gateway::Gateway;
use super::support::process::wait_until;
use super::support::totp;

const THREADS: u32 = 4;
const CLIENTS: u32 = 100;
/// How long a client waits for a word before it goes on with whatever it does.
const GLANCE: Duration = Duration::from_millis(50);

/// One request and what a client does with it.
#[derive(Clone, Debug)]
struct Act {
    request: Vec<u8>,
    /// How much of it is sent, in thousandths.
    sent: usize,
    /// Where a byte is spoilt, and into what.
    spoilt: Option<(prop::sample::Index, u8)>,
    /// How much of the answer is looked at.
    read: usize,
}

#[derive(Clone, Copy, Debug)]
enum Leave {
    Closing,
    HalfClosing,
    /// With unread bytes in the socket, which resets the connection.
    Resetting,
}

fn request(host: String, token: String) -> impl Strategy<Value = Vec<u8>> {
    let paths = ["/", "/echo", "/public/echo", "/form", "/admin/", "/.stepgate/login", "/.stepgate/api/v1/login"];
    let credentials = [
        String::new(),
        format!("Cookie: __Host-stepgate={token}; a=b\r\n"),
        format!("Authorization: Bearer {token}\r\n"),
    ];
    let body = select(vec![0_usize, 1, 1000, 70_000, 300_000]);
    (0..6, select(paths.to_vec()), select(credentials.to_vec()), body).prop_map(move |(kind, path, who, length)| {
        let head = format!("{path} HTTP/1.1\r\nHost: {host}\r\n{who}");
        let body = "x".repeat(length);
        match kind {
            0 => format!("GET {head}Accept: text/html\r\n\r\n"),
            1 => format!("HEAD {head}\r\n"),
            2 => format!("POST {head}Sec-Fetch-Site: same-origin\r\nContent-Length: {length}\r\n\r\n{body}"),
            3 if length > 0 => {
                format!("POST {head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
            }
            3 => format!("POST {head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            4 => format!("PUT {head}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{body}"),
            _ => format!(
                "GET {head}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ),
        }
        .into_bytes()
    })
}

fn visit(host: String, token: String) -> impl Strategy<Value = (Vec<Act>, Leave)> {
    let sent = prop_oneof![Just(1000_usize), 0_usize..1000];
    let spoilt = prop::option::weighted(0.2, any::<(prop::sample::Index, u8)>());
    let act = (request(host, token), sent, spoilt, select(vec![0_usize, 1, 100, 64 * 1024]));
    let act = act.prop_map(|(request, sent, spoilt, read)| Act { request, sent, spoilt, read });
    (prop::collection::vec(act, 1..4), select(vec![Leave::Closing, Leave::HalfClosing, Leave::Resetting]))
}

fn play(address: &str, acts: &[Act], leave: Leave) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(GLANCE)).unwrap();
    for act in acts {
        let mut bytes = act.request.clone();
        if let Some((at, into)) = act.spoilt {
            let at = at.index(bytes.len().min(300));
            bytes[at] = into;
        }
        bytes.truncate(bytes.len() * act.sent / 1000);
        // Whoever was heard enough of may be cut off; so may who does not read.
        if stream.write_all(&bytes).is_err() {
            return;
        }
        let _ = stream.read(&mut vec![0; act.read]);
    }
    match leave {
        Leave::Closing => {}
        Leave::HalfClosing => {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read(&mut [0; 100]);
        }
        Leave::Resetting => {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
            let _ = stream.peek(&mut [0]);
        }
    }
}

#[tokio::test]
async fn what_clients_do_is_no_fault_of_ours_and_holds_nobody_else_up() {
    let gateway = Gateway::telling_demo();
    let (password, secret) = gateway.user("ann");
    let mut api = gateway.api_client();
    let login = json!({ "username": "ann", "password": password, "otp": totp::code(&secret.unwrap()) });
    let login = api.post_json("/.stepgate/api/v1/login", &login).await.json();
    let token = login["access_token"].as_str().unwrap();
    let address = gateway.url.trim_start_matches("http://");
    let open = || std::fs::read_dir(format!("/proc/{}/fd", gateway.process.id())).unwrap().count();
    let before = open();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let config = Config { cases: CLIENTS, failure_persistence: None, ..Config::default() };
                let visits = visit(address.to_owned(), token.to_owned());
                let played = TestRunner::new(config).run(&visits, |(acts, leave)| {
                    play(address, &acts, leave);
                    Ok(())
                });
                played.unwrap();
            });
        }
    });
    api.token = Some(token.to_owned());
    assert_eq!(api.get("/echo").await.status, 200);
    // A few connections to the app are kept for the next.
    let closed = wait_until(|| (open() <= before + 16).then_some(()));
    assert!(closed.is_some(), "{before} files before, {} after", open());
    let log = gateway.process.stderr();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().filter(|line| line["target"] == "access").count() > 100, "{}", lines.len());
    for line in lines {
        assert!(line["level"] != "ERROR" && line["reason"] != "internal", "{line}");
    }
}
