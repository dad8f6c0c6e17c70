//! The app: each of its connections is a machine with a memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use crate::proxy::settings::{CertificateFiles, ProxySettings};
use crate::proxy::tests::rig::*;

/// What the app does on a connection that waits for a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Answers once more what was asked last.
    Speak,
    /// Says that it waited for too long, and closes.
    SayTimeout,
    Close,
    Reset,
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![Just(Act::Speak), Just(Act::SayTimeout), Just(Act::Close), Just(Act::Reset)]
}

/// How the app takes a request, told by the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Kind,
    /// Leaves half of a body in its buffer, and takes it for the next request.
    HalfBody,
    /// On a connection that was used before: closes without an answer, or in the middle of its head.
    CloseKept,
    ResetKept,
    HalfHead,
    /// After the answer, without a word of it.
    ThenClose,
    ThenReset,
}

pub(super) const BEHAVIOURS: [Behaviour; 7] = [
    Behaviour::Kind,
    Behaviour::HalfBody,
    Behaviour::CloseKept,
    Behaviour::ResetKept,
    Behaviour::HalfHead,
    Behaviour::ThenClose,
    Behaviour::ThenReset,
];

type Told = (Act, oneshot::Sender<()>);

#[derive(Default)]
struct World {
    connections: AtomicUsize,
    /// Those that wait for a request.
    waiting: Mutex<BTreeMap<usize, mpsc::UnboundedSender<Told>>>,
    /// How often a request that may not be repeated was seen.
    seen: Mutex<BTreeMap<String, usize>>,
}

pub(super) struct App {
    pub(super) address: SocketAddr,
    world: Arc<World>,
    certificate: Option<CertificateFiles>,
}

impl App {
    pub(super) async fn start(tls: bool) -> (Self, tempfile::TempDir) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let world = Arc::new(World::default());
        let (files, der) = certificate(&dir, "app", &["erp.internal"]);
        let key = PrivateKeyDer::from_pem_slice(&std::fs::read(&files.key).unwrap()).unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![der.into()], key).unwrap();
        let acceptor = tls.then(|| tokio_rustls::TlsAcceptor::from(Arc::new(config)));
        let all = world.clone();
        let address = upstream_of(move |stream| {
            let (acceptor, world) = (acceptor.clone(), all.clone());
            async move {
                stream.set_nodelay(true).unwrap();
                let handle = SockRef::from(&stream).try_clone().unwrap();
                let _ = match acceptor {
                    None => Machine::new(stream, handle, world).serve().await,
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => Machine::new(stream, handle, world).serve().await,
                        Err(_) => None,
                    },
                };
            }
        })
        .await;
        (Self { address, world, certificate: tls.then_some(files) }, dir)
    }

    /// Makes a proxy speak to it as it is to be spoken to.
    pub(super) fn trust(&self, settings: &mut ProxySettings) {
        let upstream = &mut settings.apps[0].upstream;
        if let Some(files) = &self.certificate {
            upstream.servers[0].tls = true;
            upstream.tls.sni = Some("erp.internal".to_owned());
            upstream.tls.ca = Some(files.cert.clone());
        }
    }

    /// Does this on one of the connections that wait; returns when it is done.
    pub(super) async fn tell(&self, act: Act, which: usize) {
        let chosen = {
            let mut waiting = self.world.waiting.lock().unwrap();
            waiting.retain(|_, connection| !connection.is_closed());
            let at = which % waiting.len().max(1);
            waiting.values().nth(at).cloned()
        };
        let (done, is_done) = oneshot::channel();
        if chosen.is_some_and(|connection| connection.send((act, done)).is_ok()) {
            let _ = is_done.await; // or it is gone
        }
    }

    pub(super) fn seen_twice(&self) -> Vec<String> {
        let seen = self.world.seen.lock().unwrap();
        seen.iter().filter(|(_, times)| **times > 1).map(|(request, _)| request.clone()).collect()
    }
}

struct Machine<S> {
    stream: S,
    handle: socket2::Socket,
    world: Arc<World>,
    read: Vec<u8>,
    /// Whom the connection was signed in for.
    who: Option<String>,
    /// A token was given out on it.
    challenged: bool,
    /// What was said last.
    last: String,
    answered: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Machine<S> {
    fn new(stream: S, handle: socket2::Socket, world: Arc<World>) -> Self {
        Self { stream, handle, world, read: vec![], who: None, challenged: false, last: OK.to_owned(), answered: 0 }
    }

    async fn serve(mut self) -> Option<()> {
        let number = self.world.connections.fetch_add(1, Ordering::Relaxed);
        let (send, mut acts) = mpsc::unbounded_channel();
        loop {
            self.world.waiting.lock().unwrap().insert(number, send.clone());
            let head = tokio::select! {
                biased;
                told = acts.recv() => {
                    let (act, done) = told?;
                    let goes_on = self.do_so(act).await;
                    if goes_on.is_none() {
                        drop(self);
                        let _ = done.send(());
                        return None;
                    }
                    let _ = done.send(());
                    continue;
                }
                head = self.head() => head?,
            };
            self.world.waiting.lock().unwrap().remove(&number);
            self.answer(&head).await?;
        }
    }

    async fn do_so(&mut self, act: Act) -> Option<()> {
        match act {
            Act::Speak => {
                let last = self.last.clone();
                return self.say(&last).await;
            }
            Act::SayTimeout => {
                let bye = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                self.say(bye).await?;
            }
            Act::Close => {}
            Act::Reset => self.reset_on_close(),
        }
        None
    }

    fn reset_on_close(&self) {
        self.handle.set_linger(Some(Duration::ZERO)).unwrap();
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        self.stream.write_all(text.as_bytes()).await.ok()?;
        self.stream.flush().await.ok()
    }

    async fn more(&mut self) -> Option<()> {
        (self.stream.read_buf(&mut self.read).await.ok()? > 0).then_some(())
    }

    async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = self.read.split_off(end + 4);
                return String::from_utf8(std::mem::replace(&mut self.read, rest)).ok();
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Option<()> {
        while self.read.len() < length {
            self.more().await?;
        }
        self.read.drain(..length);
        Some(())
    }

    async fn body(&mut self, head: &str, behaviour: Behaviour) -> Option<()> {
        if let Some(length) = field(head, "content-length") {
            let length: usize = length.parse().ok()?;
            // On a connection that is signed in it would hurt nobody else.
            let half = behaviour == Behaviour::HalfBody && self.who.is_none();
            return self.take(if half { length / 2 } else { length }).await;
        }
        while field(head, "transfer-encoding").is_some() && !self.read.ends_with(b"0\r\n\r\n") {
            self.more().await?;
        }
        if field(head, "transfer-encoding").is_some() {
            self.read.clear();
        }
        Some(())
    }

    async fn answer(&mut self, head: &str) -> Option<()> {
        let (asked, number) = (field(head, "x-who")?, field(head, "x-number")?);
        let behaviour = field(head, "x-behaviour")
            .and_then(|behaviour| BEHAVIOURS.get(behaviour.parse::<usize>().ok()?).copied())?;
        let once = head.starts_with("POST ") || head.starts_with("PATCH ");
        if once {
            *self.world.seen.lock().unwrap().entry(number.clone()).or_default() += 1;
        }
        // A signed-in connection cannot be exchanged for another one in the middle of a form.
        if self.answered > 0 && !(once && self.who.is_some()) {
            match behaviour {
                Behaviour::CloseKept => return None,
                Behaviour::ResetKept => {
                    self.reset_on_close();
                    return None;
                }
                Behaviour::HalfHead => {
                    self.say("HTTP/1.1 200 OK\r\nContent-").await?;
                    return None;
                }
                _ => {}
            }
        }
        self.body(head, behaviour).await?;
        self.answered += 1;
        let challenge = match field(head, "authorization").as_deref() {
            Some("NTLM T1") => {
                self.challenged = true;
                Some("NTLM TOKEN")
            }
            Some(proof) if let Some(name) = proof.strip_prefix("NTLM T3-") => {
                let signed_in = std::mem::take(&mut self.challenged);
                if signed_in {
                    self.who = Some(name.to_owned());
                }
                (!signed_in).then_some("NTLM")
            }
            _ => (self.who.is_none() && head.contains(" /ntlm ")).then_some("NTLM"),
        };
        let who = self.who.as_deref().unwrap_or("nobody");
        let said = format!("X-Said: {number} {asked} {who}\r\n");
        let length =
            if head.starts_with("HEAD ") { "Content-Length: 9\r\n\r\n" } else { "Content-Length: 2\r\n\r\nok" };
        let status = match challenge {
            Some(challenge) => format!("401 Unauthorized\r\nWWW-Authenticate: {challenge}"),
            None => "200 OK".to_owned(),
        };
        self.last = format!("HTTP/1.1 {status}\r\n{said}{length}");
        let answer = self.last.clone();
        self.say(&answer).await?;
        match behaviour {
            // What is on its way to a connection that is signed in cannot be told from what arrived.
            _ if self.who.is_some() => Some(()),
            Behaviour::ThenClose => None,
            Behaviour::ThenReset => {
                self.reset_on_close();
                None
            }
            _ => Some(()),
        }
    }
}
