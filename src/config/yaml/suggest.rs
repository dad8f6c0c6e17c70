//! What an operator probably meant to write, or what is possible.

use crate::auth::text::similar;
use crate::config::credentials::may_hold_secret;

/// At most 40 characters of a name that somebody typed; nothing of a text that may hold a credential.
pub(crate) fn short(text: &str) -> String {
    if may_hold_secret(text) {
        return "***".to_owned();
    }
    let cut: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// What was probably meant, or what is possible.
pub(crate) fn advice(found: &str, known: &'static [&'static str]) -> (String, Option<&'static str>) {
    match nearest(found, known.iter().copied()) {
        Some(meant) => (format!("did you mean `{meant}`?"), Some(meant)),
        None => (possible(known.iter().copied()), None),
    }
}

/// The possible names in one sentence.
pub(crate) fn possible<'a>(known: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = known.map(|k| format!("`{k}`")).collect();
    if names.is_empty() { "no key is known here".to_owned() } else { format!("possible here: {}", names.join(", ")) }
}

/// The known key that looks most like `found`, whatever its case and hyphens.
pub(crate) fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    similar::nearest(&found.to_lowercase().replace('-', "_"), known)
}
