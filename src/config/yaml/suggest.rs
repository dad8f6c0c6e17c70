//! What an operator probably meant to write, or what is possible.

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

/// The known name that looks most like `found`, if one does.
pub(crate) fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
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
