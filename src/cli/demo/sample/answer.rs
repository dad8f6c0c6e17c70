//! Answers with a known length.

use std::fmt::Write as _;
use std::io;

use super::wire::Connection;

/// An answer, ready to be sent.
pub(super) struct Answer {
    status: u16,
    kind: &'static str,
    fields: Vec<(&'static str, String)>,
    body: Vec<u8>,
    cache: &'static str,
    close: bool,
}

impl Answer {
    /// An answer with this media type and body.
    pub(super) fn new(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, kind, fields: Vec::new(), body: body.into(), cache: "no-store", close: false }
    }

    /// The same, with a further field. `value` is ours, never what a client sent.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The same, so that a browser which comes back to it still has what was typed.
    pub(super) const fn kept(mut self) -> Self {
        self.cache = "private, no-cache";
        self
    }

    /// The same, as the last on its connection.
    pub(super) fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Sends it; `head_only` as HEAD wants it: the fields that GET would have, no body.
    pub(super) async fn send(self, connection: &mut Connection, head_only: bool) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        if self.status != 204 {
            let _ = write!(head, "Content-Type: {}\r\nContent-Length: {}\r\n", self.kind, self.body.len());
        }
        for (name, value) in &self.fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.close {
            head.push_str("Connection: close\r\n");
        }
        let _ = write!(head, "Cache-Control: {}\r\nServer: legacy-app\r\n\r\n", self.cache);
        let mut bytes = head.into_bytes();
        if !head_only && self.status != 204 {
            bytes.extend_from_slice(&self.body);
        }
        connection.write(&bytes).await
    }
}

/// An answer that only says its status.
pub(super) fn plain(status: u16) -> Answer {
    Answer::new(status, "text/plain; charset=utf-8", format!("{status} {}\n", reason(status)))
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        _ => "Status",
    }
}
