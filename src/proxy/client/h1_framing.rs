//! Looks at the bytes of HTTP/1 requests before the parser does, and stops those that two parsers could take for
//! different requests: bare line feeds, a request line of other than three words, chunks out of the grammar
//! (RFC 9112 §2.2, §3, §7.1). The parser below is lenient about these; a proxy before us may be lenient otherwise,
//! and what the two disagree on is how requests are smuggled.

use memchr::memchr;

/// Trailer fields and chunk extensions of one body, in bytes. Nothing reads them.
const MAX_IGNORED: usize = 16 * 1024;

/// Why a request is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramingError {
    /// The head is larger than allowed.
    TooLarge,
    /// A line that does not end with CR LF.
    LineEnd,
    /// A request line that is not three words with one space between them.
    RequestLine,
    /// A target with `#`: the parser below would cut it there, and nobody could tell what was meant.
    Fragment,
    /// A chunked body out of the grammar.
    Chunk,
}

/// Follows one request, from its first byte.
#[derive(Debug, Default)]
pub(crate) struct RequestFraming {
    head: Vec<u8>,
    /// Where the line begins that is not complete yet.
    line: usize,
    lines: usize,
    complete: bool,
    chunks: Option<ChunkedBody>,
    /// What is left of a body whose length was announced.
    length: Option<u64>,
    /// Of what was looked at last, so many bytes are behind the end of the request.
    beyond: usize,
}

impl RequestFraming {
    /// Starts anew: the next byte is the first of another request.
    pub(crate) fn restart(&mut self) {
        self.head.clear();
        (self.line, self.lines, self.complete, self.chunks) = (0, 0, false, None);
        (self.length, self.beyond) = (None, 0);
    }

    /// What has come of the head, up to its end.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether the head is still to be completed.
    pub(crate) const fn in_head(&self) -> bool {
        !self.complete
    }

    /// Of what was looked at last, so many bytes are behind the end of the request: of the next one.
    pub(crate) const fn beyond(&self) -> usize {
        self.beyond
    }

    /// Whether some of the body is still to come.
    pub(crate) fn in_body(&self) -> bool {
        self.complete
            && self
                .chunks
                .as_ref()
                .map_or_else(|| self.length.is_some_and(|left| left > 0), |chunks| chunks.at != ChunkState::Done)
    }

    /// Looks at what was read.
    ///
    /// # Errors
    /// The request must not be parsed.
    pub(crate) fn push(&mut self, mut read: &[u8], most: usize) -> Result<(), FramingError> {
        self.beyond = 0;
        while !self.complete {
            let Some(end) = memchr(b'\n', read) else {
                self.head.extend_from_slice(read);
                return if self.head.len() > most { Err(FramingError::TooLarge) } else { Ok(()) };
            };
            let (line, rest) = read.split_at(end + 1);
            read = rest;
            self.head.extend_from_slice(line);
            let checked = if self.head.len() > most { Err(FramingError::TooLarge) } else { self.end_line() };
            if checked.is_err() {
                // Perhaps the rest tells whether a browser or a script is to be answered.
                self.head.extend(read.iter().take(MAX_IGNORED));
                return checked;
            }
        }
        self.beyond = match (&mut self.chunks, &mut self.length) {
            (Some(chunks), _) => chunks.push(read)?,
            (None, Some(left)) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(read.len());
                *left -= here as u64;
                read.len() - here
            }
            (None, None) => read.len(),
        };
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), FramingError> {
        let line =
            self.head.get(self.line..).and_then(|line| line.strip_suffix(b"\r\n")).ok_or(FramingError::LineEnd)?;
        match (line.is_empty(), self.lines) {
            // Empty lines before a request are passed over (RFC 9112 §2.2).
            (true, 0) => {}
            (true, _) => self.complete = true,
            (false, 0) => {
                let mut words = line.split(|b| *b == b' ');
                let three = words.clone().count() == 3 && words.clone().all(|word| !word.is_empty());
                if !three || line.iter().any(|b| *b < b' ' || *b == 0x7f) {
                    return Err(FramingError::RequestLine);
                }
                if words.nth(1).is_some_and(|target| target.contains(&b'#')) {
                    return Err(FramingError::Fragment);
                }
                self.lines = 1;
            }
            (false, _) => {
                if is_field(line, b"transfer-encoding") {
                    self.chunks = Some(ChunkedBody::default());
                }
                if is_field(line, b"content-length") {
                    // One that is no number is refused when the head is judged.
                    let digits = line.get(b"content-length:".len()..).and_then(|d| std::str::from_utf8(d).ok());
                    self.length = Some(digits.and_then(|d| d.trim().parse().ok()).unwrap_or(0));
                }
                self.lines += 1;
            }
        }
        self.line = self.head.len();
        Ok(())
    }
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name)) && line.get(name.len()) == Some(&b':')
}

/// Follows a chunked body (RFC 9112 §7.1).
#[derive(Debug, Default)]
struct ChunkedBody {
    at: ChunkState,
    ignored: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ChunkState {
    /// Before the size of a chunk.
    #[default]
    SizeStart,
    /// In the size, after so many digits.
    Size {
        size: u64,
        digits: u8,
    },
    /// In an extension.
    Extension {
        size: u64,
    },
    /// Before the LF that ends the size line.
    SizeLf {
        size: u64,
    },
    /// So many bytes of data are to come.
    Data(u64),
    /// Before the CR, then the LF, that end the data.
    DataCr,
    DataLf,
    /// At the start of a trailer line.
    TrailerStart,
    /// In a trailer line; whether its name has ended.
    Trailer {
        named: bool,
    },
    /// Before the LF of a trailer line.
    TrailerLf,
    /// Before the last LF.
    EndLf,
    /// What follows is no part of this body.
    Done,
}

impl ChunkedBody {
    /// Says how many bytes are behind the end.
    fn push(&mut self, mut read: &[u8]) -> Result<usize, FramingError> {
        while let Some((byte, rest)) = read.split_first().filter(|_| self.at != ChunkState::Done) {
            if let ChunkState::Data(left) = self.at {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(read.len());
                read = read.get(here..).unwrap_or_default();
                self.at = if here as u64 == left { ChunkState::DataCr } else { ChunkState::Data(left - here as u64) };
                continue;
            }
            self.at = self.step(*byte)?;
            read = rest;
        }
        Ok(read.len())
    }

    fn step(&mut self, byte: u8) -> Result<ChunkState, FramingError> {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        Ok(match (self.at, byte) {
            (ChunkState::SizeStart, _) => ChunkState::Size { size: digit.ok_or(FramingError::Chunk)?, digits: 1 },
            (ChunkState::Size { size, .. } | ChunkState::Extension { size }, b'\r') => ChunkState::SizeLf { size },
            (ChunkState::Size { size, .. }, b';') => ChunkState::Extension { size },
            (ChunkState::Size { size, digits: digits @ ..=15 }, _) => {
                ChunkState::Size { size: size << 4 | digit.ok_or(FramingError::Chunk)?, digits: digits + 1 }
            }
            (ChunkState::Extension { size }, _) if is_text(byte) => self.ignored(ChunkState::Extension { size })?,
            (ChunkState::SizeLf { size: 0 }, b'\n') => ChunkState::TrailerStart,
            (ChunkState::SizeLf { size }, b'\n') => ChunkState::Data(size),
            (ChunkState::DataCr, b'\r') => ChunkState::DataLf,
            (ChunkState::DataLf, b'\n') => ChunkState::SizeStart,
            (ChunkState::TrailerStart, b'\r') => ChunkState::EndLf,
            (ChunkState::EndLf, b'\n') => ChunkState::Done,
            (ChunkState::TrailerStart, _) if is_name(byte) => self.ignored(ChunkState::Trailer { named: false })?,
            (ChunkState::Trailer { named: false }, b':') => ChunkState::Trailer { named: true },
            (ChunkState::Trailer { named: false }, _) if is_name(byte) => {
                self.ignored(ChunkState::Trailer { named: false })?
            }
            (ChunkState::Trailer { named: true }, b'\r') => ChunkState::TrailerLf,
            (ChunkState::Trailer { named: true }, _) if is_text(byte) => {
                self.ignored(ChunkState::Trailer { named: true })?
            }
            (ChunkState::TrailerLf, b'\n') => ChunkState::TrailerStart,
            _ => return Err(FramingError::Chunk),
        })
    }

    const fn ignored(&mut self, at: ChunkState) -> Result<ChunkState, FramingError> {
        self.ignored += 1;
        if self.ignored > MAX_IGNORED { Err(FramingError::Chunk) } else { Ok(at) }
    }
}

const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// `token` of RFC 9110 §5.6.2.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is said of bytes that come in pieces of `step`.
    fn checked(bytes: &[u8], step: usize) -> Result<(), FramingError> {
        let mut meter = RequestFraming::default();
        bytes.chunks(step).try_for_each(|piece| meter.push(piece, 1000))
    }

    fn post(body: &str) -> Vec<u8> {
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}").into_bytes()
    }

    #[test]
    fn proper_requests_pass_however_they_are_cut() {
        let fine: [&[u8]; 7] = [
            b"M#SEARCH /a%23b HTTP/1.1\r\nHost: a\r\nX: #\r\n\r\n#",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nany\nthing",
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nb",
            &post("0\r\n\r\n"),
            &post("3;a=\"b c\"\r\n\n\r\n\r\nA\r\n0123456789\r\n000\r\nDigest: x\r\nB:\r\n\r\nGET\nnext"),
            &post("00000003\r\nabc\r\n0\r\n\r\n"),
        ];
        for request in fine {
            for step in 1..=request.len() {
                assert_eq!(checked(request, step), Ok(()), "{:?} by {step}", String::from_utf8_lossy(request));
            }
        }
    }

    #[test]
    fn the_end_of_a_request_is_found_however_it_and_the_next_are_cut() {
        let requests = [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_vec(),
            b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab".to_vec(),
            post("0\r\n\r\n"),
            post("3;x\r\nabc\r\n0\r\nA: b\r\n\r\n"),
        ];
        for request in requests {
            for next in ["", "\r\n", "G", "GET / HTTP/1.1\r\n\r\nGET"] {
                let bytes = [&request, next.as_bytes()].concat();
                for step in 1..=bytes.len() {
                    let mut meter = RequestFraming::default();
                    let mut looked = 0;
                    for piece in bytes.chunks(step) {
                        meter.push(piece, 1000).unwrap();
                        looked += piece.len();
                        let beyond = looked.saturating_sub(request.len()).min(piece.len());
                        assert_eq!(meter.beyond(), beyond, "{:?} by {step}", String::from_utf8_lossy(&bytes));
                    }
                    assert!(!meter.in_body() && !meter.in_head());
                }
            }
        }
    }

    #[test]
    fn the_end_of_a_body_is_seen() {
        let with_length = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde".to_vec();
        for (request, more) in [(with_length, "GET"), (post("3\r\nabc\r\n0\r\n\r\n"), "GET")] {
            for step in 1..=request.len() {
                let mut meter = RequestFraming::default();
                let mut seen = false;
                for piece in request.chunks(step) {
                    assert!(!seen || meter.in_body(), "the body ends before its end");
                    meter.push(piece, 1000).unwrap();
                    seen |= meter.in_body();
                }
                assert!(!meter.in_body() && (seen || step > 5), "by {step}");
                meter.push(more.as_bytes(), 1000).unwrap();
                assert!(!meter.in_body());
            }
        }
        let mut meter = RequestFraming::default();
        meter.push(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 1000).unwrap();
        assert!(!meter.in_body());
    }

    #[test]
    fn improper_ones_are_stopped_however_they_are_cut() {
        let heads = [
            ("GET / HTTP/1.1\nHost: a\n\n", FramingError::LineEnd),
            ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", FramingError::LineEnd),
            ("GET / HTTP/1.1\r\nHost: a\r\n\n", FramingError::LineEnd),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", FramingError::RequestLine),
            ("GET  / HTTP/1.1\r\n\r\n", FramingError::RequestLine),
            ("GET\t/ HTTP/1.1\r\n\r\n", FramingError::RequestLine),
            ("GET / HTTP/1.1 \r\n\r\n", FramingError::RequestLine),
            ("GET /\r\n\r\n", FramingError::RequestLine),
            ("GET /a#b HTTP/1.1\r\n\r\n", FramingError::Fragment),
            ("GET /# HTTP/1.1\r\n\r\n", FramingError::Fragment),
            ("GET /a?b=c#d HTTP/1.1\r\n\r\n", FramingError::Fragment),
            ("GET http://a/#b HTTP/1.1\r\n\r\n", FramingError::Fragment),
        ];
        let bodies = [
            "3\nabc\r\n0\r\n\r\n",
            "\r\nabc",
            "3;a\nb\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc",
            "+3\r\n",
            " 3\r\n",
            "3 \r\n",
            "3\rabc",
            "3\r\nabcd\r\n",
            "3\r\nabc\n",
            "3\r\nabc\rX",
            "11111111111111111\r\n",
            "0\r\n\n",
            "0\r\nbad\r\n\r\n",
            "0\r\nA: b\n\r\n",
            "0\r\n: b\r\n\r\n",
            "0\r\n A: b\r\n\r\n",
            "0\r\nA: b\r\n\r0",
        ];
        let bodies = bodies.iter().map(|body| (post(body), FramingError::Chunk));
        for (request, stop) in heads.iter().map(|(head, stop)| (head.as_bytes().to_vec(), *stop)).chain(bodies) {
            for step in 1..=request.len() {
                assert_eq!(checked(&request, step), Err(stop), "{:?} by {step}", String::from_utf8_lossy(&request));
            }
        }
        let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1000));
        assert_eq!(checked(large.as_bytes(), 5000), Err(FramingError::TooLarge));
        assert_eq!(checked(&post(&format!("3;{}\r\n", "x".repeat(20_000))), 512), Err(FramingError::Chunk));
    }

    proptest! {
        #[test]
        fn cutting_changes_nothing(bytes in "(GET / HTTP/1.1|[ -~]{0,9})(\r\n|\n|[a-z:;0-9]){0,30}", step in 1_usize..9) {
            prop_assert_eq!(checked(bytes.as_bytes(), step), checked(bytes.as_bytes(), 10_000));
        }
    }
}
