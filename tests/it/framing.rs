//! Requests that two parsers could take for different ones, against the built binary: each is refused, answered
//! once by us, and written down once.

use tokio::io::AsyncWriteExt;

use super::support::gateway::Gateway;
use super::support::process::{PATIENCE, wait_until};
use super::support::raw::Wire;

#[test]
fn ambiguous_requests_are_refused_once_with_an_id() {
    let gateway = Gateway::demo();
    let host = Wire::to(&gateway.url).host().to_owned();
    let get = |lines: &str| format!("GET /public/echo HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
    let post = |lines: &str, body: &str| format!("POST /public/echo HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n{body}");
    let chunked = |body: &str| post("Transfer-Encoding: chunked\r\n", body);
    let mut requests = vec![
        post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        post("Content-Length: 1\r\nContent-Length: 2\r\n", "aa"),
        post("Content-Length: 1\r\nContent-Length: 1\r\n", "a"),
        post("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
        get("A: b\r\n c\r\n"),
        get("A: b\nC: d\r\n"),
        get("A: b\rC: d\r\n"),
        get("A: b\0\r\n"),
        get(": b\r\n"),
        get("A : b\r\n"),
        get(&format!("Host: {host}\r\n")),
        get("Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        format!("GET http://other.test/public/echo HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /public/echo x HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("POST /public/echo HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "GET /public/echo HTTP/1.1\r\n\r\n".to_owned(),
    ];
    requests.extend(
        ["+3", "0x3", "-3", "3 ", " 3", "", "fffffffffffffffff", "3;a\nb"]
            .map(|size| chunked(&format!("{size}\r\nabc\r\n0\r\n\r\n"))),
    );
    requests.extend(["3\nabc\n0\n\n", "3\r\nabcX\r\n0\r\n\r\n", "0\r\nno trailer\r\n\r\n"].map(chunked));
    for request in &requests {
        let mut wire = Wire::to(&gateway.url);
        let answer = wire.send(request.as_bytes());
        assert_eq!(answer.status, 400, "{request:?}");
        assert!(answer.is_ours(), "{request:?}");
        let id = answer.field("x-request-id").to_owned();
        assert!(String::from_utf8_lossy(&answer.body).contains(&id) && id.len() == 26, "{request:?}: {id}");
    }
}

#[tokio::test]
async fn each_request_has_one_access_line_even_if_it_never_became_one() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = super::support::small::start(folder.path(), "").await;
    let mut wire = Wire::to(&gateway.url);
    let ids: Vec<String> = [
        "GET /open/a HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET /a/../b HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n",
        "CONNECT app.test:1 HTTP/1.1\r\nHost: app.test:1\r\n\r\n",
        "GET /guarded HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET /caf%E9//x HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "COPY / HTTP/1.1\r\nHost: app.test\r\nDestination: /a;b\r\n\r\n",
        "COPY / HTTP/1.1\r\nHost: app.test\r\nDestination: http://other.test/\r\n\r\n",
    ]
    .iter()
    .map(|request| wire.send(request.as_bytes()).field("x-request-id").to_owned())
    .collect();
    // The reason, and what the app would have to tolerate.
    let reasons = [
        ("no_upstream", None),
        ("dot_segment", None),
        ("malformed_head", None),
        ("request_line", None),
        ("unknown_host", None),
        ("method", None),
        ("login", None),
        ("double_slash", Some("double_slashes, latin1")),
        ("destination", Some("path_parameters")),
        ("destination_elsewhere", None),
    ];
    for (id, (reason, tolerate)) in ids.iter().zip(reasons) {
        let lines = wait_until(|| {
            let log = gateway.process.stderr();
            let lines: Vec<_> =
                log.lines().filter(|l| l.contains(id) && l.contains("\"access\"")).map(str::to_owned).collect();
            (!lines.is_empty()).then_some(lines)
        });
        let lines = lines.unwrap_or_else(|| panic!("no line with {id} ({reason}):\n{}", gateway.process.stderr()));
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((lines.len(), line["reason"].as_str()), (1, Some(reason)), "{lines:?}");
        assert_eq!(line["tolerate"].as_str(), tolerate, "{line}");
        assert!(line["status"].is_u64() && line["duration_ms"].is_u64() && line["decision"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_is_told_as_gone_and_as_no_fault_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = super::support::small::start(folder.path(), "").await;
    let address = gateway.url.trim_start_matches("http://");
    let body = r#"{"username":"ann","password":"not hers"}"#;
    let request = format!(
        "POST /.stepgate/api/v1/login HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let gone = async {
        // One that leaves before it was read is no request at all; its password is hashed meanwhile, if it was.
        while !gateway.process.stderr().contains("\"client_gone\"") {
            let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
            client.write_all(request.as_bytes()).await.unwrap();
            client.set_zero_linger().unwrap();
            drop(client);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("somebody who is gone");
    let log = gateway.process.stderr();
    assert!(!log.contains("\"internal\"") && !log.contains("request failed"), "{log}");
}
