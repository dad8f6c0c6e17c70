//! Request heads from the socket, kept as they were.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of a request head; more is answered by 431.
const MAX_HEAD: usize = 256 * 1024;
/// Fields of a request head.
const MAX_FIELDS: usize = 512;

/// A request head as it arrived.
pub(super) struct Head {
    /// As received.
    pub(super) method: String,
    /// As received, with its query.
    pub(super) target: String,
    /// Names and values in order and in their own case.
    pub(super) fields: Vec<(String, String)>,
    /// Whether it is HTTP/1.1 (and not 1.0).
    pub(super) modern: bool,
}

/// What came of reading a head.
pub(super) enum Read {
    /// A request.
    Head(Box<Head>),
    /// The other end is done.
    Closed,
    /// Not a request; the status that says so.
    Broken(u16),
}

/// A connection and what was read ahead on it.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) ahead: BytesMut,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: BytesMut::with_capacity(8 * 1024) }
    }

    /// Reads more into `ahead`; `false` at the end of the stream.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        self.ahead.reserve(16 * 1024);
        Ok(self.stream.read_buf(&mut self.ahead).await? > 0)
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Ends the connection so that the last answer is read, although more may still be arriving:
    /// closing a socket with unread bytes would reset it.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let mut spare = 64 * 1024 * 1024_usize;
        self.ahead.clear();
        while spare > 0 && self.fill().await? {
            spare = spare.saturating_sub(self.ahead.len());
            self.ahead.clear();
        }
        Ok(())
    }

    /// Reads the next head.
    pub(super) async fn read_head(&mut self) -> io::Result<Read> {
        loop {
            match parse(&self.ahead) {
                Parsed::Whole(length, head) => {
                    self.ahead.advance(length);
                    return Ok(Read::Head(Box::new(head)));
                }
                Parsed::Broken(status) => return Ok(Read::Broken(status)),
                Parsed::Partial if self.ahead.len() > MAX_HEAD => return Ok(Read::Broken(431)),
                Parsed::Partial => {}
            }
            if !self.fill().await? {
                return Ok(if self.ahead.is_empty() { Read::Closed } else { Read::Broken(400) });
            }
        }
    }
}

enum Parsed {
    Whole(usize, Head),
    Partial,
    Broken(u16),
}

fn parse(bytes: &[u8]) -> Parsed {
    let mut fields = vec![httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(httparse::Error::TooManyHeaders) => return Parsed::Broken(431),
        Err(_) => return Parsed::Broken(400),
    };
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Parsed::Broken(400);
    };
    let fields = request.headers.iter().map(|f| (f.name.to_owned(), text(f.value))).collect();
    Parsed::Whole(length, Head { method: method.to_owned(), target: target.to_owned(), fields, modern: version == 1 })
}

/// A field value as text; bytes that are not UTF-8 are read as ISO 8859-1, so that none is lost.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

impl Head {
    /// The first field of that name (any case).
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a comma-separated field has this element (any case).
    pub(super) fn lists(&self, name: &str, element: &str) -> bool {
        self.fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(element))
    }

    /// The target without its query.
    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The query, without `?`; empty if there is none.
    pub(super) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Whether the connection may be used again.
    pub(super) fn keeps_alive(&self) -> bool {
        if self.modern { !self.lists("connection", "close") } else { self.lists("connection", "keep-alive") }
    }
}
