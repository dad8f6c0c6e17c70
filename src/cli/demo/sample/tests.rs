use std::time::Duration;

use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::Sample;

/// A raw client: bytes out, answers in.
struct Raw {
    stream: TcpStream,
    ahead: Vec<u8>,
}

struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Raw {
    async fn to(app: &Sample) -> Self {
        Self { stream: TcpStream::connect(app.address).await.unwrap(), ahead: Vec::new() }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self
    }

    async fn until(&mut self, enough: impl Fn(&[u8]) -> Option<usize>) -> Vec<u8> {
        let read = async {
            loop {
                if let Some(length) = enough(&self.ahead) {
                    return self.ahead.drain(..length).collect();
                }
                let mut block = [0; 4096];
                let count = self.stream.read(&mut block).await.unwrap();
                assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&self.ahead));
                self.ahead.extend_from_slice(&block[..count]);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("an answer in time")
    }

    async fn head(&mut self) -> String {
        let end = |b: &[u8]| b.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
        String::from_utf8(self.until(end).await).unwrap()
    }

    async fn answer(&mut self, with_body: bool) -> Got {
        let head = self.head().await;
        let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).map_or(0, |v| v.parse().unwrap());
        let body = if with_body { self.until(|b| (b.len() >= length).then_some(length)).await } else { Vec::new() };
        Got { status: head[9..12].parse().unwrap(), head, body }
    }

    async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Got {
        self.send(bytes).await.answer(true).await
    }

    async fn is_closed(&mut self) -> bool {
        self.ahead.is_empty() && matches!(self.stream.read(&mut [0]).await, Ok(0) | Err(_))
    }
}

#[tokio::test]
async fn echoes_the_head_exactly_as_it_came() {
    let app = Sample::start(Default::default()).await.unwrap();
    let request = "PATCH /echo//x/../%2e%2F;a=1?q=%zz&r='\"| HTTP/1.1\r\n";
    let mut raw = Raw::to(&app).await;
    // Not this target: the app has nothing there, but the connection goes on.
    assert_eq!(raw.ask(format!("{request}host: a\r\n\r\n")).await.status, 404);
    let got = raw
        .ask("PATCH /echo?q=%zz&r='\"|//..;x HTTP/1.1\r\nhOsT: a:1\r\nX-b: 2\r\nx-B: 1\r\nX_Under: \tpadded \r\nempty:\r\n\r\n")
        .await;
    assert_eq!(
        got.json(),
        json!({
            "method": "PATCH",
            "target": "/echo?q=%zz&r='\"|//..;x",
            "headers": [["hOsT", "a:1"], ["X-b", "2"], ["x-B", "1"], ["X_Under", "padded"], ["empty", ""]],
            "body": "",
        })
    );
    assert!(got.head.contains("Content-Type: application/json\r\n"));
}

#[tokio::test]
async fn echoes_bodies_by_length_and_chunked_text_and_binary() {
    let app = Sample::start(Default::default()).await.unwrap();
    let mut raw = Raw::to(&app).await;
    let got = raw.ask("POST /public/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nh\u{e9}ll").await;
    assert_eq!(got.json()["body"], "h\u{e9}ll");
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let got = raw.ask(format!("{chunked}3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n")).await;
    assert_eq!(got.json()["body"], "abc0123456789");
    let binary = [0_u8, 159, 146, 150];
    let mut request = b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n".to_vec();
    request.extend_from_slice(&binary);
    let got = raw.ask(request).await.json();
    assert_eq!((&got["body"], &got["body_encoding"]), (&json!(BASE64.encode(&binary)), &json!("base64")));
}

#[tokio::test]
async fn refuses_broken_framing_and_ends_the_connection() {
    let app = Sample::start(Default::default()).await.unwrap();
    for (bytes, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nbad name: x\r\n\r\n".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nContent-Length: +1\r\n\r\nx".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n".to_owned(), 400),
        ("POST /echo HTTP/1.1\r\nContent-Length: 16777217\r\n\r\n".to_owned(), 413),
        ("POST /upload HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned(), 413),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(300 * 1024)), 431),
    ] {
        let mut raw = Raw::to(&app).await;
        let got = raw.ask(&bytes).await;
        assert_eq!(got.status, status, "{}", &bytes[..bytes.len().min(80)]);
        raw.stream.shutdown().await.unwrap();
        assert!(raw.is_closed().await);
    }
}

#[tokio::test]
async fn keeps_alive_pipelines_and_closes_when_asked() {
    let app = Sample::start(Default::default()).await.unwrap();
    let mut raw = Raw::to(&app).await;
    let one = "GET /public/echo?1 HTTP/1.1\r\nHost: a\r\n\r\n";
    let two = "POST /public/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let last = "GET /echo?3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    raw.send(format!("{one}{two}{last}")).await;
    assert_eq!(raw.answer(true).await.json()["target"], "/public/echo?1");
    assert_eq!(raw.answer(true).await.status, 200);
    let third = raw.answer(true).await;
    assert_eq!(third.json()["target"], "/echo?3");
    assert!(third.head.contains("Connection: close\r\n"));
    raw.stream.shutdown().await.unwrap();
    assert!(raw.is_closed().await);
    let mut old = Raw::to(&app).await;
    assert!(old.ask("GET / HTTP/1.0\r\n\r\n").await.head.contains("Connection: close"));
}

#[tokio::test]
async fn says_continue_before_it_reads() {
    let app = Sample::start(Default::default()).await.unwrap();
    let mut raw = Raw::to(&app).await;
    raw.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").await;
    assert_eq!(raw.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(raw.ask("ok").await.json()["body"], "ok");
}

#[tokio::test]
async fn answers_head_options_and_what_it_does_not_have() {
    let app = Sample::start(Default::default()).await.unwrap();
    let mut raw = Raw::to(&app).await;
    let head = raw.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await.answer(false).await;
    let get = raw.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The page shows the method, one letter longer.
    assert_eq!((head.status, get.status), (200, 200));
    assert!(head.head.contains(&format!("Content-Length: {}\r\n", get.body.len() + 1)));
    let status = |r: &'static str| r;
    for (request, wanted) in [
        (status("GET /nothing"), 404),
        (status("DELETE /"), 405),
        (status("GET /upload"), 405),
        (status("OPTIONS /form"), 204),
        (status("GET /ws"), 426),
        (status("GET /admin/users"), 200),
        (status("GET /public/a/b?c"), 200),
    ] {
        let got = raw.ask(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(got.status, wanted, "{request}");
        assert_eq!(got.head.contains("Allow: "), matches!(wanted, 204 | 405), "{request}");
    }
}

#[tokio::test]
async fn shows_the_identity_it_was_told_and_never_as_markup() {
    let app = Sample::start(Default::default()).await.unwrap();
    let mut raw = Raw::to(&app).await;
    let told = "Remote-User: <script>alert(1)</script>\r\nRemote-Groups: a\"b'&c\r\n";
    let got = raw.ask(format!("GET /?<b> HTTP/1.1\r\nHost: a\r\n{told}\r\n")).await;
    let page = got.text();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("a&quot;b&#39;&amp;c"));
    assert!(!page.contains("<script>") && !page.contains("<b>"));
    assert!(page.contains("not told"));
}

#[tokio::test]
async fn shows_what_a_form_sent() {
    let app = Sample::start(Default::default()).await.unwrap();
    let mut raw = Raw::to(&app).await;
    assert!(raw.ask("GET /form HTTP/1.1\r\nHost: a\r\n\r\n").await.text().contains("<form method=\"post\""));
    let body = "subject=a+%3Cb%3E&text=%C3%A9";
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let length = body.len();
    let got =
        raw.ask(format!("POST /form HTTP/1.1\r\nHost: a\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}")).await;
    assert!(got.text().contains("a &lt;b&gt;") && got.text().contains('\u{e9}'));
}

#[tokio::test]
async fn counts_uploads_and_streams_downloads() {
    let app = Sample::start(Default::default()).await.unwrap();
    let mut raw = Raw::to(&app).await;
    let size = 20 * 1024 * 1024;
    raw.send(format!("PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")).await;
    raw.send(vec![b'x'; size]).await;
    assert_eq!(raw.answer(true).await.json()["bytes"], size);
    let got = raw.ask("GET /big?bytes=200001 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(got.body.len(), 200_001);
    assert_eq!(raw.ask("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn sends_the_first_event_at_once() {
    let app = Sample::start(Default::default()).await.unwrap();
    let mut raw = Raw::to(&app).await;
    let head = raw.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await.head().await;
    assert!(head.contains("Content-Type: text/event-stream\r\n"));
    let event = "id: 1\ndata: event 1\n\n";
    let first = raw.until(|b| (b.len() >= event.len()).then_some(event.len())).await;
    assert_eq!(first, event.as_bytes());
}

#[tokio::test]
async fn echoes_messages_of_a_web_socket() {
    let app = Sample::start(Default::default()).await.unwrap();
    let stream = TcpStream::connect(app.address).await.unwrap();
    let url = format!("ws://{}/ws", app.address);
    let (mut socket, answer) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    assert_eq!(answer.status(), 101);
    for message in [Message::text("hello"), Message::binary(vec![0_u8, 255]), Message::text("")] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
}
