//! What is valid and means something plainer is taken for that.

use std::collections::BTreeSet;

use http::{Version, header};
use pingora_http::RequestHeader;
use proptest::prelude::*;

use super::rig::*;
use crate::proxy::convert::normalize_head;

/// What the app heard of a request that was answered by it.
async fn heard(request: &str) -> String {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let answer = rig.exchange(request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{request:?}: {answer}");
    heard.lock().unwrap().join("")
}

#[tokio::test]
async fn offers_to_leave_http_are_not_taken_and_reach_nobody() {
    for offer in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n",
        "Connection: upgrade\r\nUpgrade: HTTP/2.0, SHTTP/1.3, IRC/6.9, RTA/x11\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: foo\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
        "Upgrade: h2c\r\n",
        "HTTP2-Settings: x\r\n",
    ] {
        let post = format!("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n{offer}\r\nabc");
        for request in [format!("GET /a HTTP/1.1\r\nHost: app.test\r\n{offer}\r\n"), post] {
            let heard = heard(&request).await;
            for name in ["upgrade", "http2-settings"] {
                assert_eq!(field(&heard, name), None, "{offer:?}: {heard}");
            }
            let body = if request.starts_with("POST") { "abc" } else { "" };
            assert!(heard.ends_with(&format!("\r\n\r\n{body}")), "{offer:?}: {heard}");
        }
    }
    let old = "GET /a HTTP/1.0\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(field(&heard(old).await, "upgrade"), None, "HTTP/1.0 has no upgrades");
}

#[tokio::test]
async fn of_a_list_the_websocket_is_taken() {
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for offer in ["h2c, websocket", "WebSocket , TLS/1.2", "h2c\r\nUpgrade: websocket"] {
        let heard = heard(&format!(
            "GET /a HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: {offer}\r\n{key}\r\n"
        ))
        .await;
        assert_eq!(field(&heard, "upgrade").map(|u| u.to_lowercase()).as_deref(), Some("websocket"), "{offer}");
        assert_eq!(heard.to_lowercase().matches("\r\nupgrade:").count(), 1, "{heard}");
    }
}

#[tokio::test]
async fn an_absolute_target_of_the_host_is_cut_to_its_path() {
    for (line, host, path) in [
        ("GET http://app.test/a?b=c", "app.test", "/a?b=c"),
        ("GET https://app.test/a", "app.test", "/a"),
        ("GET HTTP://app.test:8080/a", "app.test:8080", "/a"),
        ("GET http://APP.test/%61", "APP.test", "/a"),
        ("GET http://app.test", "app.test", "/"),
        ("GET http://app.test?x", "app.test", "/?x"),
        ("PUT http://app.test/a", "app.test", "/a"),
    ] {
        let heard = heard(&format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(heard.split(' ').nth(1), Some(path), "{line}");
        assert_eq!(field(&heard, "host").unwrap().to_lowercase(), host.to_lowercase(), "{line}");
    }
    let old = heard("GET http://app.test/a HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("GET /a HTTP/1.1\r\n") && field(&old, "host").as_deref() == Some("app.test"), "{old}");
}

#[tokio::test]
async fn an_absolute_target_of_another_host_is_refused() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    for (target, host) in [
        ("http://other.test/", "app.test"),
        ("http://app.test/", "other.test"),
        ("http://app.test:81/", "app.test"),
        ("http://app.test/", "app.test:81"),
        ("http://u@app.test/", "app.test"),
        ("http://app.test@other.test/", "app.test"),
        ("http://other.test\\@app.test/", "app.test"),
        ("http:///", "app.test"),
        ("http:/app.test/", "app.test"),
        ("ftp://app.test/", "app.test"),
        ("app.test/", "app.test"),
        ("http://app.test/../guarded", "app.test"),
        ("http://app.test/a", "app.test\r\nHost: app.test"),
    ] {
        let answer = rig.exchange(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{target} {host}: {answer}");
    }
    let guarded = rig.exchange("GET http://app.test/guarded/x HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(guarded.starts_with("HTTP/1.1 401"), "{guarded}");
    let unnamed = rig.exchange("GET http://app.test/ HTTP/1.1\r\n\r\n").await;
    assert!(unnamed.starts_with("HTTP/1.1 400"), "{unnamed}");
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_the_server_allows_is_answered_here() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    for target in ["*", "http://app.test"] {
        let request = format!("OPTIONS {target} HTTP/1.1\r\nHost: app.test\r\n\r\n");
        let answer = rig.exchange(&request).await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{target}: {answer}");
        assert!(field(&answer, "allow").unwrap().contains("GET, HEAD, POST"), "{answer}");
        assert_eq!(field(&answer, "x-request-id").unwrap().len(), 26);
    }
    let unknown = rig.exchange("OPTIONS * HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
    assert!(unknown.starts_with("HTTP/1.1 421"), "{unknown}");
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn letters_left_plain_in_a_query_reach_the_app_as_they_came() {
    let heard = heard("GET /a?q=caf\u{e9}&r=\u{65e5}\u{672c} HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(heard.starts_with("GET /a?q=caf\u{e9}&r=\u{65e5}\u{672c} HTTP/1.1\r\n"), "{heard}");
}

proptest! {
    /// Whatever is offered, what stays is one WebSocket or nothing, and nothing else of the head changes.
    #[test]
    fn one_offer_stays_or_none(
        offers in prop::collection::vec("(h2c|TLS/1\\.2|[wW]eb[sS]ocket|x)?( ?, ?(h2c|websocket|,)){0,2}", 0..3),
        key: bool,
        old: bool,
    ) {
        let mut head = RequestHeader::build("GET", b"/a", None).unwrap();
        head.set_version(if old { Version::HTTP_10 } else { Version::HTTP_11 });
        head.append_header("X-Other", "h2c").unwrap();
        head.append_header("HTTP2-Settings", "x").unwrap();
        for offer in &offers {
            head.append_header("Upgrade", offer).unwrap();
        }
        if key {
            head.append_header("Sec-WebSocket-Key", "x").unwrap();
        }
        normalize_head(&mut head).unwrap();
        let kept: Vec<String> = head.headers.get_all(header::UPGRADE).iter().map(|u| u.to_str().unwrap().to_lowercase()).collect();
        let offered = offers.iter().flat_map(|offer| offer.split(',')).any(|offer| offer.trim().eq_ignore_ascii_case("websocket"));
        let alone = offers.len() == 1 && offers[0].eq_ignore_ascii_case("websocket");
        let expected: &[&str] = if !old && offered && (key || alone) { &["websocket"] } else { &[] };
        prop_assert_eq!(kept, expected);
        let names: BTreeSet<&str> = head.headers.keys().map(|name| name.as_str()).filter(|name| *name != "upgrade").collect();
        let expected: BTreeSet<&str> = if key { ["x-other", "sec-websocket-key"].into() } else { ["x-other"].into() };
        prop_assert_eq!(names, expected);
    }
}
