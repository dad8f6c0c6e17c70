//! Nobody but us speaks about the client: aliases × case × `Connection`, on public rules and WebSockets.

use super::rig::*;
use crate::proxy::convert;
use crate::proxy::settings::{BasicAuth, IdentitySettings, JwtSettings};
use crate::proxy::upstream::identity_headers::{Forwarded, IdentityHeaders};
use crate::proxy::upstream::request_head::UpstreamHead;
use http::HeaderValue;
use pingora_http::RequestHeader;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

fn aliases() -> Vec<String> {
    let mut all = Vec::new();
    for name in [
        "Remote-User",
        "Remote-Groups",
        "Remote-Email",
        "Remote-Name",
        "X-Forwarded-For",
        "X-Forwarded-User",
        "X-Real-IP",
        "Forwarded",
        "Auth-User",
        "X-Remote-User",
        "X-Auth-Request-Email",
        "X-Authenticated-User",
        "X-Webauth-User",
        "Stepgate-Device",
    ] {
        for separator in ["-", "_", ".", "~", "+"] {
            let alias = name.replace('-', separator);
            all.extend([alias.to_lowercase(), alias.to_uppercase(), alias]);
        }
    }
    all
}

#[tokio::test]
async fn no_alias_reaches_an_app_on_a_public_rule_or_a_websocket() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n";
    for special in ["", upgrade] {
        for chunk in aliases().chunks(40) {
            let lines: String = chunk.iter().map(|a| format!("{a}: evil\r\n{a}: evil2\r\n")).collect();
            let answer = rig.exchange(&format!("GET / HTTP/1.1\r\nHost: app.test\r\n{special}{lines}\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
    let heard = heard.lock().unwrap().join("");
    assert!(!heard.contains("evil"), "{heard}");
    assert!(heard.contains("X-Forwarded-For: 127.0.0.1\r\n") && heard.contains("X-Forwarded-Proto: http\r\n"));
}

#[tokio::test]
async fn a_connection_header_deletes_nothing_of_ours() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    for nominated in ["x-request-id", "X-Request-Id, keep-alive"] {
        let request =
            format!("GET / HTTP/1.1\r\nHost: app.test\r\nX-Request-Id: evil\r\nConnection: {nominated}\r\n\r\n");
        assert!(rig.exchange(&request).await.starts_with("HTTP/1.1 200"));
    }
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 2);
    assert!(heard.iter().all(|h| field(h, "x-request-id").is_some_and(|id| id.len() == 26)), "{heard:?}");
}

#[tokio::test]
async fn our_cookies_and_tokens_stay_here_and_crumbs_are_joined() {
    let (address, heard) = upstream(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: __Host-stepgate=planted\r\nSet-Cookie: sid=1\r\n\r\n",
    )
    .await;
    let rig = Rig::start(settings(&[address])).await;
    let token = crate::auth::session::SessionToken::mint(&[1; 32]);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: app.test\r\nCookie: a=1; __Host-stepgate=s\r\nCookie: b=2; __host-STEPGATE-flow=f\r\nAuthorization: Bearer {}\r\n\r\n",
        token.expose()
    );
    let answer = rig.exchange(&request).await;
    assert!(answer.contains("sid=1") && !answer.contains("planted"), "{answer}");
    let heard = heard.lock().unwrap().join("");
    assert_eq!(field(&heard, "cookie").as_deref(), Some("a=1; b=2"));
    assert_eq!(field(&heard, "authorization"), None);
}

/// The head that an app gets before a body of so many bytes, over either way: as Pingora sends it, and as the short way
/// does, if it may.
fn dressed(
    settings: &IdentitySettings,
    client: &[(String, String)],
    who: bool,
    (method, length): (&str, u64),
) -> (RequestHeader, Option<String>) {
    let identity_headers = IdentityHeaders::new(settings).unwrap();
    let mut request = RequestHeader::build(method, b"/%41", None).unwrap();
    for (name, value) in client {
        request.append_header(name.clone(), value.as_str()).unwrap();
    }
    let signer: crate::proxy::Signer = Arc::new(|who, _, jwt| Ok(format!("{}@{}", who.id, jwt.audience)));
    let (chain, host) = (HeaderValue::from_static("192.0.2.7"), HeaderValue::from_static("app.test"));
    let told = Forwarded { chain: &chain, https: true, host: &host, request_id: "01ID" };
    let ann = session("ann", &["staff", "a,b"]);
    let who = who.then_some((&ann, None, &signer));
    let upstream_head =
        || UpstreamHead::new(&identity_headers, &request, "/A?b=%20", host.clone(), &told, who).unwrap();
    let told = (length > 0 || convert::may_expect_body(&request.method)).then_some(length);
    let wire =
        upstream_head().to_bytes(&request, told, length > 0).map(|wire| String::from_utf8(wire.to_vec()).unwrap());
    let mut sent = RequestHeader::build(method, b"/%41", None).unwrap();
    for (name, value) in client {
        sent.append_header(name.clone(), value.as_str()).unwrap();
    }
    upstream_head().apply_to(&mut sent).unwrap();
    if length == 0 {
        convert::tell_no_body(&mut sent).unwrap();
    }
    (sent, wire)
}

fn vouched(settings: &IdentitySettings, client: &[(&str, &str)]) -> RequestHeader {
    let client: Vec<_> = client.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    dressed(settings, &client, true, ("GET", 0)).0
}

fn everything() -> IdentitySettings {
    IdentitySettings {
        user: Some("Remote-User".to_owned()),
        groups: Some("Remote-Groups".to_owned()),
        email: Some("Remote-Email".to_owned()),
        name: Some("Remote-Name".to_owned()),
        jwt: Some(JwtSettings {
            header: "X-Assert".to_owned(),
            audience: "erp".to_owned(),
            lifetime: Duration::from_secs(60),
            risk: false,
        }),
        basic_auth: Some(BasicAuth { username: "svc".to_owned(), password: secret("pw"), override_client: false }),
        pass: Vec::new(),
    }
}

/// What is a matter of one hop, or announces a body, and makes a request take the long way.
const LONG_WAY: [&str; 9] = [
    "Trailer",
    "Expect",
    "Upgrade",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "HTTP2-Settings",
    "Transfer-Encoding",
];

/// Some header of a client: an alias of ours, one that is judged, or any.
fn header() -> impl Strategy<Value = (String, String)> {
    let judged =
        ["Cookie", "cookie", "Host", "Authorization", "AUTHORIZATION", "Connection", "Accept", "X-Request-ID", "te"];
    let names = prop_oneof![
        2 => proptest::sample::select(aliases()),
        4 => proptest::sample::select(judged.map(str::to_owned).to_vec()),
        2 => proptest::sample::select(LONG_WAY.map(str::to_owned).to_vec()),
        2 => "[a-zA-Z][a-zA-Z_.-]{0,12}",
    ];
    let token = crate::auth::session::SessionToken::mint(&[1; 32]).expose().to_owned();
    let values = prop_oneof![
        Just("a=1; __Host-stepgate=s; b=2".to_owned()),
        Just(format!("Bearer {token}")),
        Just("Basic own".to_owned()),
        Just("keep-alive".to_owned()),
        Just("close".to_owned()),
        Just("close, X-Request-Id".to_owned()),
        "[!-~]{0,9}",
    ];
    (names, values)
}

proptest! {
    /// Both ways show an app the same, and the short one is not taken by what is more than a simple question.
    #[test]
    fn either_way_shows_the_app_the_same(
        mut client in proptest::collection::vec(header(), 0..7), who: bool, override_client: bool,
        method in proptest::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]),
        length in prop_oneof![Just(0), 1_u64..20_000],
        announced in proptest::option::weighted(0.7, prop_oneof![4 => Just(0), 1 => Just(1_u64)]), at: prop::sample::Index,
    ) {
        let mut settings = everything();
        settings.basic_auth.as_mut().unwrap().override_client = override_client;
        if let Some(more) = announced {
            client.insert(at.index(client.len() + 1), ("content-length".to_owned(), (length + more).to_string()));
        }
        // A body without a length is never small.
        prop_assume!(length == 0 || announced == Some(0) || announced == Some(1));
        let (sent, wire) = dressed(&settings, &client, who, (method, length));
        let is = |name: &str, among: &[&str]| among.iter().any(|other| name.eq_ignore_ascii_case(other));
        let simple = client.iter().all(|(name, value)| {
            !is(name, &LONG_WAY) && (!is(name, &["connection"]) || is(value, &["keep-alive", "close"]))
        }) && announced.unwrap_or_default() == 0;
        prop_assert_eq!(wire.is_some(), simple);
        let Some(wire) = wire else { return Ok(()) };
        let mut buffer = Vec::new();
        sent.header_to_h1_wire(&mut buffer);
        let sent_lines = String::from_utf8(buffer).unwrap();
        let sorted = |lines: &str| {
            // Pingora writes the one later, and leaves the other away.
            let theirs = |line: &&str| !["connection:", "te:"].iter().any(|name| line.to_lowercase().starts_with(name));
            let mut lines: Vec<_> = lines.lines().filter(theirs).map(|line| {
                // How some names are spelled is ours in one, the client's in the other.
                let (name, value) = line.split_once(": ").unwrap_or((line, ""));
                let ours = ["host", "cookie", "authorization", "content-length"];
                let name = if is(name, &ours) { name.to_lowercase() } else { name.to_owned() };
                format!("{name}: {value}")
            }).collect();
            lines.sort();
            lines
        };
        let (first, lines) = wire.strip_suffix("\r\n\r\n").unwrap().split_once("\r\n").unwrap();
        prop_assert_eq!(first, format!("{method} /A?b=%20 HTTP/1.1"));
        prop_assert_eq!(field(lines, "te"), None);
        prop_assert_eq!(field(lines, "connection"), (length > 0).then(|| "close".to_owned()));
        prop_assert_eq!(std::str::from_utf8(sent.raw_path()).unwrap(), "/A?b=%20");
        prop_assert_eq!(sorted(lines), sorted(sent_lines.trim_end()));
        let ours = |line: &str| match line.to_lowercase().split_once(": ") {
            Some(("cookie", value)) => value.contains("__host-stepgate"),
            Some(("authorization", value)) => value.contains("sgs_"),
            _ => false,
        };
        prop_assert!(!lines.lines().any(ours), "{}", wire);
    }
}

#[test]
fn identity_is_set_from_the_permit_or_absent() {
    let settings = everything();
    let request = vouched(&settings, &[("remote_email", "evil@x"), ("Remote-User", "root")]);
    let get = |name: &str| request.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    assert_eq!(get("remote-user").as_deref(), Some("ann"));
    assert_eq!(get("remote-groups").as_deref(), Some("staff,a%2Cb"));
    assert_eq!(get("remote-name").as_deref(), Some("Ann M%C3%BCller"));
    assert_eq!((get("remote-email"), get("remote_email")), (None, None), "unknown to us: absent");
    assert_eq!(get("x-assert").as_deref(), Some("01SESSION@erp"));
    assert_eq!(get("authorization").as_deref(), Some("Basic c3ZjOnB3"));
    let request = vouched(&settings, &[("Authorization", "Basic own")]);
    assert_eq!(request.headers.get("authorization").unwrap(), "Basic own", "the client's is kept");
}

#[tokio::test]
async fn what_is_forwarded_is_believed_only_from_trusted_proxies() {
    let (address, heard) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.trusted_proxies = crate::auth::network::Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let rig = Rig::start(settings).await;
    let mut stream = rig.connect().await;
    let request = "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc-1\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(&mut stream).await;
    let heard = heard.lock().unwrap().join("");
    assert_eq!(field(&heard, "x-forwarded-for").as_deref(), Some("198.51.100.9, 127.0.0.1"));
    assert_eq!(field(&heard, "x-forwarded-proto").as_deref(), Some("https"));
    assert_eq!(field(&heard, "x-request-id").as_deref(), Some("abc-1"));
}

#[tokio::test]
async fn a_method_in_a_header_is_judged_like_the_one_that_was_sent() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    for (header, status) in [
        ("X-Other: DELETE", "200"),
        ("X-HTTP-Method-Override: PUT", "200"),
        ("X-HTTP-Method-Override:", "200"),
        ("X-HTTP-Method-Override: DELETE", "403"),
        ("X_HTTP_Method.override: delete", "403"),
        ("x-http-method:  Delete", "403"),
        ("X-Method-Override: PUT\r\nX-Method-Override: DELETE", "403"),
        ("X-Method-Override: PUT, DELETE", "400"),
        ("X-Method-Override: D\u{e9}LETE", "400"),
    ] {
        heard.lock().unwrap().clear();
        let told = rig.exchange(&format!("POST /kept/x HTTP/1.1\r\nHost: app.test\r\n{header}\r\n\r\n")).await;
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{header}: {told}");
        assert_eq!(heard.lock().unwrap().len(), usize::from(status == "200"), "{header}");
        let elsewhere = format!("POST /x HTTP/1.1\r\nHost: app.test\r\n{header}\r\n\r\n");
        assert_eq!(rig.exchange(&elsewhere).await.starts_with("HTTP/1.1 200 "), status != "400", "{header}");
    }
}
