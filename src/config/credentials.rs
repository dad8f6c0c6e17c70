//! Which texts may hold a credential, by their looks.

/// Whether a text may hold a credential wherever it stands: a URL with one, or `password=…`.
pub(crate) fn may_hold_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let credential = text.split_once(':').is_some_and(|(_, rest)| rest.contains('@'));
    let url = text.contains("://") && text.contains(['@', '?', '#']);
    let pair = lower.match_indices(['=', ':']).any(|(i, _)| {
        let name = lower.get(..i).unwrap_or_default().trim_end();
        let name = name.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next().unwrap_or_default();
        names_a_secret(name)
    });
    credential || url || pair
}

pub(crate) fn names_a_secret(name: &str) -> bool {
    ["pass", "pwd", "secret", "token", "cred", "apikey", "api_key", "auth"].iter().any(|w| name.contains(w))
}

/// Whether this is how environment variables are named.
pub(crate) fn is_env_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.bytes().all(fits) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
