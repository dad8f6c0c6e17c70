//! Secrets through the built binary at its most talkative: none is told to the logs or the metrics.

use super::support::clients::Client;
use super::support::command::{run_with, stepgate};
use super::support::frames::*;
use super::support::front::{self, Front};
use super::support::port::free_port;
use super::support::process::{Process, wait_until};
use super::support::raw::Wire;
use super::support::totp;

const CANARY: &str = "canary7f3a";

#[tokio::test]
async fn no_secret_is_told_to_logs_or_metrics() {
    let port = free_port().to_string();
    let process = Process::start(stepgate().args(["demo", "--json", "--port", &port]).env("STEPGATE_LOG", "debug"));
    let demo: serde_json::Value = serde_json::from_str(&process.line()).unwrap();
    let url = demo["url"].as_str().unwrap().to_owned();
    let ann = demo["users"].as_array().unwrap().iter().find(|u| u["username"] == "ann").unwrap();
    let (password, secret) = (ann["password"].as_str().unwrap(), ann["totp_secret"].as_str().unwrap());

    let mut browser = Client::browser(&url);
    let step = totp::step_now();
    let wrong = format!("{CANARY}-password");
    browser.sign_in("/echo", "ann", &wrong, None).await;
    let page = browser.sign_in(&format!("/echo?q={CANARY}-query"), "ann", password, Some((secret, step))).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let session = browser.cookie("__Host-stepgate").expect("a session").to_owned();

    let mut wire = Wire::to(&url);
    let host = wire.host().to_owned();
    let told = format!(
        "Authorization: Bearer sgs_{CANARY}\r\nCookie: __Host-stepgate={CANARY}; other={CANARY}\r\nX-Api-Key: {CANARY}\r\n"
    );
    for (line, more) in [
        (format!("GET /echo?token={CANARY} HTTP/1.1"), ""),
        (format!("GET /../x?token={CANARY} HTTP/1.1"), ""),
        (format!("GET /public/echo?token={CANARY} HTTP/2.5"), ""),
        (format!("GET /public/echo?token={CANARY} HTTP/1.1"), "A: b\0\r\n"),
        (format!("GET /.stepgate/nothing?token={CANARY} HTTP/1.1"), ""),
        ("POST /public/echo HTTP/1.1".to_owned(), "Transfer-Encoding: chunked\r\n"),
    ] {
        let request = format!("{line}\r\nHost: {host}\r\n{told}{more}\r\n{CANARY}\r\n");
        assert_ne!(Wire::to(&url).send(request.as_bytes()).status, 0, "{line} {more}");
    }
    let basic = format!("GET /echo HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {CANARY}\r\n\r\n");
    assert_eq!(wire.send(basic.as_bytes()).status, 401);

    let logged = wait_until(|| Some(process.stderr()).filter(|log| log.matches("\"access\"").count() >= 8));
    let log = logged.unwrap_or_else(|| panic!("too few access lines:\n{}", process.stderr()));
    let admin = demo["admin_url"].as_str().unwrap();
    let metrics = reqwest::get(format!("{admin}/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("stepgate_"), "{metrics}");
    let code = totp::at_step(secret, step);
    let cookie_secret = session.rsplit('.').next().unwrap_or(&session).to_owned();
    for (what, hidden) in [
        ("a canary", CANARY),
        ("the password", password),
        ("the TOTP secret", secret),
        ("the session cookie", session.as_str()),
        ("the secret of the session", cookie_secret.as_str()),
    ] {
        assert!(!log.contains(hidden), "{what} is in the log:\n{}", around(&log, hidden));
        assert!(!metrics.contains(hidden), "{what} is in the metrics");
    }
    assert!(!log.contains(&format!("\"{code}\"")), "the code is in the log:\n{}", around(&log, &code));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_told_over_http2_either() {
    let front = Front::telling("trace", "").await;
    let password = format!("{CANARY}-password of ann");
    let add = ["user", "add", "ann", "-c", front.config.to_str().unwrap(), "--password-stdin"];
    assert_eq!(run_with(&add, password.as_bytes()).code, 0);
    let send = front.h2().await;
    let body = serde_json::json!({ "username": "ann", "password": password }).to_string();
    let login =
        http::Request::post("https://app.test/.stepgate/api/v1/login").header("content-type", "application/json");
    let (answer, mut says) = send.clone().send_request(login.body(()).unwrap(), false).unwrap();
    says.send_data(body.into(), true).unwrap();
    let login: serde_json::Value =
        serde_json::from_str(&front::read(answer.await.unwrap()).await.unwrap().body).unwrap();
    let token = login["access_token"].as_str().expect("a token").to_owned();

    let told: [(&[u8], &[u8]); 3] = [
        (b"authorization", b"Bearer sgs_canary7f3a"),
        (b"cookie", b"__Host-stepgate=canary7f3a; other=canary7f3a"),
        (b"x-api-key", b"canary7f3a"),
    ];
    let bearer = format!("Bearer {token}");
    let path = b"/guarded/x?token=canary7f3a".as_slice();
    let proper = |path| {
        vec![
            (b":method".as_slice(), b"GET".as_slice()),
            (b":scheme", b"https"),
            (b":authority", b"app.test"),
            (b":path", path),
        ]
    };
    let mut heads = vec![
        proper(path),
        proper(b"/../x?token=canary7f3a"),
        proper(b"/.stepgate/nothing?token=canary7f3a"),
        proper(b"/a b?token=canary7f3a"),
        proper(b"canary7f3a"),
        [proper(path), vec![(b"host", b"canary7f3a.test")]].concat(),
        [proper(path), vec![(b"a", b"canary7f3a\0")]].concat(),
        [proper(path), vec![(b"content-length", b"canary7f3a")]].concat(),
        [proper(path)[..2].to_vec(), vec![(b":authority", b"canary7f3a@app.test"), (b":path", path)]].concat(),
        [proper(path)[..2].to_vec(), vec![(b":authority", b"canary7f3a/"), (b":path", path)]].concat(),
    ];
    heads.iter_mut().for_each(|head| head.extend(told));
    heads.push([proper(path), vec![(b"authorization", bearer.as_bytes())]].concat());
    let mut ends = Vec::new();
    for head in &heads {
        let mut frames = front.frames(&[]).await;
        let stream = frames.open();
        frames.say(&frame(HEADERS, END_HEADERS, stream, &block(head))).await.unwrap();
        frames.say(&frame(DATA, END_STREAM, stream, CANARY.as_bytes())).await.unwrap();
        ends.push(frames.end_of(stream).await);
    }
    assert!(matches!(ends.last(), Some(End::Answer(200, _))), "{ends:?}");
    let answered = ends.iter().filter(|end| matches!(end, End::Answer(..))).count();
    assert!(answered >= 5, "{ends:?}");
    let logged = wait_until(|| {
        let log = front.gateway.process.stderr();
        (log.matches("\"access\"").count() > answered).then_some(log)
    });
    let log = logged.unwrap_or_else(|| panic!("too few access lines:\n{}", front.gateway.process.stderr()));
    let metrics = front.metrics().await;
    for (what, hidden) in [("a canary", CANARY), ("the password", password.as_str()), ("the token", token.as_str())] {
        assert!(!log.contains(hidden), "{what} is in the log:\n{}", around(&log, hidden));
        assert!(!metrics.contains(hidden), "{what} is in the metrics");
    }
}

fn around<'a>(log: &'a str, hidden: &str) -> &'a str {
    log.lines().find(|line| line.contains(hidden)).unwrap_or_default()
}
