//! Valid requests, made by the grammars of RFC 9112 (messages), RFC 9110 (fields) and RFC 3986 (targets); a seed makes
//! the same ones again.

/// A small generator of numbers (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn text(&mut self, alphabet: &[u8], least: usize, most: usize) -> String {
        let length = least + self.below(most - least + 1);
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

/// A valid request.
#[derive(Debug)]
pub(crate) struct Valid {
    pub(crate) method: String,
    /// In any form.
    pub(crate) target: String,
    pub(crate) version: &'static str,
    pub(crate) host: Option<String>,
    /// Names and values with the white space around them.
    pub(crate) fields: Vec<(String, String)>,
    body: String,
}

const TCHAR: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
const UNRESERVED: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-_";
const PCHAR: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@";
const HEX: &[u8] = b"0123456789ABCDEFabcdef";
const VCHAR: &[u8] =
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~\\ \t";

/// The host that is asked.
pub(crate) const HOST: &str = "app.test";

impl Valid {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        let method = method(dice);
        let version = if dice.once_in(12) { "HTTP/1.0" } else { "HTTP/1.1" };
        let host = host(dice, version);
        let target = target(dice, &method, host.as_deref());
        let mut fields: Vec<(String, String)> = (0..dice.below(6)).map(|_| field(dice)).collect();
        let body = body(dice, version, &mut fields);
        if version == "HTTP/1.1" && dice.once_in(10) {
            fields.extend(offer(dice));
        }
        Self { method, target, version, host, fields, body }
    }

    /// As it is sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} {}\r\n", self.method, self.target, self.version);
        if let Some(host) = &self.host {
            out.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in &self.fields {
            out.push_str(&format!("{name}:{value}\r\n"));
        }
        out.push_str("\r\n");
        // Each character is one octet: `obs-text` is none of UTF-8.
        out.chars().map(|c| u8::try_from(c).unwrap()).chain(self.body.bytes()).collect()
    }

    /// The path, as it stands in the target.
    pub(crate) fn path(&self) -> &str {
        let path = self.target.split('?').next().unwrap();
        match path.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
            None => path,
        }
    }
}

fn method(dice: &mut Dice) -> String {
    match dice.below(20) {
        0 => dice.text(TCHAR, 1, 10),
        1 => dice
            .one_of(&["PROPFIND", "MKCOL", "REPORT", "M-SEARCH", "QUERY", "LOCK", "COPY", "VERSION-CONTROL"])
            .to_owned(),
        2 => dice.one_of(&["get", "Post", "pUT"]).to_owned(),
        3 | 4 => dice.one_of(&["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"]).to_owned(),
        5..=7 => "POST".to_owned(),
        _ => "GET".to_owned(),
    }
}

fn host(dice: &mut Dice, version: &str) -> Option<String> {
    if version == "HTTP/1.0" && dice.once_in(4) {
        return None;
    }
    let port = match dice.below(30) {
        0 => ":",
        1 => ":080",
        2..=4 => ":80",
        5..=7 => ":8443",
        _ => "",
    };
    Some(format!("{}{port}", dice.one_of(&[HOST, HOST, HOST, HOST, "App.TEST", "app.test."])))
}

fn target(dice: &mut Dice, method: &str, host: Option<&str>) -> String {
    if method == "OPTIONS" && dice.once_in(3) {
        return "*".to_owned();
    }
    let mut target = String::new();
    let absolute = host.is_some() && dice.once_in(8);
    if let (true, Some(host)) = (absolute, host) {
        let scheme = dice.one_of(&["http", "http", "https", "HTTP"]);
        // Another spelling of the same authority.
        let other = host.to_ascii_lowercase().trim_end_matches(":80").to_owned();
        target = format!("{scheme}://{}", if dice.once_in(4) { &other } else { host });
    }
    if !absolute || !dice.once_in(6) {
        let segments = 1 + dice.below(4);
        for _ in 0..segments {
            target.push('/');
            target.push_str(&segment(dice));
        }
    }
    if dice.once_in(3) {
        target.push('?');
        for _ in 0..dice.below(4) {
            let piece = if dice.once_in(4) { triplet(dice) } else { dice.text(PCHAR, 0, 6) };
            target.push_str(&piece);
            target.push_str(dice.one_of(&["", "/", "?", "&", "="]));
        }
    }
    target
}

fn segment(dice: &mut Dice) -> String {
    match dice.below(40) {
        0 => String::new(),
        1 => ".".to_owned(),
        2 => "..".to_owned(),
        3 => dice.text(PCHAR, 0, 8),
        4 => triplet(dice),
        5 => format!("{}{}{}", dice.text(UNRESERVED, 0, 3), triplet(dice), dice.text(PCHAR, 0, 3)),
        // What is in the addresses of real apps.
        6 => dice.one_of(&["caf%C3%A9", "%E6%97%A5%E6%9C%AC", "C%2B%2B", "100%25", "50%25ab.txt", "a%20b"]).to_owned(),
        7 => dice.one_of(&["@scope", "~ann", "a:b", "(x)", "it's", "a,b", "x=1&y=2", "!$*+"]).to_owned(),
        8 => dice.one_of(&["%2F", "%5C", "%252e", "%3B", ";jsessionid=1", "%E9", "%00", "%C2%85"]).to_owned(),
        9 => dice.one_of(&["...", "%20", "a%E2%88%95b", "%252F", "%25%32%66"]).to_owned(),
        _ => dice.text(LETTERS, 1, 8),
    }
}

fn triplet(dice: &mut Dice) -> String {
    format!("%{}", dice.text(HEX, 2, 2))
}

fn field(dice: &mut Dice) -> (String, String) {
    let known = [
        ("Accept", "text/html,*/*;q=0.8"),
        ("Accept-Encoding", "gzip, deflate"),
        ("User-Agent", "curl/8.0 (a; b)"),
        ("Cookie", "a=1; b=\"x y\"; c"),
        ("Range", "bytes=0-1"),
        ("If-None-Match", "W/\"a,b\", \"c\""),
        ("If-Modified-Since", "Sat, 29 Oct 1994 19:43:31 GMT"),
        ("Authorization", "Basic YTpi"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-Requested-With", "XMLHttpRequest"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Original-URL", "/elsewhere"),
        ("Forwarded", "for=192.0.2.1;host=other.test"),
        ("Via", "1.1 a, 1.0 b"),
        ("Max-Forwards", "3"),
        ("Referer", "http://app.test/a?b"),
        ("Connection", "keep-alive"),
        ("Connection", "close"),
        ("Connection", "X-Hop"),
        ("Keep-Alive", "timeout=5"),
        ("If", "(<urn:uuid:1> [\"a)b\"]) (Not <DAV:no-lock>)"),
        ("If", "</a> (<urn:uuid:1>)"),
        ("Destination", "http://app.test/b"),
        ("Destination", "/b"),
        ("Lock-Token", "<urn:uuid:1>"),
        ("Upgrade-Insecure-Requests", "1"),
    ];
    // Values with white space around them, or none at all.
    let (before, after) = (dice.one_of(&[" ", " ", "", "\t", "  "]), dice.one_of(&["", "", "", " ", "\t"]));
    if dice.once_in(3) {
        let name = format!("X-{}", dice.text(TCHAR, 1, 10));
        let mut value = dice.text(VCHAR, 0, 20);
        if dice.once_in(6) {
            value.push(dice.one_of(&["\u{e9}", "\u{ff}", "\u{80}"]).chars().next().unwrap());
        }
        return (name, format!("{before}{value}{after}"));
    }
    let (name, value) = known[dice.below(known.len())];
    let name = if dice.once_in(5) { name.to_lowercase() } else { name.to_owned() };
    (name, format!("{before}{value}{after}"))
}

fn offer(dice: &mut Dice) -> Vec<(String, String)> {
    let offered = dice.one_of(&["h2c", "TLS/1.2", "HTTP/2.0, SHTTP/1.3, IRC/6.9", "foo/2"]);
    let mut fields = vec![("Upgrade".to_owned(), format!(" {offered}"))];
    let settings = offered == "h2c";
    fields.push(("Connection".to_owned(), if settings { " Upgrade, HTTP2-Settings" } else { " upgrade" }.to_owned()));
    if settings {
        fields.push(("HTTP2-Settings".to_owned(), " AAMAAABkAARAAAAAAAIAAAAA".to_owned()));
    }
    fields
}

fn body(dice: &mut Dice, version: &str, fields: &mut Vec<(String, String)>) -> String {
    let text = dice.text(b"abc \r\n", 0, 9);
    match dice.below(6) {
        0 | 1 => {
            fields.push(("Content-Length".to_owned(), format!(" {}", text.len())));
            text
        }
        2 if version == "HTTP/1.1" => {
            fields.push(("Transfer-Encoding".to_owned(), dice.one_of(&[" chunked", " Chunked"]).to_owned()));
            let mut out = String::new();
            for _ in 0..dice.below(3) {
                let piece = dice.text(b"abc\r\n", 1, 20);
                let extension = dice.one_of(&["", "", ";a", ";a=b", ";a=\"b c\""]);
                out.push_str(&format!("{:x}{extension}\r\n{piece}\r\n", piece.len()));
            }
            out.push_str(dice.one_of(&["0\r\n\r\n", "0\r\n\r\n", "000\r\n\r\n", "0\r\nX-Trailer: a\r\n\r\n"]));
            out
        }
        _ => String::new(),
    }
}
