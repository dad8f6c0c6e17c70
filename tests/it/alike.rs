//! Requests that mean the same are decided alike, and their app sees the same: whichever version of HTTP, spelling of
//! the host, of the path, or of a body that is not there; and HEAD is GET.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::app::MARK;
use super::support::command::run_with;
use super::support::front::{Front, Told, read};

const RULES: &str = "
      - { name: open, path: /open/**, methods: [GET], access: public }
      - { name: closed, path: /open/**, access: deny }
      - { name: shut, path: /shut/**, methods: [GET], require: one_factor }
      - { name: rest-of-shut, path: /shut/**, access: public }
      - { name: cafe, path: /café/**, access: public }
      - { name: staff, path: /staff/**, require: one_factor, allow: { groups: [staff] } }
      - { name: all, path: /**, require: one_factor }";
const PASSWORD: &str = "quite a long password";

/// A request, before it is spelled.
#[derive(Clone, Debug)]
struct Asked {
    method: &'static str,
    target: String,
    host: &'static str,
    /// Announces a body of this length.
    length: Option<&'static str>,
    fields: Vec<(&'static str, String)>,
    http2: bool,
}

/// What was decided, and what the app got to see.
#[derive(Debug, PartialEq, Eq)]
struct Met {
    status: u16,
    kind: String,
    reason: String,
    sees: Option<BTreeSet<String>>,
}

async fn over_http1(front: &Front, asked: &Asked) -> Told {
    let mut stream = front.http1().await;
    let length = asked.length.map(|n| format!("Content-Length: {n}\r\n")).unwrap_or_default();
    let fields: String = asked.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (method, target, host) = (asked.method, &asked.target, asked.host);
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{length}{fields}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    let text = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{asked:?}: {text:?}"));
    let mut headers = http::HeaderMap::new();
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        headers.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    Told { status: head.split(' ').nth(1).unwrap().parse().unwrap(), headers, body: body.to_owned() }
}

async fn over_http2(front: &Front, asked: &Asked) -> Told {
    let uri = format!("https://{}{}", asked.host, asked.target);
    let mut request = http::Request::builder().method(asked.method).uri(uri);
    for (name, value) in &asked.fields {
        request = request.header(*name, value);
    }
    if let Some(length) = asked.length {
        request = request.header("content-length", length);
    }
    let send = front.h2().await;
    let (answer, _) = send.ready().await.unwrap().send_request(request.body(()).unwrap(), true).unwrap();
    read(answer.await.unwrap()).await.unwrap()
}

async fn meets(front: &Front, asked: &Asked) -> Met {
    let before = front.app.heard().len();
    let told = if asked.http2 { over_http2(front, asked).await } else { over_http1(front, asked).await };
    let heard = front.app.heard();
    let sees = heard.get(before).map(|head| {
        // The request's own id, and what one hop says to the next.
        let own =
            |line: &str| ["x-request-id:", "connection:"].iter().any(|name| line.to_lowercase().starts_with(name));
        head.lines().filter(|line| !line.is_empty() && !own(line)).map(same_target).collect()
    });
    let problem: serde_json::Value = serde_json::from_str(&told.body).unwrap_or_default();
    let of_app = told.header("x-stepgate-response").is_empty();
    assert_eq!(of_app, sees.is_some(), "{asked:?}: {told:?}");
    assert!(!of_app || asked.method == "HEAD" || told.body.starts_with(MARK), "{told:?}");
    // HEAD has no body to tell the reason in.
    let reason = [&problem["code"], &problem["reason"]].map(|v| v.as_str().unwrap_or_default()).join(" ");
    let reason = if asked.method == "HEAD" { String::new() } else { reason };
    Met { status: told.status, kind: told.header("x-stepgate-response").to_owned(), reason, sees }
}

/// A line of a head: of the request line, what must not differ.
fn same_target(line: &str) -> String {
    let Some(line) = line.strip_suffix(" HTTP/1.1") else { return line.to_lowercase() };
    let (_, target) = line.split_once(' ').unwrap();
    target.trim_end_matches('?').replace("%C3%A9", "e%CC%81")
}

/// A pair of spellings of one request: its name, and how the other one is made; `None` where there is none.
type Pair = (&'static str, fn(&Asked) -> Option<Asked>);

const PAIRS: [Pair; 6] = [
    ("GET, HEAD", |a| (a.method == "GET").then(|| Asked { method: "HEAD", ..a.clone() })),
    ("Host, Host:443", |a| Some(Asked { host: "app.test:443", ..a.clone() })),
    ("HTTP/1.1, HTTP/2", |a| Some(Asked { http2: true, ..a.clone() })),
    ("no length, length 0", |a| (a.method != "POST").then(|| Asked { length: Some("0"), ..a.clone() })),
    ("nothing, ?", |a| (!a.target.contains('?')).then(|| Asked { target: format!("{}?", a.target), ..a.clone() })),
    ("NFC, NFD", |a| {
        let target = a.target.replace("%C3%A9", "e%CC%81");
        (target != a.target).then(|| Asked { target, ..a.clone() })
    }),
];

async fn front() -> (Front, String) {
    let front = Front::ruled("info", RULES, "").await;
    let config = front.config.display().to_string();
    let added =
        run_with(&["user", "add", "ann", "-c", &config, "--password-stdin"], format!("{PASSWORD}\n").as_bytes());
    assert_eq!(added.code, 0, "{}", added.stderr);
    let mut api = front.gateway.api_client();
    let body = json!({ "username": "ann", "password": PASSWORD });
    let request = api.request(reqwest::Method::POST, "/.stepgate/api/v1/login").header("host", "app.test").json(&body);
    let login = api.send(request).await;
    let token = login.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", login.body)).to_owned();
    (front, token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_means_the_same_is_decided_alike_and_its_app_sees_the_same() {
    let (front, token) = front().await;
    let who = [None, Some(format!("Bearer {token}")), Some("Bearer sgs_gone".to_owned())];
    let mut permitted = 0;
    for method in ["GET", "DELETE", "OPTIONS", "PROPFIND"] {
        for path in ["/open/a", "/shut/a", "/caf%C3%A9/menu", "/Caf%C3%A9/menu", "/staff/a?q=%C3%A9", "/", "/a//b"] {
            for credentials in &who {
                let fields = credentials.iter().map(|value| ("authorization", value.clone())).collect();
                let target = path.to_owned();
                let asked = Asked { method, target, host: "app.test", length: None, fields, http2: false };
                let met = meets(&front, &asked).await;
                permitted += usize::from(met.sees.is_some());
                for (name, other) in PAIRS {
                    let Some(other) = other(&asked) else { continue };
                    let mut again = meets(&front, &other).await;
                    if other.method == "HEAD" {
                        again.reason.clone_from(&met.reason);
                    }
                    assert_eq!(again, met, "{name}: {other:?}");
                }
            }
        }
    }
    assert!(permitted > 20, "{permitted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_ours_whatever_its_request_is_spelled_like() {
    let (front, _) = front().await;
    for (origin, ours) in
        [("https://app.test", true), ("https://app.test:8443", false), ("https://evil.test", false), ("null", false)]
    {
        let fields = vec![
            ("origin", origin.to_owned()),
            ("accept", "text/html".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let target = "/.stepgate/logout".to_owned();
        let form = Asked { method: "POST", target, host: "app.test", length: Some("0"), fields, http2: false };
        let met = meets(&front, &form).await;
        assert_eq!(met.status != 403, ours, "{origin}: {met:?}");
        for (name, other) in PAIRS {
            if let Some(other) = other(&form) {
                assert_eq!(meets(&front, &other).await, met, "{name}: {other:?}");
            }
        }
    }
}
