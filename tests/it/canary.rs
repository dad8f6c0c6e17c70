//! Secrets through the built binary at its most talkative: none is told to the logs or the metrics.

use super::support::clients::Client;
use super::support::command::stepgate;
use super::support::process::{Process, free_port, wait_until};
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

fn around<'a>(log: &'a str, hidden: &str) -> &'a str {
    log.lines().find(|line| line.contains(hidden)).unwrap_or_default()
}
