//! The people: each with connections over HTTP/1.1 and one over HTTP/2.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Method, Request};
use proptest::prelude::*;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::app::BEHAVIOURS;
use crate::proxy::tests::front::{Send, read};
use crate::proxy::tests::rig::*;

pub(super) const NAMES: [&str; 4] = ["ann", "bob", "cid", "dora"];
/// Connections of each over HTTP/1.1.
pub(super) const WIRES: usize = 2;

/// What somebody asks.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) who: usize,
    pub(super) wire: usize,
    pub(super) http2: bool,
    /// Signs the connection in first.
    sign_in: bool,
    method: &'static str,
    target: &'static str,
    body: Option<bool>,
    /// With a field that makes a request take Pingora's way.
    long_way: bool,
    behaviour: usize,
}

pub(super) fn ask() -> impl Strategy<Value = Ask> {
    let methods = ["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "PATCH", "DELETE"];
    let body = prop_oneof![Just(None), Just(Some(false)), Just(Some(true))];
    let place = (0..NAMES.len(), 0..WIRES, prop::bool::weighted(0.25), prop::bool::weighted(0.15));
    let request = (prop::sample::select(methods.to_vec()), prop::bool::ANY, body, prop::bool::ANY, 0..BEHAVIOURS.len());
    (place, request).prop_map(|((who, wire, http2, sign_in), (method, open, body, long_way, behaviour))| {
        let body = if matches!(method, "GET" | "HEAD") { None } else { body };
        let target = if open { "/open" } else { "/ntlm" };
        Ask { who, wire, http2, sign_in: sign_in && !http2, method, target, body, long_way, behaviour }
    })
}

pub(super) struct People {
    proxy: SocketAddr,
    http2: Send,
    wires: Vec<Mutex<Option<TcpStream>>>,
}

static NUMBER: AtomicUsize = AtomicUsize::new(1);

fn number() -> usize {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

impl People {
    pub(super) fn new(proxy: SocketAddr, http2: Send) -> Self {
        let wires = (0..NAMES.len() * WIRES).map(|_| Mutex::default()).collect();
        Self { proxy, http2, wires }
    }

    pub(super) async fn hang_up(&self, who: usize, wire: usize) {
        *self.wires[who * WIRES + wire].lock().await = None;
    }

    pub(super) async fn ask_all(self: std::sync::Arc<Self>, asks: Vec<Ask>) -> Result<(), String> {
        for ask in asks {
            if ask.http2 {
                self.ask_http2(&ask).await?;
                continue;
            }
            let mut wire = self.wires[ask.who * WIRES + ask.wire].lock().await;
            if ask.sign_in {
                let handshake = |proof| Ask { method: "GET", body: None, behaviour: 0, target: proof, ..ask.clone() };
                self.ask_http1(&mut wire, &handshake("/ntlm"), "NTLM T1", &[401]).await?;
                let proof = format!("NTLM T3-{}", NAMES[ask.who]);
                self.ask_http1(&mut wire, &handshake("/ntlm"), &proof, &[200]).await?;
            }
            self.ask_http1(&mut wire, &ask, "", allowed(&ask)).await?;
        }
        Ok(())
    }

    async fn ask_http1(
        &self,
        wire: &mut Option<TcpStream>,
        ask: &Ask,
        proof: &str,
        allowed: &[u16],
    ) -> Result<(), String> {
        if wire.is_none() {
            *wire = Some(TcpStream::connect(self.proxy).await.unwrap());
        }
        let Some(stream) = wire.as_mut() else { return Ok(()) };
        let number = number();
        let mut request = format!("{} {} HTTP/1.1\r\nHost: app.test\r\n", ask.method, ask.target);
        for (name, value) in fields(ask, number) {
            request += &format!("{name}: {value}\r\n");
        }
        if !proof.is_empty() {
            request += &format!("Authorization: {proof}\r\n");
        }
        if ask.long_way {
            request += "Proxy-Connection: keep-alive\r\n";
        }
        request += &match ask.body {
            None => "\r\n".to_owned(),
            Some(false) => format!("Content-Length: {}\r\n\r\n{}", body(ask).len(), body(ask)),
            Some(true) => {
                format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n", body(ask).len(), body(ask))
            }
        };
        say(stream, &request).await;
        let head = head(stream).await;
        let length = if ask.method == "HEAD" { 0 } else { length(&head) };
        let mut rest = vec![0; length];
        within(tokio::io::AsyncReadExt::read_exact(stream, &mut rest)).await.map_err(|e| e.to_string())?;
        if field(&head, "connection").is_some_and(|said| said == "close") {
            *wire = None;
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        judge(ask, number, status, field(&head, "x-said").as_deref(), allowed)
    }

    async fn ask_http2(&self, ask: &Ask) -> Result<(), String> {
        let number = number();
        let method: Method = ask.method.parse().unwrap();
        let request = Request::builder().method(method).uri(format!("https://app.test{}", ask.target));
        let request =
            fields(ask, number).into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = match ask.body {
            Some(false) => request.header("content-length", body(ask).len()),
            _ => request,
        };
        let mut send = self.http2.clone().ready().await.map_err(|e| e.to_string())?;
        let sent = send.send_request(request.body(()).unwrap(), ask.body.is_none()).map_err(|e| e.to_string())?;
        let (answer, mut stream) = sent;
        if ask.body.is_some() {
            stream.send_data(Bytes::from(body(ask)), true).map_err(|e| e.to_string())?;
        }
        let told = read(within(answer).await.map_err(|e| e.to_string())?).await.map_err(|e| e.to_string())?;
        judge(ask, number, told.status, Some(told.header("x-said")), allowed(ask))
    }
}

fn allowed(ask: &Ask) -> &'static [u16] {
    if ask.target == "/open" { &[200] } else { &[200, 401] }
}

fn fields(ask: &Ask, number: usize) -> [(&'static str, String); 3] {
    [("x-who", NAMES[ask.who].to_owned()), ("x-number", number.to_string()), ("x-behaviour", ask.behaviour.to_string())]
}

/// Its second half is a request; or the beginning of one, which the next request ends.
fn body(ask: &Ask) -> String {
    let end = if ask.wire == 0 { "\r\n" } else { "X-Rest: " };
    let request = format!("GET /open HTTP/1.1\r\nX-Who: {}\r\nX-Number: 0\r\nX-Behaviour: 0\r\n{end}", NAMES[ask.who]);
    format!("{}{request}", "x".repeat(request.len()))
}

fn length(head: &str) -> usize {
    field(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn judge(ask: &Ask, number: usize, status: u16, said: Option<&str>, allowed: &[u16]) -> Result<(), String> {
    let name = NAMES[ask.who];
    let [nobody, known] = ["nobody", name].map(|who| format!("{number} {name} {who}"));
    let ours = said.is_some_and(|said| said == nobody || said == known);
    if ours && allowed.contains(&status) {
        return Ok(());
    }
    Err(format!("{ask:?} (number {number}) got {status} {said:?}"))
}
