//! Request targets against the built binary: whatever the app receives was judged in every reading of it.

use super::support::app::MARK;
use super::support::frames::*;
use super::support::front::Front;
use super::support::gateway::Gateway;
use super::support::raw::Wire;

const BEFORE: [&str; 16] = [
    "",
    "/public",
    "/public/x",
    "/public/..",
    "/public/%2e%2e",
    "/public;a=b",
    "/PUBLIC",
    "/x/..",
    "/public%2f..",
    "/public/..;",
    "/public/..%2f",
    "/public/..%252f",
    "/%70ublic/..",
    "/public//..",
    "/public/a/../..",
    "\\public\\..",
];
const BETWEEN: [&str; 18] = [
    "/",
    "//",
    "/./",
    "/../",
    "%2f",
    "%5c",
    "\\",
    "/..;/",
    "/%2e%2e/",
    "/;x/",
    "/%252e%252e/",
    "/%c0%af",
    "/..%00/",
    "/%20/",
    "/\u{ff0e}\u{ff0e}/",
    "/%ef%bc%8e%ef%bc%8e/",
    "\u{2215}",
    "/%u002e%u002e/",
];
const NAMES: [&str; 18] = [
    "admin",
    "Admin",
    "ADMIN",
    "%61dmin",
    "admin;x=1",
    "admin%3b",
    "admin%00",
    "admin%20",
    "admin.",
    "adm\u{131}n",
    "\u{ff41}dmin",
    "%ef%bd%81dmin",
    "admin%23",
    "admin%3f",
    "admin#",
    "admin\\",
    "admin%2f",
    "%2561dmin",
];
const AFTER: [&str; 5] = ["", "/", "/x", "?q=1", "/.."];

/// What a lax server might make of a path: decoded again and again, folded, cut, merged, resolved.
fn leads_to_admin(target: &str) -> bool {
    let mut text = target.split(['?', '#']).next().unwrap_or_default().to_owned();
    for _ in 0..4 {
        text = percent_decoded(&text).replace('\\', "/").replace(['\u{ff0f}', '\u{2215}'], "/");
        text = text.split(['?', '#', '\0']).next().unwrap_or_default().to_owned();
    }
    let text = text.to_lowercase().replace('\u{ff0e}', ".").replace('\u{ff41}', "a").replace('\u{131}', "i");
    let mut path: Vec<String> = Vec::new();
    for segment in text.split('/') {
        match segment.split(';').next().unwrap_or_default().trim_end() {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            name => path.push(name.trim_end_matches('.').to_owned()),
        }
    }
    path.first().is_some_and(|first| first == "admin")
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (*byte, hex) {
            (b'%', Some(value)) => {
                out.push(value);
                rest = &after[2..];
            }
            _ => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Every target of the grid.
fn targets() -> impl Iterator<Item = String> {
    let starts = BEFORE.iter().flat_map(|before| BETWEEN.iter().map(move |between| format!("{before}{between}")));
    let named = starts.flat_map(|start| NAMES.iter().map(move |name| format!("{start}{name}")));
    named.flat_map(|named| AFTER.iter().map(move |after| format!("{named}{after}")))
}

#[test]
fn no_spelling_of_a_guarded_path_reaches_the_app_unjudged() {
    let gateway = Gateway::demo();
    let mut wire = Wire::to(&gateway.url);
    let (mut tried, mut alarming) = (0, 0);
    for target in targets() {
        let host = wire.host().to_owned();
        let answer = wire.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        assert!((200..500).contains(&answer.status), "{target:?}: {}", answer.status);
        tried += 1;
        if leads_to_admin(&target) {
            alarming += 1;
            assert!(answer.is_ours() && answer.status != 303, "{target:?} reached the app");
            assert!(matches!(answer.status, 400 | 401), "{target:?}: {}", answer.status);
        }
    }
    assert!(tried >= 25_000 && alarming >= 5_000, "{tried} tried, {alarming} of them alarming");
}

/// An answer, as far as it must be the same over both versions: the status, and what the app said.
type Gist = (u16, Option<Vec<u8>>);

fn gist(status: u16, body: &[u8]) -> Gist {
    (status, body.starts_with(MARK.as_bytes()).then(|| body.to_vec()))
}

fn over_http1(url: &str, targets: &[String]) -> Vec<Gist> {
    let mut wire = Wire::to(url);
    let mut ask = |target: &String| {
        // Over HTTP/2 the library cuts a target there before anybody sees it; over HTTP/1 it is refused.
        let target = target.split('#').next().unwrap_or_default();
        let answer = wire.send(format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n\r\n").as_bytes());
        gist(answer.status, &answer.body)
    };
    targets.iter().map(&mut ask).collect()
}

/// `None`: reset as malformed.
async fn over_http2(front: &Front, targets: &[String]) -> Vec<Option<Gist>> {
    /// Malformed streams that a connection bears; then the next one is opened.
    const PER_CONNECTION: usize = 500;
    let mut gists = Vec::new();
    for some in targets.chunks(PER_CONNECTION) {
        let mut frames = front.frames(&[]).await;
        for target in some {
            gists.push(match frames.get(b"app.test", target.as_bytes()).await {
                End::Reset(PROTOCOL_ERROR) => None,
                End::Answer(status, body) => Some(gist(status, &body)),
                other => panic!("{target:?}: {other:?}"),
            });
        }
    }
    gists
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_target_is_answered_over_http2_as_over_http1_or_reset_as_malformed() {
    let front = Front::start("").await;
    let all: Vec<String> = targets().collect();
    let (url, asked) = (front.gateway.url.clone(), all.clone());
    let twins = tokio::task::spawn_blocking(move || over_http1(&url, &asked));
    let gists = over_http2(&front, &all).await;
    let (mut answered, mut alarming) = (0, 0);
    for ((target, gist), twin) in all.iter().zip(gists).zip(twins.await.unwrap()) {
        match gist {
            None => assert_eq!(twin, (400, None), "{target:?}"),
            Some(gist) => {
                answered += 1;
                assert_eq!(gist, twin, "{target:?}");
            }
        }
        if leads_to_admin(target) {
            alarming += 1;
            assert!(matches!(twin, (400 | 401, None)), "{target:?}: {twin:?}");
        }
    }
    assert!(answered >= 20_000 && alarming >= 5_000, "{answered} answered, {alarming} alarming");
    let heard = front.app.heard();
    assert!(heard.len() >= 200 && heard.len().is_multiple_of(2), "{} reached the app", heard.len());
    assert_eq!(heard.iter().find(|head| leads_to_admin(head.split(' ').nth(1).unwrap())), None);
}

#[test]
fn what_people_really_ask_for_passes_unchanged() {
    let gateway = Gateway::demo();
    let mut wire = Wire::to(&gateway.url);
    for query in [
        "",
        "?",
        "?a=b&c=d",
        "?a=/../x",
        "?u=https://other.example/a%2Fb",
        "?q=a;b",
        "?a?b",
        "?a[]=1&a[]=2",
        "?%C3%A9=1",
        "?json={a:1}",
        "?q=a|b",
        "?x=%00",
        "?t=a+b",
    ] {
        let target = format!("/public/echo{query}");
        let host = wire.host().to_owned();
        let answer = wire.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        if answer.status != 200 {
            panic!("{target}: {}", answer.status);
        }
        let echo: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(echo["target"], target.as_str());
    }
    for path in [
        "",
        "a",
        "a.b",
        "a..b",
        "..a",
        "a-b_c~d",
        "a%20b",
        "a+b",
        "a@b",
        "a:b",
        "a,b",
        "a!b",
        "a$b",
        "a&b",
        "a=b",
        "Foo_(bar)",
        "it's",
        "%C3%A9",
        "%E4%BD%A0%E5%A5%BD",
        ".well-known/x",
        "~user/",
        "x/y/z/",
        "a*b",
    ] {
        let host = wire.host().to_owned();
        let answer = wire.send(format!("GET /public/{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        assert!(!answer.is_ours() && answer.status == 200, "/public/{path}: {}", answer.status);
    }
}
