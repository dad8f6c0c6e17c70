//! What a decoder says when a value does not fit, in words for an operator.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use super::harmless::is_telling;
use super::node::At;

/// Why a value could not be decoded.
#[derive(Debug)]
pub(super) struct Trouble {
    /// Which node: its id and place; set by the innermost decoder.
    pub(super) node: Option<(usize, At)>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) fix: String,
    /// The key that is missing, if that is the trouble.
    pub(super) missing: Option<&'static str>,
    /// The key that was probably meant, if an unknown key is the trouble.
    pub(super) meant: Option<&'static str>,
    /// An unknown key is the trouble.
    strange: bool,
}

impl Trouble {
    /// A trouble and what to do.
    pub(super) fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { node: None, message: message.into(), fix: fix.into(), missing: None, meant: None, strange: false }
    }

    /// The same of a word without a value that nobody knows: it need not be a key, so it is not named.
    pub(super) fn of_a_lone_word(self) -> Self {
        match self.strange {
            true if self.meant.is_none() => Self { message: "unknown key, and without a value".to_owned(), ..self },
            _ => self,
        }
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Trouble {}

impl de::Error for Trouble {
    /// The first line is the reason, what follows is the fix.
    fn custom<T: Display>(text: T) -> Self {
        let text = text.to_string();
        let (message, fix) = text.split_once('\n').unwrap_or((&text, ""));
        Self::new(message, fix)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {}", kind(&found)), format!("write {expected}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found another {}", kind(&found)), format!("write {expected}"))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {length} items"), format!("write {expected}"))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(format!("`{}` is no value of this key", short(found)), advice(found, known).0)
    }

    fn unknown_field(found: &str, known: &'static [&'static str]) -> Self {
        let (fix, meant) = advice(found, known);
        Self { meant, strange: true, ..Self::new(format!("unknown key `{}`", short(found)), fix) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(format!("`{field}` is missing here"), format!("add `{field}: …`")) }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is here twice"), "keep one of them")
    }
}

/// At most 40 characters of a name that somebody typed; nothing of a text that may hold a credential.
pub(super) fn short(text: &str) -> String {
    if is_telling(text) {
        return "***".to_owned();
    }
    let cut: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

const fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "number",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "list",
        Unexpected::Map => "mapping",
        _ => "text",
    }
}

/// What was probably meant, or what is possible.
pub(super) fn advice(found: &str, known: &'static [&'static str]) -> (String, Option<&'static str>) {
    match nearest(found, known.iter().copied()) {
        Some(meant) => (format!("did you mean `{meant}`?"), Some(meant)),
        None => (possible(known.iter().copied()), None),
    }
}

/// The possible names in one sentence.
pub(super) fn possible<'a>(known: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = known.map(|k| format!("`{k}`")).collect();
    if names.is_empty() { "no key is known here".to_owned() } else { format!("possible here: {}", names.join(", ")) }
}

/// The known name that looks most like `found`, if one does.
pub(super) fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase().replace('-', "_");
    if found.len() > 64 {
        return None;
    }
    known
        .map(|k| (strsim::jaro_winkler(&found, k), strsim::damerau_levenshtein(&found, k), k))
        .filter(|(likeness, edits, k)| {
            let begins_alike = k.chars().next() == found.chars().next();
            *likeness > 0.87 || *edits <= 1.max(k.len() / 4) || (*edits <= 2 && k.len() > 4 && begins_alike)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, _, k)| k)
}
