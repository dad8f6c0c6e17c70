//! HTTP/2 against the built binary: what is malformed ends its stream and reaches nobody; what is merely wrong is
//! answered, and written down once.

use http::{Request, Version};
use serde_json::Value;

use super::support::frames::*;
use super::support::front::{Front, ask};
use super::support::process::wait_until;

type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

const GET: [(&[u8], &[u8]); 4] =
    [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"app.test"), (b":path", b"/x")];

/// A proper head, and more.
fn with<'a>(name: &'a [u8], value: &'a [u8]) -> Fields<'a> {
    GET.into_iter().chain([(name, value)]).collect()
}

/// A proper head, but for one field; an empty name: without it.
fn but<'a>(field: usize, name: &'a [u8], value: &'a [u8]) -> Fields<'a> {
    let mut fields = GET.to_vec();
    fields[field] = (name, value);
    fields.into_iter().filter(|(name, _)| !name.is_empty()).collect()
}

/// What RFC 9113 §8.1.1 calls malformed: the library below us resets the stream.
fn malformed() -> Vec<Fields<'static>> {
    let mut all: Vec<Fields<'static>> =
        [b"".as_slice(), b"a b", b"app.test/x", b"app.test?x", b"\xff", b"app.test\0", b"[::1"]
            .map(|authority| but(2, b":authority", authority))
            .to_vec();
    all.extend([0, 1, 3].map(|missing| but(missing, b"", b"")));
    all.extend([
        but(3, b":path", b""),
        but(3, b":path", b"x"),
        but(3, b":path", b"http://app.test/x"),
        but(3, b":path", b"/a b"),
        but(3, b":path", b"/a\r\nX: y"),
        but(3, b":path", b"/\0"),
        but(0, b":method", b"GE T"),
        but(1, b":scheme", b"ht tps"),
        with(b":path", b"/y"),
        with(b":authority", b"app.test"),
        with(b":status", b"200"),
        with(b":protocol", b"websocket"),
        with(b":other", b"x"),
        vec![GET[0], GET[1], (b"a", b"b"), GET[2], GET[3]],
        with(b"Upper", b"x"),
        with(b"a b", b"x"),
        with(b"", b"x"),
        with(b"a", b"x\0"),
        with(b"a", b"x\ny: z"),
        with(b"a", b"x\r\ny: z"),
        with(b"host", b"app.test\r\nx: y"),
        with(b"connection", b"close"),
        with(b"connection", b"remote-user"),
        with(b"keep-alive", b"x"),
        with(b"proxy-connection", b"x"),
        with(b"transfer-encoding", b"chunked"),
        with(b"upgrade", b"h2c"),
        with(b"te", b"gzip"),
        with(b"content-length", b"5"),
        with(b"content-length", b"x"),
        with(b"content-length", b"-1"),
    ]);
    all
}

/// Of the grammar, but not what a server serves: answered by us.
fn wrong() -> Vec<(Fields<'static>, u16)> {
    let mut all: Vec<(Fields<'static>, u16)> = vec![
        (but(2, b"", b""), 400),
        (but(2, b":authority", b"u@app.test"), 400),
        (but(2, b":authority", b"app!.test"), 400),
        (but(2, b":authority", b"app.test:x"), 400),
        (but(2, b":authority", b"a,b"), 400),
        (but(2, b":authority", b"a@b@c"), 400),
        (but(2, b":authority", b"other.test"), 421),
        (with(b"host", b"other.test"), 400),
        (with(b"host", b""), 400),
        (but(0, b":method", b"TRACE"), 405),
        (vec![(b":method", b"CONNECT"), (b":authority", b"app.test:443")], 405),
        ([with(b"host", b"app.test"), vec![(b"host", b"app.test")]].concat(), 400),
        ([with(b"content-length", b"0"), vec![(b"content-length", b"0")]].concat(), 400),
    ];
    let targets: [&[u8]; 4] = [b"*", b"//other.test/../x", b"/../x", b"/%2e%2e/x"];
    all.extend(targets.map(|target| (but(3, b":path", target), 400)));
    let hosts: [&[u8]; 4] = [b"", b"u@app.test", b"\xff", b"app.test/x"];
    all.extend(hosts.map(|host| ([but(2, b"", b""), vec![(b"host", host)]].concat(), 400)));
    all
}

async fn end_of(frames: &mut Frames, fields: &Fields<'_>) -> End {
    let stream = frames.open();
    frames.say(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(fields))).await.unwrap();
    frames.end_of(stream).await
}

fn shown(fields: &Fields<'_>) -> String {
    fields.iter().map(|(name, value)| format!("{}: {}\n", name.escape_ascii(), value.escape_ascii())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_are_reset_and_wrong_ones_answered() {
    let front = Front::start("").await;
    for fields in malformed() {
        // Some of them cannot be read at all, and end the connection.
        let end = end_of(&mut front.frames(&[]).await, &fields).await;
        assert!(
            matches!(end, End::Reset(PROTOCOL_ERROR) | End::Gone(Some(PROTOCOL_ERROR))),
            "{}{end:?}",
            shown(&fields)
        );
    }
    let mut frames = front.frames(&[]).await;
    for (fields, expected) in wrong() {
        let End::Answer(status, body) = end_of(&mut frames, &fields).await else { panic!("{}", shown(&fields)) };
        assert_eq!(status, expected, "{}", shown(&fields));
        let problem: Value = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{}", shown(&fields)));
        assert_eq!(problem["request_id"].as_str().map(str::len), Some(26), "{}", shown(&fields));
    }
    // All of that on one connection, which is well.
    let told = frames.get(b"app.test", b"/public/x").await;
    assert_eq!(told, End::Answer(200, b"APP /public/x".to_vec()));
    assert_eq!(front.app.heard().len(), 1, "{:?}", front.app.heard());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_authority_has_one_access_line_and_is_counted() {
    let front = Front::start("").await;
    let send = front.h2().await;
    let none = |host: &[&str]| {
        // The client leaves out `:authority` only from what it takes for a translated request.
        let request = Request::get("/x").version(Version::HTTP_11);
        host.iter().fold(request, |request, host| request.header("host", *host)).body(()).unwrap()
    };
    let some = |authority: &str, host: &[&str]| {
        let request = Request::get(format!("https://{authority}/x"));
        host.iter().fold(request, |request, host| request.header("host", *host)).body(()).unwrap()
    };
    let cases = [
        (none(&[]), "no_host"),
        (none(&[""]), "host"),
        (none(&["u@app.test"]), "host"),
        (none(&["app.test", "app.test"]), "several_hosts"),
        (some("app.test", &["other.test"]), "two_hosts"),
        (some("app.test", &["app.test", "app.test"]), "several_hosts"),
        (some("u@app.test", &[]), "host"),
        (some("app!.test", &[]), "host"),
    ];
    let count = cases.len();
    for (request, reason) in cases {
        let told = ask(&send, request).await.unwrap();
        assert_eq!(told.status, 400, "{reason}");
        let id = told.header("x-request-id");
        let lines = wait_until(|| {
            let log = front.gateway.process.stderr();
            let lines: Vec<_> = log.lines().filter(|l| l.contains(id)).map(str::to_owned).collect();
            (!lines.is_empty()).then_some(lines)
        });
        let lines = lines.unwrap_or_else(|| panic!("no line with {id} ({reason})"));
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((lines.len(), line["reason"].as_str()), (1, Some(reason)), "{lines:?}");
        assert_eq!((line["status"].as_u64(), line["client_ip"].as_str()), (Some(400), Some("127.0.0.2")), "{line}");
    }
    let metrics = front.metrics().await;
    let counted = format!("stepgate_http_requests_total{{code=\"400\",method=\"GET\",route=\"none\"}} {count}\n");
    assert!(metrics.contains(&counted), "{metrics}");
    assert!(front.app.heard().is_empty());
}
