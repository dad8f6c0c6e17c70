//! The table of challenges, through a running gateway: every kind of client, for nobody, for who lacks a second step, and for whom
//! it grew old, by cookie and by token.

use serde_json::{Value, json};

use super::support::command::run_with;
use super::support::front::Front;
use super::support::process::wait_until;
use super::support::raw::{Answer, Wire};
use super::support::totp;

const TRUSTED: &str = "trusted_proxies: [127.0.0.1/32]";
const PASSWORD: &str = "quite a long password";
const ASKED: &str = "require: { strength: two_factor, max_age: 1s }";
const SPA: &str = "https://spa.test";
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const DEPENDS_ON: &str = "Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest";

fn rules() -> String {
    let rule = |name: &str, more: &str| format!("\n      - {{ name: {name}, path: /{name}/**, {ASKED}{more} }}");
    [
        rule("api", ", kind: api"),
        rule("status", ", challenge: status"),
        rule("redirect", ", challenge: redirect"),
        rule("spa", &format!(", cors: [\"{SPA}\"]")),
        rule("answered", &format!(", cors: {{ origins: [\"{SPA}\"], methods: [PUT], headers: [content-type] }}")),
        rule("passed", ", preflight: pass"),
        "\n      - { name: light, path: /light/**, require: one_factor }".to_owned(),
        format!("\n      - {{ name: all, path: /**, {ASKED} }}\n    dialects: [htmx, jsf]"),
    ]
    .concat()
}

/// How somebody is known, and what is the matter.
struct Who {
    reason: &'static str,
    /// What they present.
    head: String,
    token: bool,
}

/// What becomes of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Redirect,
    /// A redirect, and the form waits; of a token it is lost.
    Held,
    Frame,
    Problem,
    Grpc,
    Htmx,
    Faces,
    Refused,
    Granted,
    App,
}

/// A client: method, path, what it says of itself, what it is told; `by_token`, where that differs for who shows a token.
struct Case {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    head: &'static str,
    told: Told,
    by_token: Told,
}

const fn case(name: &'static str, method: &'static str, path: &'static str, head: &'static str, told: Told) -> Case {
    Case { name, method, path, head, told, by_token: told }
}

const NAVIGATES: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
const FORM: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: same-origin\r\n\
    Content-Type: application/x-www-form-urlencoded\r\n";
const HTML: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
const PREFLIGHT: &str = "Origin: https://spa.test\r\nAccess-Control-Request-Method: PUT\r\n";

fn cases() -> Vec<Case> {
    use Told::*;
    let frame = |name, head| case(name, "GET", "/a/b?c=d&e", head, Frame);
    let fetch = |name, head| case(name, "GET", "/a/b?c=d&e", head, Problem);
    vec![
        case("a preflight that the gate answers", "OPTIONS", "/answered/x", PREFLIGHT, Granted),
        case("a preflight that goes to the app", "OPTIONS", "/passed/x", PREFLIGHT, App),
        case("a preflight like any request", "OPTIONS", "/a", PREFLIGHT, Problem),
        case("a WebSocket", "GET", "/a", HANDSHAKE, Problem),
        case("gRPC", "POST", "/a", "Content-Type: application/grpc+proto\r\nTE: trailers\r\n", Grpc),
        case("gRPC of a rule that answers by status", "POST", "/status/a", "Content-Type: application/grpc\r\n", Grpc),
        case("a navigation", "GET", "/a/b?c=d&e", NAVIGATES, Redirect),
        case("a navigation with HEAD", "HEAD", "/a", NAVIGATES, Redirect),
        Case { by_token: Frame, ..case("a form", "POST", "/a", FORM, Held) },
        case(
            "a navigation that says htmx",
            "GET",
            "/a",
            "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nHX-Request: true\r\n",
            Redirect,
        ),
        frame("an iframe", "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"),
        frame("a frame", "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: frame\r\n"),
        frame("an embed", "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: embed\r\n"),
        frame("an object", "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: object\r\n"),
        fetch("fetch", "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nAccept: text/html\r\n"),
        fetch("fetch of the same origin", "Sec-Fetch-Mode: same-origin\r\nSec-Fetch-Dest: empty\r\n"),
        fetch("a picture", "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"),
        fetch("a script", "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n"),
        fetch("XMLHttpRequest", "X-Requested-With: XMLHttpRequest\r\nAccept: text/html\r\n"),
        case(
            "fetch of a rule with cors",
            "PUT",
            "/spa/x",
            "Sec-Fetch-Mode: cors\r\nOrigin: https://spa.test\r\n",
            Problem,
        ),
        case("a rule for scripts", "GET", "/api/a", HTML, Problem),
        case("a navigation by a rule for scripts", "GET", "/api/a", NAVIGATES, Redirect),
        case("a rule that answers by status", "GET", "/status/a", NAVIGATES, Problem),
        Case { by_token: Problem, ..case("html without Sec-Fetch", "GET", "/a/b?c=d&e", HTML, Redirect) },
        Case { by_token: Problem, ..case("nothing, by a rule that redirects", "GET", "/redirect/a", "", Redirect) },
        case("fetch by a rule that redirects", "GET", "/redirect/a", "Sec-Fetch-Mode: cors\r\n", Problem),
        case("nothing", "GET", "/a/b?c=d&e", "", Problem),
        case("anything", "GET", "/a", "Accept: */*\r\n", Problem),
        case("html that is refused", "GET", "/a", "Accept: text/html;q=0, */*\r\n", Problem),
        case(
            "htmx",
            "PUT",
            "/a",
            "Sec-Fetch-Mode: cors\r\nHX-Request: true\r\nHX-Current-URL: https://app.test/page#x\r\n",
            Htmx,
        ),
        case("htmx of another origin", "PUT", "/a", "Origin: https://spa.test\r\nHX-Request: true\r\n", Problem),
        case("htmx by a rule that answers by status", "GET", "/status/a", "HX-Request: true\r\n", Problem),
        case("Faces", "POST", "/a", "Faces-Request: partial/ajax\r\nReferer: https://app.test/view\r\n", Faces),
    ]
}

/// A gateway behind a terminator of TLS that is this test, and everybody there is.
async fn stage() -> (Front, Vec<Who>) {
    let front = Front::ruled("info", &rules(), TRUSTED).await;
    let config = front.config.display().to_string();
    let mut people = vec![Who { reason: "login_required", head: String::new(), token: false }];
    let mut wire = Wire::to(&front.gateway.url);
    let mut post = |path: &str, kind: &str, cookies: &str, body: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: https\r\nOrigin: https://app.test\r\nAccept: text/html\r\n\
             {cookies}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        wire.send(head.as_bytes())
    };
    for name in ["password", "both"] {
        let both = name == "both";
        let reason = if both { "mfa_expired" } else { "mfa_required" };
        for token in [false, true] {
            let user = format!("{name}-{token}");
            let args = ["user", "add", &user, "-c", &config, "--password-stdin", "--totp", "--json"];
            let added = run_with(&args, format!("{PASSWORD}\n").as_bytes());
            assert_eq!(added.code, 0, "{}", added.stderr);
            let told: Value = serde_json::from_str(&added.stdout).unwrap();
            let secret = told["totp_secret"].as_str().unwrap().to_owned();
            let code = totp::code(&secret);
            let head = if token {
                let mut body = json!({ "username": user, "password": PASSWORD, "strength": "one_factor" });
                if both {
                    body = json!({ "username": user, "password": PASSWORD, "otp": code });
                }
                let answer = post("/.stepgate/api/v1/login", "application/json", "", &body.to_string());
                let told: Value = serde_json::from_slice(&answer.body).unwrap();
                format!(
                    "Authorization: Bearer {}\r\n",
                    told["access_token"].as_str().unwrap_or_else(|| panic!("{told}"))
                )
            } else {
                let to = if both { "%2Fa" } else { "%2Flight%2F" };
                let form = "application/x-www-form-urlencoded";
                let body = format!("username={user}&password={}", PASSWORD.replace(' ', "+"));
                let mut answer = post(&format!("/.stepgate/login?to={to}"), form, "", &body);
                if both {
                    let cookie = format!("Cookie: {}\r\n", cookie(&answer, "__Host-stepgate-flow"));
                    let body = format!("method=totp&code={code}");
                    answer = post(&format!("/.stepgate/second-factor?to={to}"), form, &cookie, &body);
                }
                format!("Cookie: {}\r\n", cookie(&answer, "__Host-stepgate"))
            };
            people.push(Who { reason, head, token });
        }
    }
    (front, people)
}

fn cookie(answer: &Answer, name: &str) -> String {
    let mut set = answer.fields.iter().filter(|(field, _)| field == "set-cookie").map(|(_, value)| value.as_str());
    let found = set.find(|value| value.starts_with(&format!("{name}=")));
    let found = found.unwrap_or_else(|| panic!("{} {:?}", answer.status, answer.fields));
    found.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_is_told_as_it_can_understand() {
    let (front, people) = stage().await;
    let mut wire = Wire::to(&front.gateway.url);
    let mut ask = |case: &Case, who: &Who| {
        let Case { method, path, head, .. } = case;
        let length = if matches!(*method, "POST" | "PUT") { "Content-Length: 3\r\n\r\na=b" } else { "\r\n" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: https\r\n{}{head}{length}",
            who.head
        );
        // After the answer to HEAD and an upgrade, what follows belongs to nobody.
        let mut once = Wire::to(&front.gateway.url);
        let wire = if *method == "HEAD" || head.contains("Upgrade") { &mut once } else { &mut wire };
        wire.send(head.as_bytes())
    };
    // A second factor of this second is fresh for a second.
    let probe = case("probe", "GET", "/a", "", Told::Problem);
    for who in people.iter().filter(|who| who.reason == "mfa_expired") {
        wait_until(|| (ask(&probe, who).status == 401).then_some(())).expect("the second factor grows old");
    }
    for who in &people {
        for case in cases() {
            let answer = ask(&case, who);
            let told = if who.token { case.by_token } else { case.told };
            let about = format!("{}, {} by {}", case.name, who.reason, if who.token { "token" } else { "cookie" });
            check(told, &case, who, &answer, &about);
        }
        // A page of another origin opens no WebSocket, whoever is signed in.
        let head = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nOrigin: https://evil.test\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let foreign = case("a WebSocket of another origin", "GET", "/a", head, Told::Refused);
        check(Told::Refused, &foreign, who, &ask(&foreign, who), foreign.name);
        let origin = "Origin: https://evil.test\r\nAccess-Control-Request-Method: PUT\r\n";
        let foreign = case("a preflight of another origin", "OPTIONS", "/answered/x", origin, Told::Refused);
        check(Told::Refused, &foreign, who, &ask(&foreign, who), foreign.name);
    }
}

fn check(told: Told, case: &Case, who: &Who, answer: &Answer, about: &str) {
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let page = if who.reason == "login_required" { "login" } else { "step-up" };
    if told == Told::App {
        assert!(answer.status == 200 && !answer.is_ours(), "{about}");
        return;
    }
    let kind = match told {
        Told::Granted => "preflight",
        Told::Refused => "refusal",
        _ => "challenge",
    };
    assert_eq!(answer.field("x-stepgate-response"), kind, "{about}: {body}");
    assert_eq!(answer.field("cache-control"), "no-store", "{about}");
    assert!(!answer.field("x-request-id").is_empty(), "{about}");
    let vary: Vec<&str> = answer.fields.iter().filter(|(name, _)| name == "vary").map(|(_, v)| v.as_str()).collect();
    assert!(vary.contains(&DEPENDS_ON), "{about}: {vary:?}");
    let cookies: Vec<&(String, String)> = answer.fields.iter().filter(|(name, _)| name == "set-cookie").collect();
    assert_eq!(cookies.len(), usize::from(told == Told::Held), "{about}: {cookies:?}");
    let reads = case.head.contains(SPA) && (case.path.starts_with("/spa") || case.path.starts_with("/answered"));
    assert_eq!(answer.field("access-control-allow-origin"), if reads { SPA } else { "" }, "{about}");
    match told {
        Told::Redirect | Told::Held => {
            assert_eq!(answer.status, 303, "{about}");
            let to = answer.field("location");
            assert!(to.starts_with(&format!("/.stepgate/{page}?to=%2F")), "{about}: {to}");
            assert_eq!(to.contains("&for=POST&form=sgf_"), told == Told::Held, "{about}: {to}");
        }
        Told::Frame => {
            assert_eq!((answer.status, answer.field("content-type")), (401, "text/html; charset=utf-8"), "{about}");
            assert!(
                body.contains(&format!("/.stepgate/{page}?to=%2F")) && body.contains("target=\""),
                "{about}: {body}"
            );
        }
        Told::Problem | Told::Htmx => problem(case, who, answer, about),
        Told::Grpc => {
            assert_eq!((answer.status, answer.field("grpc-status"), body.as_str()), (200, "16", ""), "{about}");
            assert_eq!(answer.field("content-type"), "application/grpc", "{about}");
            assert!(!answer.field("grpc-message").is_empty(), "{about}");
        }
        Told::Faces => {
            let url = format!("/.stepgate/{page}?to=%2Fa&amp;around=%2Fview&amp;for=POST");
            let expected = format!("<partial-response><redirect url=\"{url}\"/></partial-response>");
            assert_eq!((answer.status, answer.field("content-type")), (200, "text/xml; charset=utf-8"), "{about}");
            assert_eq!(body, expected, "{about}");
        }
        Told::Refused => assert_eq!(answer.status, 403, "{about}"),
        Told::Granted => assert_eq!(answer.status, 204, "{about}"),
        Told::App => {}
    }
    if told == Told::Htmx {
        let to = format!("/.stepgate/{page}?to=%2Fa&around=%2Fpage%23x&for=PUT");
        assert_eq!(answer.field("hx-redirect"), to, "{about}");
    } else {
        assert_eq!(answer.field("hx-redirect"), "", "{about}");
    }
}

/// RFC 9457 in the body, RFC 9470 in both.
fn problem(case: &Case, who: &Who, answer: &Answer, about: &str) {
    assert_eq!((answer.status, answer.field("content-type")), (401, "application/problem+json"), "{about}");
    let challenge = answer.field("www-authenticate");
    let scheme = if who.token { "Bearer" } else { "StepUp" };
    let expected = format!(
        "{scheme} realm=\"app.test\", error=\"insufficient_user_authentication\", acr_values=\"urn:stepgate:acr:2\", max_age=\"1\""
    );
    assert_eq!(challenge, expected, "{about}");
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    let code = if who.reason == "login_required" { "login_required" } else { "step_up_required" };
    for (member, expected) in [
        ("status", json!(401)),
        ("code", json!(code)),
        ("reason", json!(who.reason)),
        ("error", json!("insufficient_user_authentication")),
        ("acr_values", json!(["urn:stepgate:acr:2"])),
        ("max_age", json!(1)),
        ("request_id", json!(answer.field("x-request-id"))),
    ] {
        assert_eq!(told[member], expected, "{about}: {member}");
    }
    let page = if who.reason == "login_required" { "login" } else { "step-up" };
    let url = told["login_url"].as_str().unwrap();
    let path = case.path.replace('/', "%2F").replace('?', "%3F").replace('=', "%3D").replace('&', "%26");
    assert!(url.starts_with(&format!("https://app.test/.stepgate/{page}?to={path}")), "{about}: {url}");
    let methods = told["methods"].as_array().unwrap();
    assert!(
        methods.contains(&json!(if who.reason == "login_required" { "password" } else { "totp" })),
        "{about}: {methods:?}"
    );
    assert!(told["type"].is_string() && told["title"].is_string(), "{about}");
}
