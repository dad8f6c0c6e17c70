//! What apps are told, against the built binary: nobody speaks in the gateway's name, and its secrets stay with it.

use super::support::gateway::Gateway;
use super::support::raw::Wire;

const MANAGED: [&str; 17] = [
    "Remote-User",
    "Remote-Groups",
    "Remote-Email",
    "Remote-Name",
    "X-Stepgate-Assertion",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-User",
    "X-Forwarded-Prefix",
    "Forwarded",
    "X-Real-IP",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Request-Id",
    "True-Client-IP",
];

fn spellings(name: &str) -> Vec<String> {
    let mut all =
        vec![name.to_owned(), name.to_lowercase(), name.to_uppercase(), name.to_lowercase().replace('-', "_")];
    all.extend("_.~+!#$%&'*^`|".chars().map(|c| name.replace('-', &c.to_string())));
    all.push(name.replacen('-', "_", 1));
    all
}

#[test]
fn no_spelling_of_a_managed_header_reaches_the_app() {
    let gateway = Gateway::demo();
    let mut wire = Wire::to(&gateway.url);
    let host = wire.host().to_owned();
    for name in MANAGED {
        let lines: String = spellings(name).iter().map(|n| format!("{n}: spoof\r\n{n}: spoof\r\n")).collect();
        for more in ["".to_owned(), format!("Connection: close, {name}\r\n"), "Cookie: a=1\r\n".to_owned()] {
            let request = format!("GET /public/echo HTTP/1.1\r\nHost: {host}\r\n{lines}{more}\r\n");
            let answer = wire.send(request.as_bytes());
            if answer.status == 400 && more.starts_with("Connection") {
                continue; // a client must not nominate these, and is told so
            }
            assert_eq!(answer.status, 200, "{name} {more:?}");
            let received = answer.received();
            assert!(received.iter().all(|(_, value)| !value.contains("spoof")), "{name}: {received:?}");
            for ours in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"] {
                let count = received.iter().filter(|(n, _)| n.eq_ignore_ascii_case(ours)).count();
                assert_eq!(count, 1, "{ours} beside {name} {more:?}");
            }
        }
    }
}

#[test]
fn trailers_tell_the_app_nothing() {
    let gateway = Gateway::demo();
    let mut wire = Wire::to(&gateway.url);
    let host = wire.host().to_owned();
    let request = format!(
        "POST /public/echo HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nRemote-User: spoof\r\n\r\n"
    );
    let answer = wire.send(request.as_bytes());
    assert_eq!(answer.status, 200);
    assert!(!String::from_utf8_lossy(&answer.body).contains("spoof"));
}

#[test]
fn our_cookies_and_tokens_never_reach_the_app() {
    let gateway = Gateway::demo();
    let mut wire = Wire::to(&gateway.url);
    let host = wire.host().to_owned();
    for line in [
        "Cookie: a=1; __Host-stepgate=KEEP; b=2",
        "Cookie: __Host-stepgate=\"KEEP\"",
        "Cookie: __host-stepgate=KEEP",
        "Cookie:  __Host-stepgate = KEEP",
        "Cookie: a=1;__Host-stepgate-flow=KEEP;b=2",
        "Cookie: __Host_stepgate_device=KEEP",
        "Cookie: a=1\r\nCookie: __Host-stepgate=KEEP\r\ncookie: b=2",
        "Authorization: Bearer sgs_KEEP",
        "authorization: bearer  sgs_KEEP",
        "Authorization: BEARER\tsgs_KEEP",
        "Authorization: Token sgs_KEEP",
        "Authorization: Basic QTpC\r\nAuthorization: Bearer sgs_KEEP",
    ] {
        let request = format!("GET /public/echo HTTP/1.1\r\nHost: {host}\r\n{line}\r\n\r\n");
        let answer = wire.send(request.as_bytes());
        assert_eq!(answer.status, 200, "{line}");
        let received = answer.received();
        assert!(received.iter().all(|(_, value)| !value.contains("KEEP")), "{line}: {received:?}");
    }
    let others = format!(
        "GET /public/echo HTTP/1.1\r\nHost: {host}\r\nCookie: a=\"x y\"; b=2\r\nAuthorization: Bearer theirs\r\n\r\n"
    );
    let received = wire.send(others.as_bytes()).received();
    for (name, value) in [("cookie", "a=\"x y\"; b=2"), ("authorization", "Bearer theirs")] {
        assert!(received.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v == value), "{received:?}");
    }
}
