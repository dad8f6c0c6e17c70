//! HTTP/2 requests whose authority is broken are answered like their HTTP/1 twins, with our page and an id.

use http::{Request, Version};

use super::front::*;
use super::rig::*;

/// A request with this `:authority` and these `Host` fields; `None`: no `:authority`.
fn of(authority: Option<&str>, hosts: &[&str]) -> Request<()> {
    let mut request = match authority {
        Some(authority) => Request::get(format!("https://{authority}/x")),
        // The client leaves out `:authority` only from what it takes for a translated request.
        None => Request::get("/x").version(Version::HTTP_11),
    };
    for host in hosts {
        request = request.header("host", http::HeaderValue::from_bytes(host.as_bytes()).unwrap());
    }
    request.body(()).unwrap()
}

const BROKEN: [(Option<&str>, &[&str]); 14] = [
    (None, &[]),
    (None, &[""]),
    (None, &["app.test", "app.test"]),
    (None, &["u@app.test"]),
    (None, &["app.test/x"]),
    (None, &["app.test:x"]),
    (None, &["app_\u{e9}.test"]),
    (Some("app.test"), &["other.test"]),
    (Some("app.test"), &["app.test", "app.test"]),
    (Some("app.test"), &["app.test:443"]),
    (Some("app.test"), &[""]),
    (Some("u@app.test"), &[]),
    (Some("u@app.test"), &["u@app.test"]),
    (Some("app!.test"), &[]),
];

#[tokio::test]
async fn a_broken_authority_is_answered_with_our_page_and_an_id() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    let send = front.h2().await;
    for (authority, hosts) in BROKEN {
        for accept in ["text/html", "application/json"] {
            let mut request = of(authority, hosts);
            request.headers_mut().insert("accept", accept.parse().unwrap());
            let told = ask(&send, request).await.unwrap();
            let case = format!("{authority:?} {hosts:?} {accept}");
            assert_eq!(told.status, 400, "{case}");
            let expected = if accept == "text/html" { "text/html" } else { "application/problem+json" };
            assert!(told.header("content-type").starts_with(expected), "{case}: {:?}", told.headers);
            assert!(!told.header("x-stepgate-response").is_empty(), "{case}");
            let id = told.header("x-request-id");
            assert!(id.len() == 26 && told.body.contains(id), "{case}: {id} {}", told.body);
        }
    }
    assert!(heard.lock().unwrap().is_empty(), "{heard:?}");
    // All of that on one connection, which goes on: Pingora would have closed it at the 32nd.
    assert_eq!(ask(&send, get("/").body(()).unwrap()).await.unwrap().status, 200);
}

#[tokio::test]
async fn one_host_has_one_spelling_over_http2_too() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    let send = front.h2().await;
    let cases: [(Option<&str>, &[&str]); 6] = [
        (Some("APP.test"), &[]),
        (Some("app.test."), &[]),
        (Some("app.test:8443"), &[]),
        (Some("app.test"), &["APP.TEST"]),
        (None, &["app.test"]),
        (None, &["App.Test.:99"]),
    ];
    for (authority, hosts) in cases {
        assert_eq!(ask(&send, of(authority, hosts)).await.unwrap().status, 200, "{authority:?} {hosts:?}");
    }
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 6);
    for request in heard.iter() {
        assert_eq!(request.matches("\r\nhost: ").count() + request.matches("\r\nHost: ").count(), 1, "{request}");
        let host = field(request, "host").unwrap();
        assert_eq!(host.split(':').next(), Some("app.test"), "{request}");
    }
}
