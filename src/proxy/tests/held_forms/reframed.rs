//! What stands for a form, after something on the way framed it anew, or wrote its type or method in another way: the app
//! gets the form exactly, or nothing.

use super::*;
use crate::flow::ports::TransientKind;

/// How a body is framed over HTTP/1, and over HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    Length,
    /// In chunks of so many bytes.
    Chunks(usize),
    /// The client waits to be told to go on.
    Expected,
    Http10,
    /// In frames of so many bytes.
    Frames {
        size: usize,
        announced: bool,
    },
}

const FRAMINGS: [Framing; 8] = [
    Framing::Length,
    Framing::Chunks(61),
    Framing::Chunks(7),
    Framing::Expected,
    Framing::Http10,
    Framing::Frames { size: 61, announced: true },
    Framing::Frames { size: 61, announced: false },
    Framing::Frames { size: 10, announced: false },
];

/// The fields that tell the type.
const TYPES: [&[&str]; 8] = [
    &[FORM],
    &["application/x-www-form-urlencoded; charset=UTF-8"],
    &["Application/X-WWW-Form-Urlencoded ;charset=\"utf-8\""],
    &["application/x-www-form-urlencoded;"],
    &["text/plain, application/x-www-form-urlencoded"],
    &["text/plain", FORM],
    &[""],
    &[],
];

const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "GET"];

/// A request that something on the way made of what a browser sent.
struct Reframed<'a> {
    framing: Framing,
    method: &'a str,
    target: &'a str,
    fields: Vec<(&'static str, String)>,
    body: &'a [u8],
}

impl Reframed<'_> {
    /// The status of its answer.
    async fn send(&self, stage: &Stage, http2: &crate::proxy::tests::front::Send) -> u16 {
        let Framing::Frames { size, announced } = self.framing else { return self.send_http1(stage).await };
        let mut request = Request::builder().method(self.method).uri(format!("https://app.test{}", self.target));
        for (name, value) in &self.fields {
            request = request.header(*name, value);
        }
        if announced {
            request = request.header("content-length", self.body.len());
        }
        let mut send = http2.clone().ready().await.unwrap();
        let (answer, mut stream) = send.send_request(request.body(()).unwrap(), false).unwrap();
        for piece in self.body.chunks(self.piece(size)) {
            stream.send_data(Bytes::copy_from_slice(piece), false).unwrap();
        }
        stream.send_data(Bytes::new(), true).unwrap();
        read(within(answer).await.unwrap()).await.unwrap().status
    }

    /// Larger ones of what is large: many small frames end a connection.
    fn piece(&self, size: usize) -> usize {
        size * (1 + self.body.len() / 1000)
    }

    async fn send_http1(&self, stage: &Stage) -> u16 {
        let version = if self.framing == Framing::Http10 { "1.0" } else { "1.1" };
        let mut head = format!("{} {} HTTP/{version}\r\nHost: app.test\r\n", self.method, self.target);
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        let mut body = self.body.to_vec();
        match self.framing {
            Framing::Chunks(size) => {
                head += "Transfer-Encoding: chunked\r\n";
                let chunk = |piece: &[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
                body = self.body.chunks(self.piece(size)).flat_map(chunk).chain(*b"0\r\n\r\n").collect();
            }
            Framing::Expected => head += &format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len()),
            _ => head += &format!("Content-Length: {}\r\n", body.len()),
        }
        let mut stream = stage.rig.connect().await;
        say(&mut stream, &format!("{head}\r\n")).await;
        stream.write_all(&body).await.unwrap();
        loop {
            let (head, _) = answer(&mut stream).await;
            let status: u16 = status(&head).parse().unwrap_or_else(|_| panic!("{head}"));
            if status >= 200 {
                return status;
            }
        }
    }
}

fn fields(cookies: &str, types: &[&str], more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let always = [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "same-origin")];
    let all = always.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned()));
    let types = types.iter().map(|kind| ("content-type", (*kind).to_owned()));
    all.chain(types).chain([("cookie", cookies.to_owned())]).collect()
}

/// What the app heard since it was last asked: bodies as they were meant.
fn bodies(heard: &Heard) -> Vec<String> {
    std::mem::take(&mut *heard.lock().unwrap())
        .iter()
        .map(|heard| {
            let (head, body) = heard.split_once("\r\n\r\n").unwrap();
            let told = ["content-length", "transfer-encoding"].map(|name| field(head, name).is_some());
            assert!(told[0] ^ told[1], "a length told in one way: {head}");
            if field(head, "transfer-encoding").is_some() { unchunked(body) } else { body.to_owned() }
        })
        .collect()
}

fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole += &rest[..size];
        text = rest[size..].strip_prefix("\r\n").unwrap();
    }
    whole
}

#[tokio::test]
async fn an_app_gets_the_form_exactly_or_nothing_however_what_stands_for_it_was_framed() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let front = Front::start_over(settings(&[app]), stage.world.ports()).await;
    let http2 = front.h2().await;
    let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
    let mut waiting: Option<(String, String)> = None;
    for framing in FRAMINGS {
        for types in TYPES {
            for method in METHODS {
                for target in ["/guarded/a", "/open"] {
                    let (id, held) = match waiting.take() {
                        Some(waiting) => waiting,
                        None => kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, BODY)).await),
                    };
                    let body = format!("{REPLAY_FIELD}={id}");
                    let fields = fields(&format!("{}; {held}", cookie(&ann)), types, &[]);
                    let request = Reframed { framing, method, target, fields, body: body.as_bytes() };
                    let status = request.send(&stage, &http2).await;
                    let told = bodies(&heard);
                    let case = format!("{framing:?} {types:?} {method} {target}: {status} {told:?}");
                    if (method, target) == ("POST", "/guarded/a") {
                        assert!(status == 200 && told == [BODY], "{case}");
                    } else {
                        assert!(status == 410 && told.is_empty(), "{case}");
                        waiting = Some((id, held));
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn what_was_changed_on_the_way_reaches_no_app_and_the_form_waits_on() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let front = Front::start_over(settings(&[app]), stage.world.ports()).await;
    let http2 = front.h2().await;
    let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, BODY)).await);
    let cookies = format!("{}; {held}", cookie(&ann));
    let body = format!("{REPLAY_FIELD}={id}");
    let longer = format!("{body}\r\n");
    // Some coding of it: nobody looks what it says.
    let coded: Vec<u8> = (0..90).map(|n: u8| n.wrapping_mul(37) ^ 0x1f).collect();
    for framing in FRAMINGS {
        for coding in ["gzip", "br", "x-own"] {
            let fields = fields(&cookies, &[FORM], &[("content-encoding", coding)]);
            let request = Reframed { framing, method: "POST", target: "/guarded/a", fields, body: &coded };
            assert_eq!((request.send(&stage, &http2).await, bodies(&heard).len()), (400, 0), "{framing:?} {coding}");
        }
        if matches!(framing, Framing::Chunks(_) | Framing::Frames { announced: false, .. }) {
            let fields = fields(&cookies, &[FORM], &[]);
            let request = Reframed { framing, method: "POST", target: "/guarded/a", fields, body: longer.as_bytes() };
            assert_eq!((request.send(&stage, &http2).await, bodies(&heard).len()), (400, 0), "{framing:?}");
        }
    }
    // To whom more is asked of, and who has lost the cookie: it is kept for no form either.
    let bob = stage.session("bob", 2, &[Method::Password]);
    let request = |cookies: &str, body: &str| {
        let chunked =
            with("/guarded/a", cookies, &format!("Content-Type: {FORM}\r\nSec-Fetch-Site: same-origin\r\n"), "");
        format!(
            "{}{:x}\r\n{body}\r\n0\r\n\r\n",
            chunked.replace("Content-Length: 0", "Transfer-Encoding: chunked"),
            body.len()
        )
    };
    assert_eq!(status(&stage.rig.exchange(&request(&cookie(&bob), &body)).await), "410");
    assert_eq!(status(&stage.rig.exchange(&request(&cookie(&bob), &longer)).await), "400");
    let waiting = stage.world.look(|s| s.transient.keys().filter(|(kind, _)| *kind != TransientKind::Trace).count());
    assert_eq!(waiting, 1, "nothing but the form waits");
    let answer = stage.rig.exchange(&replay("/guarded/a", &cookies, &id)).await;
    assert!(status(&answer) == "200" && bodies(&heard) == [BODY], "{answer}");
}

#[tokio::test]
async fn a_body_of_the_app_s_own_arrives_whole_however_it_is_framed() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let front = Front::start_over(settings(&[app]), stage.world.ports()).await;
    let http2 = front.h2().await;
    let large: String = (0..30_000).map(|n| format!("{n:x}&")).collect();
    let like = format!("{REPLAY_FIELD}=sgf{}", "y".repeat(43));
    let longer = format!("{REPLAY_FIELD}=sg{large}");
    for body in [BODY, "s", "stepgate-form", &like, &large, &longer] {
        for framing in FRAMINGS {
            for types in [TYPES[0], TYPES[1], TYPES[7]] {
                let fields = fields("theirs=1", types, &[("content-encoding", "identity")]);
                let request = Reframed { framing, method: "POST", target: "/open", fields, body: body.as_bytes() };
                let status = request.send(&stage, &http2).await;
                let told = bodies(&heard);
                assert!(status == 200 && told == [body], "{framing:?} {types:?} {} {status}", body.len());
            }
        }
    }
}
