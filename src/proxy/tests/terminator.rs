//! Behind a TLS terminator that `trusted_proxies` names: what it tells of the request that it received is believed, and
//! what anybody else tells is not even looked at.

use super::front::{Front, ask, get};
use super::rig::*;
use crate::auth::network::Networks;
use crate::proxy::settings::ProxySettings;

/// Two apps; `trusted` may tell of others.
fn two_apps(address: std::net::SocketAddr, trusted: &str) -> ProxySettings {
    let mut settings = settings(&[address]);
    let mut other = settings.apps[0].clone();
    other.host = "other.test".to_owned();
    settings.apps.push(other);
    settings.trusted_proxies = Networks::new(vec![trusted.parse().unwrap()]);
    settings
}

const SELF: &str = "127.0.0.0/8";
const ELSEWHERE: &str = "192.0.2.0/24";

#[tokio::test]
async fn the_host_that_it_was_asked_for_chooses_the_app() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(two_apps(address, SELF)).await;
    for (host, told, seen) in [
        ("app.test", "X-Forwarded-Host: other.test", "other.test"),
        ("inner.internal:8080", "X-Forwarded-Host: Other.test:8443\r\nX-Forwarded-Proto: https", "other.test:8443"),
        ("inner.internal", "Forwarded: for=198.51.100.7;proto=https;host=other.test", "other.test"),
        ("app.test", "Forwarded: for=198.51.100.7", "app.test"),
    ] {
        for way in ["", "Proxy-Connection: keep-alive\r\n"] {
            heard.lock().unwrap().clear();
            let told = rig.exchange(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n{told}\r\n{way}\r\n")).await;
            assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
            let heard = heard.lock().unwrap().join("");
            assert_eq!(field(&heard, "host").as_deref(), Some(seen), "{heard}");
            assert_eq!(field(&heard, "x-forwarded-host").as_deref(), Some(seen), "{heard}");
            assert_eq!(field(&heard, "forwarded"), None, "{heard}");
        }
    }
    let unknown = rig.exchange("GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Host: nobody.test\r\n\r\n").await;
    assert!(unknown.starts_with("HTTP/1.1 421 "), "{unknown}");
}

const DOUBTFUL: [&str; 12] = [
    "X-Forwarded-Host: app.test\r\nX-Forwarded-Host: app.test",
    "X-Forwarded-Host: app.test, other.test",
    "X-Forwarded-Host: <x>",
    "X-Forwarded-Proto: http\r\nX-Forwarded-Proto: https",
    "X-Forwarded-Proto: x",
    "X-Forwarded-For: x",
    "Forwarded: x",
    "Forwarded: for=\"1.2.3.4",
    "Forwarded: host=app.test;host=other.test",
    "Forwarded: host=app.test\r\nX-Forwarded-Host: other.test",
    "Forwarded: proto=http\r\nX-Forwarded-Proto: https",
    "Forwarded: for=198.51.100.7\r\nX-Forwarded-For: 198.51.100.8",
];

#[tokio::test]
async fn what_it_tells_twice_differently_or_badly_is_refused() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(two_apps(address, SELF)).await;
    for told in DOUBTFUL {
        let answer = rig.exchange(&format!("GET / HTTP/1.1\r\nHost: app.test\r\n{told}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{told}: {answer}");
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_else_is_looked_at() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(two_apps(address, ELSEWHERE)).await;
    for told in DOUBTFUL.into_iter().chain(["X-Forwarded-Host: other.test", "Forwarded: host=other.test;proto=https"]) {
        heard.lock().unwrap().clear();
        let answer = rig.exchange(&format!("GET / HTTP/1.1\r\nHost: app.test\r\n{told}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{told}: {answer}");
        let heard = heard.lock().unwrap().join("");
        for (name, seen) in [("host", "app.test"), ("x-forwarded-host", "app.test"), ("x-forwarded-proto", "http")] {
            assert_eq!(field(&heard, name).as_deref(), Some(seen), "{told}: {heard}");
        }
    }
}

#[tokio::test]
async fn over_tls_it_may_ask_for_any_app_and_nobody_else_may() {
    let (address, _) = upstream(OK).await;
    let other = || get("/").header("x-forwarded-host", "other.test").body(()).unwrap();
    let front = Front::start(two_apps(address, SELF)).await;
    assert_eq!(ask(&front.h2().await, other()).await.unwrap().status, 200);
    let by_host = http::Request::get("https://other.test/").body(()).unwrap();
    assert_eq!(ask(&front.h2().await, by_host.clone()).await.unwrap().status, 200);
    let front = Front::start(two_apps(address, ELSEWHERE)).await;
    assert_eq!(ask(&front.h2().await, other()).await.unwrap().status, 200, "of the app that the connection is for");
    assert_eq!(ask(&front.h2().await, by_host).await.unwrap().status, 421);
}
