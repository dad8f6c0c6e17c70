//! Header names as the most careless app folds them: CGI, PHP and WSGI read `X_User`, `X.User` and
//! `X-User` alike. What one of them could take for ours is ours.

/// A header name in its folded form: lower case, every other character than a letter or digit as `-`.
pub(crate) fn fold(name: &str) -> String {
    name.bytes().map(|b| char::from(fold_byte(b))).collect()
}

const fn fold_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Names that only we may set: what proxies tell about the client, and what changes the path behind our back.
const BUILT_IN: [&str; 13] = [
    "forwarded",
    "x-forwarded",
    "x-stepgate",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "client-ip",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-rewrite-url",
    "x-host",
];

/// Families of such names.
const BUILT_IN_FAMILIES: [&str; 2] = ["x-forwarded-", "x-stepgate-"];

/// The header names that are removed from every request before any of ours are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reserved {
    names: Vec<String>,
    /// Bit `n` is set if some name is `n` bytes long (63 stands for more).
    lengths: u64,
}

impl Reserved {
    /// The built-in names, and those that the operator has chosen for identity headers.
    pub(crate) fn new<N: AsRef<str>>(configured: impl IntoIterator<Item = N>) -> Self {
        let configured = configured.into_iter().map(|n| fold(n.as_ref()));
        let mut names: Vec<String> = BUILT_IN.into_iter().map(str::to_owned).chain(configured).collect();
        names.sort_unstable();
        names.dedup();
        let lengths = names.iter().fold(0, |bits, name| bits | length_bit(name.len()));
        Self { names, lengths }
    }

    /// Whether a header name, in any spelling, is one of ours. Does not allocate.
    pub(crate) fn is_reserved(&self, name: &str) -> bool {
        let folds_to = |ours: &str| name.len() == ours.len() && name.bytes().map(fold_byte).eq(ours.bytes());
        let begins_with = |ours: &&str| {
            name.len() >= ours.len() && name.bytes().map(fold_byte).zip(ours.bytes()).all(|(a, b)| a == b)
        };
        (self.lengths & length_bit(name.len()) != 0 && self.names.iter().any(|ours| folds_to(ours)))
            || (name.len() > 10 && BUILT_IN_FAMILIES.iter().any(begins_with))
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}
