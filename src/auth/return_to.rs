//! Where a person goes after signing in: a path on the same host, never a raw string.

use url::Url;

/// The longest destination, in bytes.
const MAX_BYTES: usize = 4096;

/// Our own pages: nobody is sent from one of them to another, so nobody loops.
const RESERVED_PREFIX: &str = "/.stepgate";

/// A host that no destination can name, to resolve destinations against.
const ANYWHERE: &str = "https://stepgate.invalid";

/// A destination that can only be on the host where it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The start page.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Reads a destination from a query or a form; `None` if a browser could read it as another
    /// site, or if it is one of our own pages. A fragment is kept: it belongs to the deep link.
    ///
    /// What comes out was written by a WHATWG URL parser: ASCII, dot segments resolved.
    pub fn parse(text: &str) -> Option<Self> {
        let odd = |c: char| c == '\\' || c.is_control() || c.is_whitespace() || is_invisible(c);
        if text.len() > MAX_BYTES || !text.starts_with('/') || text.contains(odd) {
            return None;
        }
        let base = Url::parse(ANYWHERE).ok()?;
        let url = base.join(text).ok()?;
        if url.origin() != base.origin() || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let written = url.as_str().strip_prefix(ANYWHERE)?;
        if written.len() > MAX_BYTES || !leads_home(url.path()) {
            return None;
        }
        Some(Self(written.to_owned()))
    }

    /// Path, query and fragment, safe as the value of `Location`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a path stays a path, decoded as often as anybody may decode it, and is none of ours.
fn leads_home(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..4 {
        let odd = path.starts_with("//") || path.contains(['\\', '\0']) || path.chars().any(char::is_control);
        if odd || is_reserved(&path) || path.split('/').any(|s| matches!(s, "." | "..")) {
            return false;
        }
        let decoded = decode(&path);
        if decoded == path {
            return true;
        }
        path = decoded;
    }
    // Encoded more than three times over: nobody means that.
    false
}

fn is_reserved(path: &str) -> bool {
    let merged = path.trim_start_matches('/');
    let Some(ours) = RESERVED_PREFIX.strip_prefix('/') else { return false };
    let (Some(head), Some(tail)) = (merged.get(..ours.len()), merged.get(ours.len()..)) else { return false };
    head.eq_ignore_ascii_case(ours) && !tail.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
}

fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let digit = |b: &u8| char::from(*b).to_digit(16);
        match after {
            [high, low, tail @ ..] if *byte == b'%' => match digit(high).zip(digit(low)) {
                Some((h, l)) => {
                    out.push(u8::try_from(h * 16 + l).unwrap_or(b'%'));
                    rest = tail;
                }
                None => out.push(b'%'),
            },
            _ => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Characters that change how a link looks without being seen.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
