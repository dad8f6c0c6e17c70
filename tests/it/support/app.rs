//! An app of the tests' own: answers everything and writes down what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};

/// How each answer of the app begins.
pub(crate) const MARK: &str = "APP ";
/// What `/big` answers with.
pub(crate) const BIG: usize = 1024 * 1024;

/// An app that serves as long as the runtime of its test lives. `/big` is large, `/never` is never answered,
/// bodies are read to their end, all else tells the target.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl App {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = Self { address: listener.local_addr().unwrap(), heads: Arc::default() };
        let heads = app.heads.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, heads.clone()));
            }
        });
        app
    }

    /// The heads of all requests so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut stream = BufStream::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            (stream.read_until(b'\n', &mut head).await.ok()? > 0).then_some(())?;
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let target = head.split(' ').nth(1)?.to_owned();
        let (length, chunked) = (field(&head, "content-length"), field(&head, "transfer-encoding").is_some());
        let is_head = head.starts_with("HEAD ");
        heads.lock().unwrap().push(head);
        if target.starts_with("/never") {
            // Until the gateway gives up.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return None;
        }
        if chunked {
            read_chunks(&mut stream).await?;
        }
        let length = length.and_then(|n| n.parse().ok()).unwrap_or(0);
        tokio::io::copy(&mut (&mut stream).take(length), &mut tokio::io::sink()).await.ok()?;
        let body = if target.starts_with("/big") { "x".repeat(BIG) } else { format!("{MARK}{target}") };
        let sent = if is_head { "" } else { &body };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{sent}", body.len());
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
    }
}

async fn read_chunks(stream: &mut BufStream<TcpStream>) -> Option<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let size = u64::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            break;
        }
        tokio::io::copy(&mut (&mut *stream).take(size + 2), &mut tokio::io::sink()).await.ok()?;
    }
    let mut trailer = Vec::new();
    while !trailer.ends_with(b"\n\r\n") && trailer != b"\r\n" {
        (stream.read_until(b'\n', &mut trailer).await.ok()? > 0).then_some(())?;
    }
    Some(())
}

fn field(head: &str, name: &str) -> Option<String> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}
