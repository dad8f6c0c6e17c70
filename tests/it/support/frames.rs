//! A client that speaks HTTP/2 frame by frame (RFC 9113 §4): what no library would send.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub(crate) const INITIAL_WINDOW: u16 = 4;

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With this status and body.
    Answer(u16, Vec<u8>),
    /// By a reset.
    Reset(u32),
    /// With its connection, for this reason if one was told.
    Gone(Option<u32>),
}

/// A connection, past its preface.
pub(crate) struct Frames {
    io: TlsStream<TcpStream>,
    stream: u32,
    /// What the server told first: identifier and value.
    pub(crate) settings: Vec<(u16, u32)>,
}

impl Frames {
    /// Says the preface with these settings and no dynamic table, and hears the server's.
    pub(crate) async fn over(mut io: TlsStream<TcpStream>, settings: &[(u16, u32)]) -> io::Result<Self> {
        io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        let mut me = Self { io, stream: 1, settings: Vec::new() };
        let payload: Vec<u8> = [(1, 0)]
            .iter()
            .chain(settings)
            .flat_map(|(id, value): &(u16, u32)| [id.to_be_bytes().as_slice(), &value.to_be_bytes()].concat())
            .collect();
        me.say(&frame(SETTINGS, 0, 0, &payload)).await?;
        let first = me.hear().await?;
        assert_eq!((first.kind, first.flags), (SETTINGS, 0));
        let pair =
            |six: &[u8]| (u16::from_be_bytes([six[0], six[1]]), u32::from_be_bytes([six[2], six[3], six[4], six[5]]));
        me.settings = first.payload.chunks(6).map(pair).collect();
        me.say(&frame(SETTINGS, 1, 0, &[])).await?;
        Ok(me)
    }

    /// The number of the next stream.
    pub(crate) fn open(&mut self) -> u32 {
        self.stream += 2;
        self.stream - 2
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let saying = async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        };
        tokio::time::timeout(Duration::from_secs(10), saying)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    pub(crate) async fn hear(&mut self) -> io::Result<Frame> {
        let hearing = async {
            let mut head = [0; 9];
            self.io.read_exact(&mut head).await?;
            let [a, b, c, kind, flags, s @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.io.read_exact(&mut payload).await?;
            Ok(Frame { kind, flags, stream: u32::from_be_bytes(s) & (u32::MAX >> 1), payload })
        };
        tokio::time::timeout(Duration::from_secs(10), hearing)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Hears until this stream ends. Of other streams, and of what concerns the connection alone, nothing is kept.
    pub(crate) async fn end_of(&mut self, stream: u32) -> End {
        let (mut status, mut body, mut reason) = (0, Vec::new(), None);
        loop {
            let Ok(frame) = self.hear().await else { return End::Gone(reason) };
            match frame.kind {
                GOAWAY => reason = Some(word(&frame.payload[4..])),
                RST_STREAM if frame.stream == stream => return End::Reset(word(&frame.payload)),
                HEADERS if frame.stream == stream => status = status_of(&frame.payload),
                DATA if !frame.payload.is_empty() => {
                    // There is room for as much again; a connection that ends by now is heard of above.
                    let more = u32::try_from(frame.payload.len()).unwrap().to_be_bytes();
                    let _ = self.say(&self::frame(WINDOW_UPDATE, 0, 0, &more)).await;
                    if frame.stream == stream {
                        body.extend_from_slice(&frame.payload);
                    }
                }
                _ => {}
            }
            if frame.stream == stream && matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM > 0 {
                return End::Answer(status, body);
            }
        }
    }

    /// Hears until the connection ends; the reason told, if one was.
    pub(crate) async fn end(&mut self) -> Option<u32> {
        match self.end_of(u32::MAX).await {
            End::Gone(reason) => reason,
            other => panic!("{other:?} on a stream that was never opened"),
        }
    }

    /// Asks for a target, and hears the answer.
    pub(crate) async fn get(&mut self, authority: &[u8], target: &[u8]) -> End {
        let stream = self.open();
        let asked = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get(authority, target));
        if self.say(&asked).await.is_err() {
            return End::Gone(None);
        }
        self.end_of(stream).await
    }
}

/// A frame as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as a header block: literals that nobody keeps (RFC 7541 §6.2.2).
pub(crate) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [[0].as_slice(), &literal(name), &literal(value)].concat()).collect()
}

/// The head of a GET.
pub(crate) fn get(authority: &[u8], target: &[u8]) -> Vec<u8> {
    block(&[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", authority), (b":path", target)])
}

/// A string without Huffman coding (RFC 7541 §5.2).
pub(crate) fn literal(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.len();
    if rest < 127 {
        out.push(rest as u8);
    } else {
        out.push(127);
        rest -= 127;
        while rest >= 128 {
            out.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        out.push(rest as u8);
    }
    out.extend_from_slice(text);
    out
}

pub(crate) fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// The status at the begin of a header block of an answer.
fn status_of(block: &[u8]) -> u16 {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    let block = &block[block.iter().take_while(|b| **b & 0xe0 == 0x20).count()..]; // sizes of the table
    match block {
        [index @ 0x88..=0x8e, ..] => INDEXED[usize::from(index - 0x88)],
        // A literal whose name is `:status`, in plain or Huffman coded digits.
        [0x48 | 0x08 | 0x18, 3, digits @ ..] => std::str::from_utf8(&digits[..3]).unwrap().parse().unwrap(),
        [0x48 | 0x08 | 0x18, length, coded @ ..] if length & 0x80 > 0 => digits(&coded[..usize::from(length & 0x7f)]),
        other => panic!("no status in {other:x?}"),
    }
}

/// Three digits, Huffman coded (RFC 7541 appendix B).
fn digits(coded: &[u8]) -> u16 {
    let bits: Vec<u8> = coded.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0, |all, bit| all << 1 | u16::from(*bit));
    let (mut at, mut value) = (0, 0);
    for _ in 0..3 {
        let short = number(&bits[at..at + 5]);
        let (digit, length) = if short <= 2 { (short, 5) } else { (number(&bits[at..at + 6]) - 0x19 + 3, 6) };
        value = value * 10 + digit;
        at += length;
    }
    value
}

#[test]
fn reads_the_status_however_it_is_written() {
    assert_eq!(status_of(&[0x20, 0x88]), 200);
    assert_eq!(status_of(&[0x48, 3, b'4', b'2', b'1']), 421);
    // "302" of RFC 7541 C.6.1 and "307" of C.6.2.
    assert_eq!(status_of(&[0x48, 0x82, 0x64, 0x02]), 302);
    assert_eq!(status_of(&[0x48, 0x83, 0x64, 0x0e, 0xff]), 307);
}
