//! What pages of other sites, and programs that look around, get from a guarded app.

use serde_json::json;

use super::support::command::run_with;
use super::support::front::Front;
use super::support::raw::Wire;

const RULES: &str = "
      - { name: acme, path: /.well-known/acme-challenge/**, access: public }
      - { name: never, path: /.well-known/never/**, access: deny }
      - { name: open, path: /open/**, access: public }
      - { name: crossed, path: /crossed/**, require: one_factor, cors: [\"https://spa.test\"] }
      - { name: groups, path: /groups/**, require: one_factor, allow: { groups: [staff] } }
      - { name: all, path: /**, require: one_factor }";
const PASSWORD: &str = "quite a long password";
const TRUSTED: &str = "trusted_proxies: [127.0.0.1/32]";
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A gateway behind a terminator of TLS that is this test, and what shows that ann is signed in.
async fn behind_a_terminator() -> (Front, String) {
    let front = Front::ruled("info", RULES, TRUSTED).await;
    let config = front.config.display().to_string();
    let added =
        run_with(&["user", "add", "ann", "-c", &config, "--password-stdin"], format!("{PASSWORD}\n").as_bytes());
    assert_eq!(added.code, 0, "{}", added.stderr);
    let mut api = front.gateway.api_client();
    let body = json!({ "username": "ann", "password": PASSWORD });
    let login = api.request(reqwest::Method::POST, "/.stepgate/api/v1/login");
    let login = api.send(login.header("host", "app.test").header("x-forwarded-proto", "https").json(&body)).await;
    let token = login.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", login.body)).to_owned();
    (front, format!("Authorization: Bearer {token}\r\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_opens_no_websocket_where_somebody_must_sign_in() {
    let (front, ann) = behind_a_terminator().await;
    let nobody = String::new();
    let mut wire = Wire::to(&front.gateway.url);
    let mut ask = |path: &str, host: &str, who: &str, origins: &[&str]| {
        let origins: String = origins.iter().map(|origin| format!("Origin: {origin}\r\n")).collect();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https\r\n{who}{origins}");
        // The app speaks no WebSocket: that it answers is enough.
        let answer = wire.send(format!("{head}{HANDSHAKE}\r\n").as_bytes());
        (answer.status, answer.is_ours())
    };
    for (path, host, origin, passes) in [
        ("/ws", "app.test", "https://app.test", true),
        ("/ws", "app.test:443", "https://app.test", true),
        ("/ws", "app.test:8443", "https://app.test:8443", true),
        ("/ws", "app.test:8443", "https://app.test", false),
        ("/ws", "app.test", "https://app.test:8443", false),
        ("/ws", "app.test", "http://app.test", false),
        ("/ws", "app.test", "https://spa.test", false),
        ("/ws", "app.test", "https://app.test.evil.test", false),
        ("/ws", "app.test", "null", false),
        ("/ws", "app.test", "", false),
        ("/ws", "app.test", "app.test", false),
        ("/ws", "app.test", "https://app.test/", false),
        ("/crossed/ws", "app.test", "https://spa.test", true),
        ("/crossed/ws", "app.test", "https://app.test", true),
        ("/crossed/ws", "app.test", "https://spa.test:444", false),
        ("/open/ws", "app.test", "https://spa.test", true),
    ] {
        let signed_in = ask(path, host, &ann, &[origin]);
        assert_eq!(signed_in, if passes { (200, false) } else { (403, true) }, "{path} {host} {origin}");
        // Without a session, one's own page is told to sign in, and the other one no more than before.
        let open = path.starts_with("/open");
        let anonymous = if open {
            (200, false)
        } else if passes {
            (401, true)
        } else {
            (403, true)
        };
        assert_eq!(ask(path, host, &nobody, &[origin]), anonymous, "{path} {host} {origin}");
    }
    assert_eq!(ask("/ws", "app.test", &ann, &[]), (200, false), "no browser");
    assert_eq!(ask("/ws", "app.test", &ann, &["https://app.test", "https://app.test"]), (403, true));
    assert_eq!(ask("/crossed/ws", "app.test", &ann, &["https://spa.test", "https://app.test"]), (403, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_looks_below_well_known_meets_the_app_or_nothing() {
    let (front, ann) = behind_a_terminator().await;
    let mut wire = Wire::to(&front.gateway.url);
    let mut ask = |method: &str, path: &str, more: &str| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: https\r\n{more}");
        let answer = wire.send(format!("{head}\r\n").as_bytes());
        let leads = !answer.field("location").is_empty() || !answer.field("set-cookie").is_empty();
        assert_eq!(leads, answer.status == 303, "{path}");
        (answer.status, answer.is_ours())
    };
    let navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n";
    for path in [
        "/.well-known/change-password",
        "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200",
        "/.well-known/security.txt?x=1",
        "/%2Ewell-known/assetlinks.json",
        "/.well-known/never/x",
        "/.well-known/",
    ] {
        for more in ["", navigation, "Accept: */*\r\n", "Authorization: Bearer sgs_gone\r\n"] {
            for method in ["GET", "POST", "OPTIONS"] {
                assert_eq!(ask(method, path, more), (404, true), "{method} {path} {more}");
            }
        }
        let denied = path.contains("never");
        assert_eq!(ask("GET", path, &ann), if denied { (404, true) } else { (200, false) }, "{path}");
    }
    assert_eq!(ask("GET", "/.well-known/acme-challenge/x", ""), (200, false));
    // What only looks like it is judged as ever.
    for path in ["/.well-knownx", "/a/.well-known/x", "/.well-known"] {
        assert_eq!(ask("GET", path, navigation).0, 303, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_signs_in_behind_a_terminator_however_that_spells_the_host() {
    let (front, _) = behind_a_terminator().await;
    let mut wire = Wire::to(&front.gateway.url);
    for host in ["app.test", "app.test:443", "APP.test:443", "app.test:8443"] {
        let body = format!("username=ann&password={}", PASSWORD.replace(' ', "+"));
        // Of a browser that knows no `Sec-Fetch-Site`, the origin alone tells.
        let port = if host.ends_with("8443") { ":8443" } else { "" };
        let request = format!(
            "POST /.stepgate/login?to=%2F HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https\r\nAccept: text/html\r\n\
             Origin: https://app.test{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = wire.send(request.as_bytes());
        assert_eq!(answer.status, 303, "{host}: {}", String::from_utf8_lossy(&answer.body));
        assert!(answer.fields.iter().any(|(_, value)| value.starts_with("__Host-stepgate=sgs_")), "{host}");
    }
}
