//! Request heads, exactly as they came.

/// Fields of a request head.
pub(super) const MAX_FIELDS: usize = 512;

/// A request head as it arrived.
pub(super) struct Head {
    pub(super) method: String,
    /// As received, with its query.
    pub(super) target: String,
    /// Names and values in order and in their own case.
    pub(super) fields: Vec<(String, String)>,
}

/// What comes next on the connection.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    Head,
    Body(u64),
    ChunkSize,
    Chunk(u64),
    Trailers,
    /// Bytes that nobody looks at here: a tunnel, or framing for hyper to refuse.
    Anything,
}

impl Head {
    /// The head that these bytes begin with, its length and what follows it; `None` if it is not whole, the status
    /// that refuses it if it never can be.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(usize, Self, Expected)>, u16> {
        let mut fields = vec![httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(431),
            Err(_) => return Err(400),
        };
        let (Some(method), Some(target)) = (request.method, request.path) else { return Err(400) };
        let fields = request.headers.iter().map(|f| (f.name.to_owned(), text(f.value))).collect();
        let head = Self { method: method.to_owned(), target: target.to_owned(), fields };
        let body = head.body()?;
        Ok(Some((length, head, body)))
    }

    /// The body it announces (RFC 9112 §6); nothing ambiguous is taken.
    fn body(&self) -> Result<Expected, u16> {
        let mut lengths = self.all("content-length");
        match (self.field("transfer-encoding"), lengths.next(), lengths.next()) {
            (None, None, _) => Ok(Expected::Head),
            (Some(coding), None, _) if coding.trim().eq_ignore_ascii_case("chunked") => Ok(Expected::ChunkSize),
            (None, Some(text), None) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                match text.parse().map_err(|_| 413_u16)? {
                    0 => Ok(Expected::Head),
                    length => Ok(Expected::Body(length)),
                }
            }
            _ => Err(400),
        }
    }

    /// The bytes of this head with a target that hyper can read.
    pub(super) fn readable(&self, bytes: &[u8]) -> Vec<u8> {
        let mut readable = Vec::with_capacity(bytes.len());
        let start = bytes.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or_default() + self.method.len() + 1;
        let (before, rest) = bytes.split_at_checked(start).unwrap_or((bytes, &[]));
        let (target, after) = rest.split_at_checked(self.target.len()).unwrap_or((rest, &[]));
        readable.extend_from_slice(before);
        for byte in target {
            match byte {
                b'"' | b'#' | b'<' | b'>' | b'`' | b'{' | b'}' | b'^' | b'|' | b'\\' | 0x7F.. => {
                    readable.extend_from_slice(format!("%{byte:02X}").as_bytes());
                }
                byte => readable.push(*byte),
            }
        }
        readable.extend_from_slice(after);
        readable
    }

    /// The first field of that name (any case).
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.fields.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a comma-separated field has this element (any case).
    pub(super) fn lists(&self, name: &str, element: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(element))
    }

    /// A number in the query.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok())
    }
}

/// A field value as text; bytes that are not UTF-8 are read as ISO 8859-1, so that none is lost.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

/// The size in a chunk's first line (RFC 9112 §7.1).
pub(super) fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|b| *b == b';').next()?.trim_ascii();
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
