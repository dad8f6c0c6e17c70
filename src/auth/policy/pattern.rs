//! Which canonical paths a rule covers: a glob by segments, or a regular expression.
//!
//! Patterns are matched on decoded text (see [`crate::auth::resource`]): `/a b/*`, `/a%20b/*` and a
//! request for `/a%20b/c` meet. In a tolerated `%2F` the three characters stay as they are.

use regex::{Regex, RegexBuilder};
use unicode_normalization::UnicodeNormalization;

use super::glob::Glob;
use crate::auth::text::percent::{Octet, octets};

/// The largest compiled regular expression, in bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 2048;

/// A compiled path pattern.
#[derive(Clone, Debug)]
pub struct PathPattern {
    text: String,
    exact: Matcher,
    loose: Matcher,
    /// Whether both matchers agree on every path that [`is_loose`].
    steady: bool,
}

/// What a path is matched with.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Glob(Glob),
    Regex(Regex),
}

/// Why a pattern cannot be compiled, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(pub String);

impl PathPattern {
    /// Compiles a glob: `*` is within one segment, `**` any number of segments, none included.
    ///
    /// # Errors
    /// [`BadPattern`] if no canonical path could ever match, or two people could read it differently.
    pub fn glob(text: &str) -> Result<Self, BadPattern> {
        let segments = glob_segments(text).map_err(BadPattern)?;
        let glob = Glob::new(segments);
        let loose = glob.loose();
        let steady = loose == glob;
        Ok(Self { text: text.to_owned(), exact: Matcher::Glob(glob), loose: Matcher::Glob(loose), steady })
    }

    /// Compiles a regular expression that must match the whole path, decoded.
    ///
    /// # Errors
    /// [`BadPattern`] if it is none, or too large.
    pub fn regex(text: &str) -> Result<Self, BadPattern> {
        let composed: String = text.nfc().collect();
        let build = |prefix: &str, suffix: &str| {
            RegexBuilder::new(&format!("{prefix}(?:{composed}){suffix}"))
                .size_limit(MAX_REGEX_BYTES)
                .build()
                .map(Matcher::Regex)
        };
        let fail = |e: regex::Error| BadPattern(format!("this regular expression cannot be used: {}", last_line(&e)));
        if text.len() > MAX_PATTERN_BYTES {
            return Err(BadPattern(format!("a pattern has at most {MAX_PATTERN_BYTES} bytes")));
        }
        // Alone first: `a)(b` must not become well-formed by our brackets.
        RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build().map_err(fail)?;
        let exact = build("\\A", "\\z").map_err(fail)?;
        let loose = build("\\A(?i)", "/?\\z").map_err(fail)?;
        Ok(Self { text: text.to_owned(), exact, loose, steady: false })
    }

    /// Whether it covers a reading of a path. Letter case counts.
    pub fn matches(&self, path: &str) -> bool {
        self.exact.matches(path)
    }

    /// What [`Self::matches`] asks.
    pub(super) const fn exact(&self) -> &Matcher {
        &self.exact
    }

    /// What [`Self::matches_loosely`] asks.
    pub(super) const fn loose(&self) -> &Matcher {
        &self.loose
    }

    /// Whether it covers a path on a server that knows neither letter case nor trailing slashes.
    /// `path` must have gone through [`loosely`].
    pub(super) fn matches_loosely(&self, path: &str) -> bool {
        self.loose.matches(path)
    }

    /// Whether [`Self::matches`] and [`Self::matches_loosely`] agree on every path that [`is_loose`].
    pub(super) const fn is_steady(&self) -> bool {
        self.steady
    }

    /// Whether it surely covers every path that `other` covers. May say no where the answer is yes.
    pub fn covers_all_of(&self, other: &Self) -> bool {
        match (&self.exact, &other.exact) {
            (Matcher::Glob(a), Matcher::Glob(b)) => a.covers(b),
            (Matcher::Glob(a), Matcher::Regex(_)) => a.is_everything(),
            (Matcher::Regex(_), Matcher::Regex(_)) => self.text == other.text || matches_everything(&self.text),
            (Matcher::Regex(_), Matcher::Glob(_)) => matches_everything(&self.text),
        }
    }

    /// Whether it is a regular expression.
    pub(super) const fn is_regex(&self) -> bool {
        matches!(self.exact, Matcher::Regex(_))
    }

    /// The pattern as the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Matcher {
    pub(super) fn matches(&self, path: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(path),
            Self::Regex(regex) => regex.is_match(path),
        }
    }

    /// Text with which every path begins that it matches.
    pub(super) fn prefix(&self) -> String {
        match self {
            Self::Glob(glob) => glob.prefix(),
            Self::Regex(_) => String::new(),
        }
    }

    /// The regular expression that matches the same paths.
    pub(super) fn expression(&self) -> String {
        match self {
            Self::Glob(glob) => glob.expression(),
            Self::Regex(regex) => regex.as_str().to_owned(),
        }
    }
}

/// Whether [`loosely`] leaves a path as it is.
pub(super) fn is_loose(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) && (path == "/" || !path.ends_with('/'))
}

/// A path as servers see it that know neither letter case nor trailing slashes.
pub(super) fn loosely(path: &str) -> String {
    let lower: String = path.chars().flat_map(char::to_lowercase).collect();
    match lower.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter.to_owned(),
        _ => lower,
    }
}

fn matches_everything(regex: &str) -> bool {
    matches!(regex, ".*" | "/.*" | "^.*$" | "^/.*$" | "^/.*" | "^.*" | ".*$" | "/.*$" | "/?.*")
}

/// The line of a regex error that says what is wrong, without the drawing above it.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// Splits a glob into decoded segments; `None` in a segment is a `*`.
fn glob_segments(text: &str) -> Result<Vec<Vec<Option<char>>>, String> {
    if text.len() > MAX_PATTERN_BYTES {
        return Err(format!("a pattern has at most {MAX_PATTERN_BYTES} bytes"));
    }
    let Some(body) = text.strip_prefix('/') else {
        return Err(format!("a path begins with a slash: write `/{text}`"));
    };
    for (mark, why) in [
        ('?', "patterns are matched on the path alone, never on the query; a `?` in a path is written %3F"),
        ('#', "a fragment never reaches a server; a `#` in a path is written %23"),
        ('\\', "there is no escaping with a backslash, and no path that reaches a rule has one"),
    ] {
        if text.contains(mark) {
            return Err(why.to_owned());
        }
    }
    if text.contains("//") {
        return Err("a path with `//` is judged with one slash too: write one".to_owned());
    }
    body.split('/').map(|segment| glob_segment(segment, text)).collect()
}

fn glob_segment(segment: &str, text: &str) -> Result<Vec<Option<char>>, String> {
    if segment.contains("**") && segment != "**" {
        return Err(format!("`**` stands for whole segments: it cannot be part of `{segment}`"));
    }
    // Wildcards are found before decoding, so that %2A is a plain star.
    let mut out = Vec::new();
    for (i, literal) in segment.split('*').enumerate() {
        if i > 0 {
            out.push(None);
        }
        out.extend(decode(literal)?.nfc().map(Some));
    }
    if out.contains(&Some('/')) || out.iter().flatten().any(|c| c.is_control()) {
        return Err(format!("no path that reaches a rule can match `{text}`"));
    }
    if !out.is_empty() && out.iter().all(|c| matches!(c, Some('.' | ' '))) {
        return Err(format!("`{segment}` can never match: paths with dot segments are refused before any rule"));
    }
    Ok(out)
}

/// Decodes triplets in a piece of a glob; `%2F` and `%5C` stay, as they do in readings.
fn decode(text: &str) -> Result<String, String> {
    let bad = || format!("`{text}`: after a `%` stand two hexadecimal digits; a plain `%` is written %25");
    let mut out = Vec::with_capacity(text.len());
    for octet in octets(text.as_bytes()) {
        match octet {
            Octet::Encoded(b'/') => out.extend(b"%2F"),
            Octet::Encoded(b'\\') => out.extend(b"%5C"),
            Octet::Plain(octet) | Octet::Encoded(octet) => out.push(octet),
            Octet::StrayPercent => return Err(bad()),
        }
    }
    String::from_utf8(out).map_err(|_| format!("`{text}` is not UTF-8 once decoded"))
}
