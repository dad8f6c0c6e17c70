//! Request bodies (RFC 9112 §6 and §7): by length, or chunked. One piece at a time.

use std::io;

use bytes::{Buf, Bytes};

use super::wire::{Connection, Head};

/// The longest chunk-size or trailer line.
const MAX_LINE: usize = 8 * 1024;

/// How much of a body is still to come.
enum Left {
    /// This many bytes.
    Bytes(u64),
    /// A chunk-size line is next.
    Size,
    /// This many bytes of a chunk, then its line end.
    Chunk(u64),
    /// Nothing.
    Nothing,
}

/// The body of a request, being read.
pub(super) struct Body {
    left: Left,
    /// The client waits for a word before it sends (RFC 9110 §10.1.1).
    awaits_continue: bool,
}

/// Why a body cannot be had.
pub(super) enum Bad {
    /// Its framing is broken or ambiguous.
    Framing,
    /// It is larger than was asked for.
    TooLarge,
}

impl Body {
    /// The body that a head announces.
    pub(super) fn of(head: &Head) -> Result<Self, Bad> {
        let mut lengths = head.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case("content-length"));
        let length = lengths.next().map(|(_, value)| value.trim());
        if lengths.next().is_some() {
            return Err(Bad::Framing);
        }
        let left = match (head.field("transfer-encoding"), length) {
            (Some(coding), None) if coding.trim().eq_ignore_ascii_case("chunked") => Left::Size,
            (Some(_), _) => return Err(Bad::Framing),
            (None, Some(text)) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                match text.parse().map_err(|_| Bad::TooLarge)? {
                    0 => Left::Nothing,
                    bytes => Left::Bytes(bytes),
                }
            }
            (None, Some(_)) => return Err(Bad::Framing),
            (None, None) => Left::Nothing,
        };
        let awaits_continue = head.modern && head.lists("expect", "100-continue") && !matches!(left, Left::Nothing);
        Ok(Self { left, awaits_continue })
    }

    /// Whether nothing of it remains on the connection.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.left, Left::Nothing)
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self, connection: &mut Connection) -> io::Result<Result<Option<Bytes>, Bad>> {
        if std::mem::take(&mut self.awaits_continue) && connection.ahead.is_empty() {
            connection.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        loop {
            match self.left {
                Left::Nothing => return Ok(Ok(None)),
                Left::Bytes(left) => {
                    let piece = piece(connection, left).await?;
                    let left = left.saturating_sub(piece.len() as u64);
                    self.left = if left == 0 { Left::Nothing } else { Left::Bytes(left) };
                    return Ok(Ok(Some(piece)));
                }
                Left::Chunk(0) => match line(connection).await? {
                    Some(end) if end.is_empty() => self.left = Left::Size,
                    _ => return Ok(Err(Bad::Framing)),
                },
                Left::Chunk(left) => {
                    let piece = piece(connection, left).await?;
                    self.left = Left::Chunk(left.saturating_sub(piece.len() as u64));
                    return Ok(Ok(Some(piece)));
                }
                Left::Size => match line(connection).await?.as_deref().and_then(chunk_size) {
                    None => return Ok(Err(Bad::Framing)),
                    Some(0) => {
                        // Trailers, up to an empty line; nobody here reads them.
                        loop {
                            match line(connection).await? {
                                Some(end) if end.is_empty() => break,
                                Some(_) => {}
                                None => return Ok(Err(Bad::Framing)),
                            }
                        }
                        self.left = Left::Nothing;
                    }
                    Some(size) => self.left = Left::Chunk(size),
                },
            }
        }
    }

    /// The whole of it, if it is not larger than `limit` bytes.
    pub(super) async fn collect(
        &mut self,
        connection: &mut Connection,
        limit: usize,
    ) -> io::Result<Result<Vec<u8>, Bad>> {
        if matches!(self.left, Left::Bytes(bytes) if bytes > limit as u64) {
            return Ok(Err(Bad::TooLarge));
        }
        let mut whole = Vec::new();
        loop {
            match self.next(connection).await? {
                Ok(Some(piece)) if whole.len() + piece.len() > limit => return Ok(Err(Bad::TooLarge)),
                Ok(Some(piece)) => whole.extend_from_slice(&piece),
                Ok(None) => return Ok(Ok(whole)),
                Err(bad) => return Ok(Err(bad)),
            }
        }
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|b| *b == b';').next()?.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Some bytes, at most `most`.
async fn piece(connection: &mut Connection, most: u64) -> io::Result<Bytes> {
    if connection.ahead.is_empty() && !connection.fill().await? {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let length = usize::try_from(most).unwrap_or(usize::MAX).min(connection.ahead.len());
    Ok(connection.ahead.split_to(length).freeze())
}

/// A line without its end; `None` if it is too long or ends in something else than CR LF.
async fn line(connection: &mut Connection) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = connection.ahead.iter().position(|b| *b == b'\n') {
            let line = connection.ahead.split_to(end);
            connection.ahead.advance(1);
            return Ok(line.strip_suffix(b"\r").map(<[u8]>::to_vec));
        }
        if connection.ahead.len() > MAX_LINE {
            return Ok(None);
        }
        if !connection.fill().await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
