//! What upstreams do to a path, written apart from the code under test, and the paths that are tried.

use proptest::prelude::*;
use proptest::sample::select;
use url::Url;

use super::Tolerances;

/// Pieces that attacks are made of, and pieces of honest paths.
pub(in crate::auth) fn pieces() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "/",
        "//",
        ".",
        "..",
        ";",
        ";x=1",
        "%2e",
        "%2E",
        "%2f",
        "%2F",
        "%5c",
        "\\",
        "%25",
        "%252e",
        "%252f",
        "%3b",
        "%3B",
        "%20",
        "%00",
        "%0a",
        "%c0%ae",
        "%ef%bc%8f",
        "%ef%bc%8e",
        "%c3%a9",
        "%e9",
        "%85",
        "%A0",
        "%aa",
        "%25e9",
        "%25ff",
        "%3f",
        "%23",
        "%61",
        "%2561",
        "admin",
        "public",
        "Admin",
        "a",
        "b.css",
        "~",
        "[",
        "|",
        "%7e",
        "%e2%80%a6",
        "*",
        "%2a",
        "%25252f",
        "%",
        "é",
        " ",
        ":",
        "@",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|p| format!("/{}", p.concat()))
}

pub(in crate::auth) fn tolerances() -> impl Strategy<Value = Tolerances> {
    any::<(bool, bool, bool, bool)>().prop_map(|(path_parameters, encoded_slashes, double_slashes, latin1)| {
        Tolerances { path_parameters, encoded_slashes, double_slashes, latin1 }
    })
}

/// One thing that some upstream does to a path.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth) enum Habit {
    Decode,
    DropParameters,
    MergeSlashes,
    BackslashIsSlash,
    DropTrailingDots,
    CutAtQuestionMark,
    CutAtHash,
    ResolveDots,
    /// `new URL(path, base)`, as node and browsers do it.
    Whatwg,
    /// Each octet is a character: of ISO 8859-1, or of Windows-1252.
    DecodeLatin1,
    DecodeWindows1252,
}

impl Habit {
    pub(in crate::auth) fn is_of_latin1(self) -> bool {
        matches!(self, Self::DecodeLatin1 | Self::DecodeWindows1252)
    }
}

/// Text with each triplet replaced by what `read` makes of its octet.
fn decoded(path: &str, read: impl Fn(u8) -> char) -> String {
    let (mut out, mut rest) = (String::new(), path);
    while let Some(c) = rest.chars().next() {
        let hex = rest.get(1..3).filter(|h| c == '%' && h.bytes().all(|b| b.is_ascii_hexdigit()));
        let (piece, len) = match hex {
            Some(hex) => (read(u8::from_str_radix(hex, 16).unwrap()), 3),
            None => (c, c.len_utf8()),
        };
        out.push(piece);
        rest = &rest[len..];
    }
    out
}

fn windows_1252(octet: u8) -> char {
    let c1 = "\u{20ac}\u{81}\u{201a}\u{192}\u{201e}\u{2026}\u{2020}\u{2021}\u{2c6}\u{2030}\u{160}\u{2039}\u{152}\u{8d}\u{17d}\u{8f}\
              \u{90}\u{2018}\u{2019}\u{201c}\u{201d}\u{2022}\u{2013}\u{2014}\u{2dc}\u{2122}\u{161}\u{203a}\u{153}\u{9d}\u{17e}\u{178}";
    match octet {
        0x80..=0x9f => c1.chars().nth(usize::from(octet) - 0x80).unwrap(),
        _ => char::from(octet),
    }
}

pub(in crate::auth) fn apply(habit: Habit, path: &str) -> String {
    let join = |segments: Vec<&str>| segments.join("/");
    match habit {
        Habit::Decode => {
            let (mut octets, mut sources, mut rest) = (Vec::new(), Vec::new(), path.as_bytes());
            while let [byte, tail @ ..] = rest {
                let hex = tail.get(..2).filter(|h| *byte == b'%' && h.iter().all(u8::is_ascii_hexdigit));
                let value = hex.map(|h| u8::from_str_radix(std::str::from_utf8(h).unwrap(), 16).unwrap());
                let (source, after) = rest.split_at(if value.is_some() { 3 } else { 1 });
                octets.push(value.unwrap_or(*byte));
                sources.push(source);
                rest = after;
            }
            // Octets that are no UTF-8 stay as they are written.
            let (mut text, mut at) = (String::new(), 0);
            while at < octets.len() {
                let good = std::str::from_utf8(&octets[at..]).map_or_else(|e| e.valid_up_to(), str::len);
                text.push_str(std::str::from_utf8(&octets[at..at + good]).unwrap());
                at += good;
                if let Some(source) = sources.get(at) {
                    text.push_str(std::str::from_utf8(source).unwrap());
                    at += 1;
                }
            }
            text
        }
        Habit::DecodeLatin1 => decoded(path, char::from),
        Habit::DecodeWindows1252 => decoded(path, windows_1252),
        Habit::Whatwg => {
            // What it encodes itself is undone: whoever reads the path next reads it as it was parsed.
            const PERCENT: &str = "\u{e000}";
            let url = Url::parse("https://app.example").unwrap().join(&path.replace('%', PERCENT));
            url.map_or_else(|_| path.to_owned(), |url| apply(Habit::Decode, url.path()).replace(PERCENT, "%"))
        }
        Habit::DropParameters => join(path.split('/').map(|s| s.split(';').next().unwrap()).collect()),
        Habit::MergeSlashes => {
            let mut path = path.to_owned();
            while path.contains("//") {
                path = path.replace("//", "/");
            }
            path
        }
        Habit::BackslashIsSlash => path.replace('\\', "/"),
        Habit::DropTrailingDots => join(path.split('/').map(|s| s.trim_end_matches(['.', ' '])).collect()),
        Habit::CutAtQuestionMark => path.split('?').next().unwrap().to_owned(),
        Habit::CutAtHash => path.split('#').next().unwrap().to_owned(),
        Habit::ResolveDots => {
            let mut out: Vec<&str> = Vec::new();
            for segment in path.split('/') {
                match segment {
                    "." => {}
                    ".." => {
                        out.pop();
                    }
                    _ => out.push(segment),
                }
            }
            out.join("/")
        }
    }
}

pub(in crate::auth) fn habits() -> impl Strategy<Value = Vec<Habit>> {
    use Habit::*;
    let habit = select(vec![
        Decode,
        DropParameters,
        MergeSlashes,
        BackslashIsSlash,
        DropTrailingDots,
        CutAtQuestionMark,
        CutAtHash,
        ResolveDots,
        Whatwg,
        DecodeLatin1,
        DecodeWindows1252,
    ]);
    prop::collection::vec(habit, 0..7)
}
