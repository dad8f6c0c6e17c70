//! The short way beside Pingora's: nobody can tell which one a request took, neither the client nor the app.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::rig::*;
use super::secure::behind_tls;
use crate::proxy::settings::ProxySettings;

/// A matter of one hop: it stays with us, and makes a request take Pingora's way.
pub(super) const THE_LONG_WAY: &str = "Proxy-Connection: keep-alive\r\n";

/// What an app says, cut into pieces, and whether it hangs up then.
#[derive(Clone, Debug)]
struct Reply {
    pieces: Vec<String>,
    hangs_up: bool,
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{1,9}", "[a-z]{5000}", "[a-z]{70000}"]
}

fn chunked(body: &str, size: usize) -> String {
    let chunk = |piece: &[u8]| format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece));
    body.as_bytes().chunks(size).map(chunk).chain(["0\r\n\r\n".to_owned()]).collect()
}

/// A framing and the bytes that follow the head, some of it wrong; and whether it ends without the connection.
fn framed() -> impl Strategy<Value = (String, bool)> {
    (body(), 0..9_u8, 1..3000_usize).prop_map(|(body, kind, size)| {
        let framed = match kind {
            0..=2 => format!("Content-Length: {}\r\n\r\n{body}", body.len()),
            3..=4 => format!("Transfer-Encoding: chunked\r\n\r\n{}", chunked(&body, size)),
            5 => format!("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunked(&body, size)),
            6 => format!("\r\n{body}"),
            7 => format!("Content-Length: {}\r\n\r\n{body}", body.len() + 3),
            _ => format!("Transfer-Encoding: chunked\r\n\r\n{}", chunked(&body, size).trim_end_matches("0\r\n\r\n")),
        };
        (framed, kind < 6)
    })
}

fn reply() -> impl Strategy<Value = Reply> {
    let early = prop_oneof![
        4 => Just(""),
        1 => Just("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        1 => Just("HTTP/1.1 100 Continue\r\n\r\n"),
    ];
    let status = prop_oneof![
        6 => Just("200 OK"),
        1 => Just("204 No Content"),
        1 => Just("304 Not Modified"),
        1 => Just("404 Nothing Here"),
        1 => Just("500 Oh"),
        1 => Just("101 Switching Protocols"),
        1 => Just("999 What"),
    ];
    let fields = proptest::sample::subsequence(
        vec![
            "Connection: keep-alive\r\n",
            "Connection: close\r\n",
            "Connection: X-Hop\r\nX-Hop: 1\r\n",
            "Set-Cookie: __Host-stepgate=planted\r\n",
            "set-cookie: sid=1\r\n",
            "X-Stepgate-Response: login\r\n",
            "X-ODD-case: Kept\r\n",
            "Upgrade: h2c\r\n",
            "Location: http://app.test/x\r\n",
            "Set-Cookie: a=1; Domain=127.0.0.1\r\n",
            "X-Accel-Redirect: /x\r\n",
            "Content-Type: text/html\r\n",
        ],
        0..6,
    );
    let version = prop_oneof![5 => Just("1.1"), 1 => Just("1.0")];
    let head = (early, version, status, fields)
        .prop_map(|(early, version, status, fields)| format!("{early}HTTP/{version} {status}\r\n{}", fields.concat()));
    (head, framed(), proptest::collection::vec(any::<prop::sample::Index>(), 0..4), any::<bool>()).prop_map(
        |(head, (rest, ends), cuts, hangs_up)| {
            let all = format!("{head}{rest}");
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len())).collect();
            cuts.extend([0, all.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| all[pair[0]..pair[1]].to_owned()).collect();
            // What HTTP/1.0 says in chunks is read in more than one way.
            Reply { pieces, hangs_up: hangs_up || !ends || head.contains("HTTP/1.0") }
        },
    )
}

/// Serves whatever is in `said`, and writes down what it was asked.
async fn speak(mut stream: impl AsyncRead + AsyncWrite + Unpin, said: Arc<Mutex<Reply>>, heard: Heard) {
    loop {
        let mut asked = head(&mut stream).await;
        if asked.is_empty() {
            return;
        }
        let length = field(&asked, "content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        within(stream.read_exact(&mut body)).await.unwrap();
        asked.push_str(std::str::from_utf8(&body).unwrap());
        heard.lock().unwrap().push(asked);
        let reply = said.lock().unwrap().clone();
        for piece in &reply.pieces {
            if stream.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
            let _ = stream.flush().await;
            tokio::task::yield_now().await;
        }
        if reply.hangs_up {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// A request without its `Host`, and its body.
#[derive(Clone, Debug)]
struct Question {
    method: &'static str,
    fields: String,
    body: String,
}

const GET: Question = Question { method: "GET", fields: String::new(), body: String::new() };

fn question() -> impl Strategy<Value = Question> {
    let method = proptest::sample::select(vec!["GET", "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS"]);
    let body = prop_oneof![Just(String::new()), "[a-z]{1,9}", "[a-z]{16384}", "[a-z]{16385}"];
    let fields = proptest::sample::subsequence(vec!["TE: trailers\r\n", "Accept: */*\r\n", "cookie: a=1\r\n"], 0..3);
    (method, fields, body, any::<bool>()).prop_map(|(method, fields, body, told)| {
        let mut fields = fields.concat();
        if told || !body.is_empty() {
            fields.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        Question { method, fields, body }
    })
}

/// What the app was asked, but for fields that may differ, and for how and in which order it was written.
fn same(asked: &str, may_differ: &[&str]) -> (String, Vec<String>, String) {
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let first = lines.next().unwrap().to_owned();
    let line = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        let name = name.to_lowercase();
        (!may_differ.contains(&name.as_str())).then(|| format!("{name}: {value}"))
    };
    let mut fields: Vec<_> = lines.filter_map(line).collect();
    fields.sort();
    (first, fields, body.to_owned())
}

/// All that a client gets, but for its request's id and the time.
async fn told(rig: &Rig, Question { method, fields, body }: &Question, more: &str) -> String {
    let mut stream = rig.connect().await;
    let head = format!("{method} /x HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n{fields}{more}\r\n{body}");
    say(&mut stream, &head).await;
    let mut all = Vec::new();
    // What is cut ends with an error for some, which is as good an end.
    let _ = within(stream.read_to_end(&mut all)).await;
    let mut all = String::from_utf8(all).unwrap();
    if let Some(date) = field(&all, "date") {
        all = all.replace(&date, "DATE");
    }
    match field(&all, "x-request-id") {
        Some(id) => all.replace(&id, "ID"),
        None => all,
    }
}

/// The head and the body without its chunks: where those are cut depends on the moment.
fn read(all: &str) -> (String, String, bool) {
    let (mut before, mut rest) = (String::new(), all);
    while let Some((head, after)) = rest.split_once("\r\n\r\n") {
        if head.contains("x-stepgate-response: error") {
            before.clear(); // hints that came together with what was wrong are not always passed on
        }
        before.push_str(head);
        rest = after;
        if !head.starts_with("HTTP/1.1 1") {
            break;
        }
    }
    if !before.to_lowercase().contains("transfer-encoding: chunked") {
        return (before, rest.to_owned(), true);
    }
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (before, body, true);
        }
        body.push_str(after.get(..size).unwrap_or(after));
        rest = after.get(size + 2..).unwrap_or_default();
    }
    (before, body, false)
}

#[test]
fn either_way_asks_the_same_and_brings_the_same_answer() {
    compare(192, &["x-request-id"], async |said, heard| {
        settings(&[upstream_of(move |stream| speak(stream, said.clone(), heard.clone())).await])
    });
}

#[test]
fn by_tls_either_way_asks_the_same_and_brings_the_same_answer() {
    // Of what has no body and may not be sent twice, Pingora's way says that the connection ends if it found a kept one.
    compare(96, &["x-request-id", "connection"], async |said, heard| {
        behind_tls(&["http/1.1"], move |stream| speak(stream, said.clone(), heard.clone())).await
    });
}

fn compare(cases: u32, may_differ: &[&str], app: impl AsyncFnOnce(Arc<Mutex<Reply>>, Heard) -> ProxySettings) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let said = Arc::new(Mutex::new(Reply { pieces: Vec::new(), hangs_up: false }));
    let heard = Heard::default();
    let rig = runtime.block_on(async {
        let mut settings = app(said.clone(), heard.clone()).await;
        settings.apps[0].upstream.read_timeout = Duration::from_secs(2);
        Rig::start(settings).await
    });
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(question(), reply()), |(question, reply)| {
        *said.lock().unwrap() = reply;
        heard.lock().unwrap().clear();
        let (long, short) =
            runtime.block_on(async { (told(&rig, &question, THE_LONG_WAY).await, told(&rig, &question, "").await) });
        prop_assert_eq!(read(&short), read(&long));
        let asked: Vec<_> = heard.lock().unwrap().iter().map(|asked| same(asked, may_differ)).collect();
        prop_assert!(asked.len() >= 2, "{:?}", asked);
        prop_assert!(asked.windows(2).all(|two| two[0] == two[1]), "{:?}", asked);
        prop_assert!(short.starts_with("HTTP/1.1 ") && !short.contains("planted"), "{}", short);
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn a_kept_connection_that_the_app_has_closed_is_nobody_s_trouble() {
    for (more, resets) in [("", false), ("", true), (THE_LONG_WAY, false), (THE_LONG_WAY, true)] {
        let address = upstream_of(move |mut stream| async move {
            head(&mut stream).await;
            say(&mut stream, OK).await;
            SockRef::from(&stream).set_linger(resets.then_some(Duration::ZERO)).unwrap();
        })
        .await;
        let rig = Rig::start(settings(&[address])).await;
        let mut stream = rig.connect().await;
        for _ in 0..100 {
            say(&mut stream, &format!("GET / HTTP/1.1\r\nHost: app.test\r\n{more}\r\n")).await;
            let (head, _) = answer(&mut stream).await;
            assert!(head.starts_with("HTTP/1.1 200"), "{more}{resets}: {head}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_used_again_and_never_after_words_that_nobody_asked_for() {
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (reply, kept) in [(OK, true), (reply, false)] {
        let (opened, mut connections) = mpsc::unbounded_channel();
        let address = upstream_of(move |mut stream| {
            let opened = opened.clone();
            async move {
                let mut asked = false;
                while !head(&mut stream).await.is_empty() {
                    if !std::mem::replace(&mut asked, true) {
                        let _ = opened.send(()); // a look at whether it is well asks nothing
                    }
                    say(&mut stream, reply).await;
                }
            }
        })
        .await;
        let rig = Rig::start(settings(&[address])).await;
        for _ in 0..5 {
            let told = rig.exchange("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
            assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("ok"), "{told}");
        }
        drop(rig);
        let mut opened = 0;
        while connections.try_recv().is_ok() {
            opened += 1;
        }
        assert_eq!(opened, if kept { 1 } else { 5 });
    }
}

#[tokio::test]
async fn who_leaves_is_not_waited_for_by_the_app() {
    let (noticed, mut gone) = mpsc::unbounded_channel();
    let address = upstream_of(move |mut stream| {
        let noticed = noticed.clone();
        async move {
            head(&mut stream).await;
            let _ = stream.read_u8().await;
            let _ = noticed.send(());
        }
    })
    .await;
    let rig = Rig::start(settings(&[address])).await;
    let mut stream = rig.connect().await;
    say(&mut stream, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    drop(stream);
    within(gone.recv()).await.unwrap();
}

#[tokio::test]
async fn an_app_may_be_silent_for_so_long_between_two_pieces_and_no_longer() {
    let piece = "2\r\nok\r\n";
    let (goes_on, stops) = (6, 2);
    for pieces in [goes_on, stops] {
        let address = upstream_of(move |mut stream| async move {
            head(&mut stream).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            for _ in 0..pieces {
                tokio::time::sleep(Duration::from_millis(200)).await;
                say(&mut stream, piece).await;
            }
            if pieces == stops {
                std::future::pending::<()>().await;
            }
            say(&mut stream, "0\r\n\r\n").await;
        })
        .await;
        let mut settings = settings(&[address]);
        settings.apps[0].upstream.read_timeout = Duration::from_millis(600);
        let told = told(&Rig::start(settings).await, &GET, "").await;
        assert_eq!(read(&told), (read(&told).0, "ok".repeat(pieces), pieces == goes_on), "{told}");
    }
}
