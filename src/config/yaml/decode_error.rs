//! The error of a decoder: what does not fit, and what to write instead.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use super::suggest::{advice, short};
use super::tree::Span;

/// Why a value could not be decoded.
#[derive(Debug)]
pub(crate) struct DecodeError {
    /// Which node: its id and place; set by the innermost decoder.
    pub(crate) node: Option<(usize, Span)>,
    pub(crate) message: String,
    pub(crate) fix: String,
    /// The key that is missing, if that is the error.
    pub(crate) missing: Option<&'static str>,
    /// The key that was probably meant, if an unknown key is the error.
    pub(crate) suggestion: Option<&'static str>,
    unknown_key: bool,
}

impl DecodeError {
    pub(crate) fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            node: None,
            message: message.into(),
            fix: fix.into(),
            missing: None,
            suggestion: None,
            unknown_key: false,
        }
    }

    /// The same of a word without a value that nobody knows: it need not be a key, so it is not named.
    pub(crate) fn without_value(self) -> Self {
        match self.unknown_key {
            true if self.suggestion.is_none() => {
                Self { message: "unknown key, and without a value".to_owned(), ..self }
            }
            _ => self,
        }
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
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
        let (fix, suggestion) = advice(found, known);
        Self { suggestion, unknown_key: true, ..Self::new(format!("unknown key `{}`", short(found)), fix) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(format!("`{field}` is missing here"), format!("add `{field}: …`")) }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is here twice"), "keep one of them")
    }
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
