//! Apps that speak of themselves, over either way to them, over HTTP/1.1 and HTTP/2, in the clear and behind TLS.

use std::net::SocketAddr;

use super::front::{Front, ask, get};
use super::rig::*;
use crate::auth::network::Networks;
use crate::proxy::settings::ProxySettings;

/// A matter of one hop, which makes a request take Pingora's way.
const WAYS: [&str; 2] = ["", "Proxy-Connection: keep-alive\r\n"];

/// What an app says that knows itself by its `Host`.
const OF_ITSELF: &str = "HTTP/1.1 302 Found\r\nLocation: http://erp.internal/next?a=/b\r\n\
    Content-Location: http://erp.internal/\r\nRefresh: 1; url=http://erp.internal/\r\nSet-Cookie: a=1; Domain=erp.internal\r\n\
    Set-Cookie: b=2; Domain=evil.test\r\nX-Accel-Redirect: /secret\r\nX-Sendfile: /secret\r\nContent-Length: 2\r\n\r\nok";

fn with_host_header(address: SocketAddr) -> ProxySettings {
    let mut settings = settings(&[address]);
    settings.apps[0].upstream.host_header = Some("erp.internal".to_owned());
    settings
}

fn cookies(head: &str) -> Vec<&str> {
    head.lines()
        .filter_map(|line| line.strip_prefix("Set-Cookie: ").or_else(|| line.strip_prefix("set-cookie: ")))
        .collect()
}

#[tokio::test]
async fn answers_of_an_app_name_it_as_the_browser_does() {
    let (address, _) = upstream(OF_ITSELF).await;
    let rig = Rig::start(with_host_header(address)).await;
    for (method, way) in [("GET", WAYS[0]), ("GET", WAYS[1]), ("POST", "Content-Length: 0\r\n")] {
        let told = rig.exchange(&format!("{method} / HTTP/1.1\r\nHost: app.test:9000\r\n{way}\r\n")).await;
        assert_eq!(field(&told, "location").as_deref(), Some("http://app.test:9000/next?a=/b"), "{told}");
        assert_eq!(field(&told, "content-location").as_deref(), Some("http://app.test:9000/"), "{told}");
        assert_eq!(field(&told, "refresh").as_deref(), Some("1; url=http://app.test:9000/"), "{told}");
        assert_eq!(cookies(&told), ["a=1", "b=2; Domain=evil.test"], "{told}");
        assert!(!told.contains("erp.internal") && !told.contains("/secret"), "{told}");
    }
}

#[tokio::test]
async fn behind_tls_they_name_https_and_cookies_are_secured() {
    let (address, _) = upstream(OF_ITSELF).await;
    let front = Front::start(with_host_header(address)).await;
    let told = ask(&front.h2().await, get("/").body(()).unwrap()).await.unwrap();
    assert_eq!(told.header("location"), "https://app.test/next?a=/b");
    let cookies: Vec<_> = told.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert_eq!(cookies, ["a=1; Secure", "b=2; Domain=evil.test; Secure"]);
}

#[tokio::test]
async fn behind_a_terminator_they_name_what_it_was_asked() {
    let (address, _) = upstream(OF_ITSELF).await;
    let mut settings = with_host_header(address);
    settings.trusted_proxies = Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let rig = Rig::start(settings).await;
    for way in WAYS {
        let request = format!("GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Proto: https\r\n{way}\r\n");
        let told = rig.exchange(&request).await;
        assert_eq!(field(&told, "location").as_deref(), Some("https://app.test/next?a=/b"), "{told}");
        assert_eq!(cookies(&told)[0], "a=1; Secure");
    }
}

#[tokio::test]
async fn an_app_that_is_told_another_host_sees_its_own_pages_as_its_own() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(with_host_header(address)).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n";
    for way in [WAYS[0], WAYS[1], upgrade] {
        for (told, origin, referer) in [
            ("http://app.test:9000", "http://erp.internal", "http://erp.internal/a?b"),
            ("http://evil.test", "http://evil.test", "http://evil.test/a?b"),
            ("https://app.test:9000", "https://app.test:9000", "https://app.test:9000/a?b"),
            ("http://erp.internal", "null", ""),
        ] {
            heard.lock().unwrap().clear();
            let headers = format!("Origin: {told}\r\nReferer: {told}/a?b\r\n{way}");
            rig.exchange(&format!("GET / HTTP/1.1\r\nHost: app.test:9000\r\n{headers}\r\n")).await;
            let heard = heard.lock().unwrap().join("");
            assert_eq!(field(&heard, "host").as_deref(), Some("erp.internal"), "{heard}");
            assert_eq!(field(&heard, "origin").as_deref(), Some(origin), "{heard}");
            assert_eq!(field(&heard, "referer").unwrap_or_default(), referer, "{heard}");
        }
    }
}
