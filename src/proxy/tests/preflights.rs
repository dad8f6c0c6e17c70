//! CORS preflights under every kind of rule, over HTTP/1 and HTTP/2: what reaches the app, and what is answered for it.

use bytes::Bytes;

use super::front::{Front, Send, Told, ask, read};
use super::rig::*;

const ORIGIN: (&str, &str) = ("origin", "https://spa.test");
const PUT: (&str, &str) = ("access-control-request-method", "PUT");

/// One kind of client.
enum Speaks<'a> {
    Http1(&'a Rig),
    Http2(&'a Send),
}

impl Speaks<'_> {
    /// Sends a head and reads the answer.
    async fn ask(&self, path: &str, fields: &[(&str, &str)]) -> Told {
        match self {
            Self::Http1(rig) => {
                let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let request = format!("OPTIONS {path} HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n");
                let mut stream = rig.connect().await;
                say(&mut stream, &request).await;
                let (head, body) = answer(&mut stream).await;
                let mut headers = http::HeaderMap::new();
                for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
                    headers.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
                }
                let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
                Told { status, headers, body: String::from_utf8(body).unwrap() }
            }
            Self::Http2(send) => {
                let mut request = http::Request::builder().method("OPTIONS").uri(format!("https://app.test{path}"));
                for (name, value) in fields {
                    request = request.header(*name, *value);
                }
                ask(send, request.body(()).unwrap()).await.unwrap()
            }
        }
    }
}

fn allows_nothing(told: &Told) -> bool {
    let granting = ["methods", "headers", "max-age"];
    granting.iter().all(|name| !told.headers.contains_key(format!("access-control-allow-{name}")))
        && (told.status >= 400 || !told.headers.contains_key("access-control-allow-origin"))
}

/// Requests that only look like preflights: what a browser never sends.
fn imitations() -> Vec<Vec<(&'static str, &'static str)>> {
    let with = |more: (&'static str, &'static str)| vec![ORIGIN, PUT, more];
    vec![
        vec![PUT],
        vec![ORIGIN],
        vec![],
        vec![("origin", "spa.test"), PUT],
        vec![("origin", "https://spa.test/"), PUT],
        vec![ORIGIN, ("access-control-request-method", "PUT, GET")],
        vec![ORIGIN, ("access-control-request-method", "")],
        vec![ORIGIN, ("access-control-request-method", "TRACE")],
        with(("access-control-request-headers", "x a")),
        with(("access-control-request-headers", "")),
        with(("access-control-request-method", "GET")),
        with(("origin", "https://spa.test")),
        with(("x-http-method-override", "DELETE")),
        with(("x_http_method", "PUT")),
    ]
}

#[tokio::test]
async fn an_imitated_preflight_is_a_request_like_any_other() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    let h2 = front.h2().await;
    for client in [Speaks::Http1(&front.rig), Speaks::Http2(&h2)] {
        for fields in imitations() {
            for (path, status) in [("/guarded/x", 401), ("/passed/x", 401), ("/answered/x", 401), ("/shut/x", 403)] {
                let told = client.ask(path, &fields).await;
                assert_eq!(told.status, status, "{path} {fields:?}");
                assert!(allows_nothing(&told), "{path} {fields:?}: {:?}", told.headers);
            }
        }
        // A rule that says nothing of preflights lets not even a true one by.
        for (path, status) in [("/guarded/x", 401), ("/shut/x", 403), ("/PASSED/x", 401)] {
            assert_eq!(client.ask(path, &[ORIGIN, PUT]).await.status, status, "{path}");
        }
    }
    assert!(heard.lock().unwrap().is_empty(), "{:?}", heard.lock().unwrap());
}

#[tokio::test]
async fn a_preflight_with_a_body_is_none() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    for body in ["Content-Length: 8\r\n\r\nsmuggled", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"] {
        let head = "OPTIONS /passed/x HTTP/1.1\r\nHost: app.test\r\nOrigin: https://spa.test\r\nAccess-Control-Request-Method: PUT\r\n";
        let told = front.rig.exchange(&format!("{head}{body}")).await;
        assert!(told.starts_with("HTTP/1.1 401"), "{told}");
    }
    let h2 = front.h2().await;
    for body in ["smuggled", ""] {
        let request = http::Request::builder().method("OPTIONS").uri("https://app.test/passed/x");
        let request = request.header(ORIGIN.0, ORIGIN.1).header(PUT.0, PUT.1).body(()).unwrap();
        let (answer, mut stream) = h2.clone().ready().await.unwrap().send_request(request, false).unwrap();
        stream.send_data(Bytes::from_static(body.as_bytes()), true).unwrap();
        assert_eq!(read(within(answer).await.unwrap()).await.unwrap().status, 401, "{body:?}");
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_true_preflight_passes_without_any_credentials() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    let h2 = front.h2().await;
    for client in [Speaks::Http1(&front.rig), Speaks::Http2(&h2)] {
        for more in [
            vec![],
            vec![("access-control-request-headers", "authorization,x-a")],
            vec![("content-length", "0")],
            vec![("remote-user", "root"), ("cookie", "__Host-stepgate=x; app=1"), ("authorization", "Basic YTpi")],
        ] {
            let told = client.ask("/passed/x?q", &[vec![ORIGIN, PUT], more.clone()].concat()).await;
            assert_eq!(told.status, 200, "{more:?}");
            let got = heard.lock().unwrap().pop().expect("the app was asked");
            assert!(got.starts_with("OPTIONS /passed/x?q HTTP/1.1"), "{got}");
            assert_eq!(field(&got, PUT.0).as_deref(), Some("PUT"));
            for none in ["remote-user", "cookie", "authorization"] {
                assert!(field(&got, none).is_none(), "{none}: {got}");
            }
        }
        // Where OPTIONS is open to everybody, the app answers for itself, credentials and all.
        assert_eq!(client.ask("/open", &[ORIGIN, PUT, ("cookie", "app=1")]).await.status, 200);
        assert_eq!(field(&heard.lock().unwrap().pop().unwrap(), "cookie").as_deref(), Some("app=1"));
    }
}

#[tokio::test]
async fn the_gateway_allows_exactly_what_the_rule_says() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    let h2 = front.h2().await;
    for client in [Speaks::Http1(&front.rig), Speaks::Http2(&h2)] {
        for more in [vec![], vec![("access-control-request-headers", "x-a,X-B")]] {
            let told = client.ask("/answered/x", &[vec![ORIGIN, PUT], more].concat()).await;
            assert_eq!((told.status, told.body.as_str()), (204, ""));
            assert!(!told.headers.contains_key("content-length"));
            for (name, value) in [
                ("access-control-allow-origin", "https://spa.test"),
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-methods", "GET, PUT"),
                ("access-control-allow-headers", "x-a, x-b"),
                ("access-control-max-age", "600"),
                ("x-stepgate-response", "preflight"),
            ] {
                assert_eq!(told.header(name), value, "{name}");
            }
            let varies: Vec<&str> = told.headers.get_all("vary").iter().map(|v| v.to_str().unwrap()).collect();
            for name in ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"] {
                assert!(varies.join(", ").contains(name), "{varies:?}");
            }
        }
        for (origin, method, headers, reason) in [
            ("https://evil.test", "PUT", None, "cors_origin"),
            ("https://spa.test:8443", "PUT", None, "cors_origin"),
            ("http://spa.test", "PUT", None, "cors_origin"),
            ("null", "PUT", None, "cors_origin"),
            ("https://spa.test", "DELETE", None, "cors_method"),
            ("https://spa.test", "PUT", Some("x-a,x-c"), "cors_header"),
        ] {
            let mut fields = vec![("origin", origin), ("access-control-request-method", method)];
            fields.extend(headers.map(|names| ("access-control-request-headers", names)));
            let told = client.ask("/answered/x", &fields).await;
            assert_eq!(told.status, 403, "{fields:?}");
            assert!(told.body.contains(reason) && allows_nothing(&told), "{fields:?}: {told:?}");
            assert!(!told.headers.contains_key("access-control-allow-origin"), "{told:?}");
        }
    }
    assert!(heard.lock().unwrap().is_empty());
}
