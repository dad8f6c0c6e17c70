//! Proofs for one request: what passes by one, how often, and what the app sees of it.

mod approved;
mod readings;
mod transactions;
mod tried;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};

use super::front::Front;
use super::rig::*;
use crate::auth::event::{Event, What};
use crate::auth::proof::{Method, Proofs, TransactionDigest};
use crate::auth::secret::SecretBytes;
use crate::auth::session::{Channel, Session, SessionToken};
use crate::auth::user::Identity;
use crate::flow::ports::Clock;
use crate::flow::testing::World;

/// Ann with an authenticator app, in front of an app that writes down what it gets.
struct Stage {
    world: Arc<World>,
    key: SecretBytes,
    rig: Rig,
    heard: Heard,
}

/// A session of a script, whose token changes as it rises.
struct Script {
    token: String,
    cookie: bool,
}

impl Script {
    fn credential(&self) -> String {
        match self.cookie {
            true => format!("Cookie: __Host-stepgate={}\r\n", self.token),
            false => format!("Authorization: Bearer {}\r\n", self.token),
        }
    }
}

impl Stage {
    async fn new() -> Self {
        let (app, heard) = upstream(OK).await;
        let world = World::new();
        let ann = world.person("ann");
        let key = world.with_totp(&ann);
        let rig = Rig::start_over(settings(&[app]), world.ports()).await;
        Self { world, key, rig, heard }
    }

    /// A session of ann's in which both factors were proved a moment ago.
    fn session(&self, byte: u8, channel: Channel) -> Script {
        let now = Clock::now(&*self.world);
        let proofs = Proofs::none().with(Method::Password, now).with(Method::Totp, now);
        let session = session("ann", &[]);
        let identity = Identity { id: self.world.person("ann"), ..session.identity };
        let id = format!("01SESSION{byte}");
        let session = Session { id, identity, proofs, channel, created_at: now, seen_at: now, ..session };
        let token = SessionToken::mint(&[byte; 32]);
        let ends = now.plus(Duration::from_secs(100_000));
        self.world.look(|s| s.sessions.insert(token.key(), (Arc::new(session), ends)));
        Script { token: token.expose().to_owned(), cookie: channel == Channel::Cookie }
    }

    /// Proves one more for a request; what the API answers.
    async fn elevate(&self, script: &mut Script, request: Value) -> Value {
        self.world.pass(Duration::from_secs(60));
        let code = self.world.code(&self.key, 0);
        let body = json!({"method": "totp", "code": code.expose(), "for": request}).to_string();
        let request = format!(
            "POST /.stepgate/api/v1/elevate HTTP/1.1\r\nHost: app.test\r\n{}Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            script.credential(),
            body.len()
        );
        let answer = self.rig.exchange(&request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let told: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        if let Some(token) = told["access_token"].as_str() {
            script.token = token.to_owned();
        } else if let Some((_, rest)) = head.split_once("__Host-stepgate=") {
            script.token = rest.split(';').next().unwrap().to_owned();
        }
        told
    }

    /// A slip for a request.
    async fn slip(&self, script: &mut Script, method: &str, url: &str) -> String {
        let told = self.elevate(script, json!({"method": method, "url": url})).await;
        assert_eq!(told["slip_expires_in"], 60, "{told}");
        told["slip"].as_str().unwrap().to_owned()
    }

    /// The status of a request with a slip, and the `reason` if it is challenged.
    async fn ask(&self, script: &Script, method: &str, target: &str, more: &str) -> (String, String) {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: app.test\r\n{}{more}\r\n", script.credential());
        let answer = if method == "HEAD" {
            let mut stream = self.rig.connect().await;
            say(&mut stream, &request).await;
            head(&mut stream).await
        } else {
            self.rig.exchange(&request).await
        };
        let reason = answer.split_once("\"reason\":\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
        (answer.get(9..12).unwrap_or_default().to_owned(), reason.unwrap_or_default())
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// What the trail tells of slips, by the name of the event: for which transactions.
fn digests(rig: &Rig, name: &str) -> Vec<Option<TransactionDigest>> {
    let of = |event: &Event| match event.what {
        What::SlipIssued { transaction, .. } | What::SlipSpent { transaction, .. } => {
            (event.what.action() == name).then_some(transaction)
        }
        _ => None,
    };
    rig.told.lock().unwrap().iter().filter_map(of).collect()
}

fn header(slip: &str) -> String {
    format!("Stepgate-Slip: {slip}\r\n")
}

fn told(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[tokio::test]
async fn a_proof_serves_one_request_and_the_app_sees_nothing_of_it() {
    let stage = Stage::new().await;
    for channel in [Channel::Bearer, Channel::Cookie] {
        let mut ann = stage.session(1, channel);
        assert_eq!(stage.ask(&ann, "GET", "/once/a", "").await, told("401", "once"), "however fresh the session is");
        let slip = stage.slip(&mut ann, "GET", "/once/a").await;
        // Neither spelling nor number of what is not read makes it less of a secret.
        let more = format!("{}stepgate_slip: {slip}\r\nAccept: */*\r\n", header(&slip));
        assert_eq!(stage.ask(&ann, "GET", "/once/a", &more).await, told("200", ""));
        assert_eq!(stage.ask(&ann, "GET", "/once/a", &header(&slip)).await, told("401", "once"), "it is used up");
    }
    let heard = stage.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard.iter().all(|head| !head.contains("sgo_") && head.contains("Accept")), "{heard:?}");
    assert_eq!(digests(&stage.rig, "slip_spent"), [None, None]);
}

#[tokio::test]
async fn a_browser_sends_it_by_cookie_and_a_script_by_header() {
    let stage = Stage::new().await;
    let mut page = stage.session(1, Channel::Cookie);
    let slip = stage.slip(&mut page, "POST", "/once/a").await;
    let cookies = format!("Cookie: __Host-stepgate={}; mine=1; __Host-stepgate-slip={slip}\r\n", page.token);
    let request = format!("POST /once/a HTTP/1.1\r\nHost: app.test\r\n{cookies}Content-Length: 1\r\n\r\nx");
    assert!(stage.rig.exchange(&request).await.contains(" 200 "));
    let heard = stage.heard();
    assert!(heard[0].contains("mine=1") && !heard[0].contains("stepgate"), "{heard:?}");
    let mut script = stage.session(2, Channel::Bearer);
    let slip = stage.slip(&mut script, "GET", "/once/a").await;
    let cookie = format!("Cookie: __Host-stepgate-slip={slip}\r\n");
    assert_eq!(stage.ask(&script, "GET", "/once/a", &cookie).await, told("401", "once"), "no cookie beside a token");
    let twice = format!("{}{}", header(&slip), header(&slip));
    assert_eq!(stage.ask(&script, "GET", "/once/a", &twice).await, told("401", "once"), "nobody knows which is meant");
    assert_eq!(stage.ask(&script, "GET", "/once/a", &header(&slip)).await, told("200", ""));
}

#[tokio::test]
async fn what_it_does_not_let_through_leaves_it_as_it_is() {
    let stage = Stage::new().await;
    let mut ann = stage.session(1, Channel::Bearer);
    let other = stage.session(2, Channel::Bearer);
    let page = stage.session(3, Channel::Cookie);
    let slip = header(&stage.slip(&mut ann, "GET", "/once/a").await);
    for (who, method, target, more, answer) in [
        (&other, "GET", "/once/a", "", told("401", "once")),
        (&page, "GET", "/once/a", "", told("401", "once")),
        (&ann, "GET", "/other/a", "", told("401", "once")),
        (&ann, "GET", "/paid/a", "", told("401", "transaction")),
        (&ann, "HEAD", "/once/a", "", told("401", "")),
        (&ann, "OPTIONS", "/once/a", "", told("401", "once")),
        (
            &ann,
            "OPTIONS",
            "/once/a",
            "Origin: https://spa.test\r\nAccess-Control-Request-Method: GET\r\n",
            told("401", "once"),
        ),
        (&ann, "GET", "/once/a", "X-HTTP-Method-Override: HEAD\r\n", told("401", "once")),
        (&ann, "GET", "/once/a", "Sec-Purpose: prefetch;prerender\r\n", told("401", "once")),
        (&ann, "GET", "/once/a", "Purpose: Prefetch\r\n", told("401", "once")),
        (&ann, "GET", "/shut/a", "", told("403", "deny_rule")),
    ] {
        let (status, reason) = stage.ask(who, method, target, &format!("{slip}{more}")).await;
        assert_eq!((&status, reason.as_str()), (&answer.0, answer.1.as_str()), "{method} {target} {more}");
    }
    assert_eq!(stage.heard().len(), 0);
    assert_eq!(stage.ask(&ann, "GET", "/kept/a", &slip).await, told("200", ""), "an open address asks for none");
    assert_eq!(stage.ask(&ann, "GET", "/once/b?c", &slip).await, told("200", ""), "and so it was there still");
    let late = header(&stage.slip(&mut ann, "GET", "/once/a").await);
    stage.world.pass(Duration::from_secs(61));
    assert_eq!(stage.ask(&ann, "GET", "/once/a", &late).await, told("401", "once"));
}

#[tokio::test]
async fn of_many_at_once_one_passes() {
    let stage = Stage::new().await;
    let (app, heard) = upstream(OK).await;
    let second = Rig::start_over(settings(&[app]), stage.world.ports()).await;
    let mut ann = stage.session(1, Channel::Bearer);
    for round in 0..4 {
        let slip = stage.slip(&mut ann, "GET", "/once/a").await;
        let request = format!("GET /once/a HTTP/1.1\r\nHost: app.test\r\n{}{}\r\n", ann.credential(), header(&slip));
        let all = (0..40).map(|n| if n % 2 == 0 { &stage.rig } else { &second }.exchange(&request));
        let passed = join_all(all).await.iter().filter(|answer| answer.contains(" 200 ")).count();
        assert_eq!(passed, 1, "round {round}");
    }
    assert_eq!(stage.heard().len() + heard.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn what_passed_by_one_is_sent_once_whatever_its_app_does() {
    let heard = Heard::default();
    let all = heard.clone();
    // An app that reads a second request on a connection, and closes it without an answer.
    let app = upstream_of(move |mut stream| {
        let heard = all.clone();
        async move {
            for turn in 0..2 {
                let head = head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                heard.lock().unwrap().push(head);
                if turn == 0 {
                    say(&mut stream, OK).await;
                }
            }
        }
    })
    .await;
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let rig = Rig::start_over(settings(&[app]), world.ports()).await;
    let stage = Stage { world, key, rig, heard };
    let mut ann = stage.session(1, Channel::Bearer);
    for (method, target) in [("GET", "/once/a"), ("DELETE", "/once/a"), ("GET", "/paid/a"), ("DELETE", "/paid/a")] {
        let told = json!({"method": method, "url": target, "body_sha256": EMPTY});
        let slip = stage.elevate(&mut ann, told).await["slip"].as_str().unwrap().to_owned();
        stage.ask(&ann, "GET", "/guarded/a", "").await;
        stage.heard.lock().unwrap().clear();
        assert_eq!(stage.ask(&ann, method, target, &header(&slip)).await.0, "502", "{method} {target}");
        let heard = stage.heard();
        assert!(heard.len() == 1 && heard[0].starts_with(&format!("{method} {target} ")), "{heard:?}");
    }
}

/// SHA-256 of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[tokio::test]
async fn a_request_over_http2_or_for_a_websocket_uses_it_up_as_well() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::new().await;
    let front = Front::start_over(settings(&[app]), stage.world.ports()).await;
    let mut ann = stage.session(1, Channel::Bearer);
    let slip = stage.slip(&mut ann, "GET", "/once/a").await;
    let send = front.h2().await;
    let request = || {
        let request = Request::get("https://app.test/once/a").header("stepgate-slip", &slip);
        request.header("authorization", format!("Bearer {}", ann.token)).body(()).unwrap()
    };
    assert_eq!(super::front::ask(&send, request()).await.unwrap().status, 200);
    assert_eq!(super::front::ask(&send, request()).await.unwrap().status, 401);
    let seen = heard.lock().unwrap().clone();
    assert!(seen.len() == 1 && !seen[0].contains("sgo_"), "{seen:?}");
    let slip = stage.slip(&mut ann, "GET", "/once/ws").await;
    let handshake = format!(
        "{}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        header(&slip)
    );
    // The app speaks none and answers what it answers.
    stage.ask(&ann, "GET", "/once/ws", &handshake).await;
    let heard = stage.heard();
    assert!(heard.len() == 1 && !heard[0].contains("sgo_"), "{heard:?}");
    assert_eq!(stage.ask(&ann, "GET", "/once/ws", &handshake).await, told("401", "once"));
}

#[tokio::test]
async fn who_asks_for_one_is_told_what_is_wrong_and_spends_nothing() {
    let stage = Stage::new().await;
    let mut ann = stage.session(1, Channel::Bearer);
    let hex = "00".repeat(32);
    for (request, code) in [
        (json!({"method": "GET", "url": "/kept/a"}), "not_bound"),
        (json!({"method": "GET", "url": "/guarded/a"}), "not_bound"),
        (json!({"method": "GET", "url": "https://evil.test/once/a"}), "malformed_request"),
        (json!({"method": "GET", "url": "http://app.test:1/once/a"}), "malformed_request"),
        (json!({"method": "GET", "url": "//app.test/once/a"}), "malformed_request"),
        (json!({"method": "GET", "url": "once/a"}), "malformed_request"),
        (json!({"method": "GET", "url": "/once/%2e%2e%2fa"}), "malformed_request"),
        (json!({"method": "G T", "url": "/once/a"}), "malformed_request"),
        (json!({"method": "POST", "url": "/paid/a"}), "malformed_request"),
        (json!({"method": "POST", "url": "/paid/a", "body_sha256": "00"}), "malformed_request"),
        (json!({"method": "HEAD", "url": "/once/a"}), "never_passes"),
        (json!({"method": "OPTIONS", "url": "/once/a"}), "never_passes"),
        (json!({"method": "HEAD", "url": "/paid/a", "body_sha256": hex}), "never_passes"),
        (json!({"method": "MOVE", "url": "/paid/a", "body_sha256": hex}), "never_passes"),
        (json!({"method": "GET", "url": "/paid/a", "body_sha256": hex}), "never_passes"),
        (json!({"method": "POST", "url": "/paid/a", "body_sha256": format!("{hex}0")}), "malformed_request"),
    ] {
        let told = stage.elevate(&mut ann, request.clone()).await;
        assert_eq!(told["code"], code, "{request} {told}");
        assert!(told["detail"].is_string() && told.get("slip").is_none(), "{told}");
    }
    let mistyped = stage.elevate(&mut ann, json!({"method": "POST", "url": "/once/a", "body_sha_256": hex})).await;
    assert_eq!(mistyped["code"], "malformed_request", "{mistyped}");
    stage.world.pass(Duration::from_secs(60));
    let body = json!({"method": "password", "code": crate::flow::testing::PASSWORD, "for": {"method": "GET", "url": "/once/a"}});
    let body = body.to_string();
    let request = format!(
        "POST /.stepgate/api/v1/elevate HTTP/1.1\r\nHost: app.test\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        ann.credential(),
        body.len()
    );
    let answer = stage.rig.exchange(&request).await;
    assert!(answer.contains("method_not_accepted") && answer.contains("\"totp\""), "{answer}");
    let told = stage.elevate(&mut ann, Value::Null).await;
    assert!(told.get("slip").is_none() && told["status"] == "ok", "{told}");
}
