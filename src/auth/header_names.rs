//! Header names as the most careless app folds them: CGI, PHP and WSGI read `X_User`, `X.User` and
//! `X-User` alike. What one of them could take for ours is ours.

mod known;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

/// A header name in its folded form: lower case, every other character than a letter or digit as `-`.
pub fn fold(name: &str) -> String {
    name.bytes().map(|b| char::from(fold_byte(b))).collect()
}

const fn fold_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Whether apps may read a method in a header of this name, in place of the one that was sent.
pub fn names_a_method(name: &str) -> bool {
    ["x-http-method-override", "x-http-method", "x-method-override"]
        .iter()
        .any(|other| name.len() == other.len() && name.bytes().map(fold_byte).eq(other.bytes()))
}

/// Whether apps may read from a header of this name what a body is, beside `Content-Type` in its one spelling: how it is
/// coded, or of what it is a part.
pub fn alters_content(name: &str) -> bool {
    !name.eq_ignore_ascii_case("content-type")
        && ["content-type", "content-encoding", "content-range", "content-transfer-encoding"]
            .iter()
            .any(|other| name.len() == other.len() && name.bytes().map(fold_byte).eq(other.bytes()))
}

/// What a header name is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameClass {
    /// Only we may set it: who speaks by it speaks for us, or asks for something that was not judged.
    Ours,
    /// Other gates and proxies tell by it who asks or from where: removed, unless an app needs it through.
    OfOthers,
    /// Everybody's.
    Free,
}

/// What a name is, in any spelling, before anything was configured.
pub fn classify(name: &str) -> NameClass {
    let name = fold(name);
    let begins = |families: &[&str]| families.iter().any(|family| name.starts_with(family));
    if known::OURS.contains(&&*name) || begins(known::OUR_FAMILIES) {
        NameClass::Ours
    } else if known::FREE.contains(&&*name) {
        NameClass::Free
    } else if known::OTHERS.contains(&&*name) || begins(known::OTHER_FAMILIES) {
        NameClass::OfOthers
    } else {
        NameClass::Free
    }
}

/// The header names that are removed from every request before any of ours are added.
#[derive(Clone, Debug)]
pub struct Reserved {
    /// Sorted.
    names: Vec<String>,
    /// Sorted; none begins with another, so that at most one can begin a name: the last that is not above it.
    families: Vec<&'static str>,
    /// For each length (63 stands for more), the first letters of the names that long: nearly every header of a
    /// request is none of ours, and one look tells.
    firsts: [u32; 64],
    /// For each first letter, the second letters of the families.
    seconds: [u32; LETTERS],
    /// What passes all the same, as it is spelled there.
    passed: Vec<String>,
}

impl Reserved {
    /// The built-in names, and those that the operator has chosen for identity headers.
    pub fn new<N: AsRef<str>>(configured: impl IntoIterator<Item = N>) -> Self {
        let configured = configured.into_iter().map(|n| fold(n.as_ref()));
        let built_in = known::OURS.iter().chain(known::OTHERS).map(|name| (*name).to_owned());
        let mut names: Vec<String> = built_in.chain(configured).collect();
        names.sort_unstable();
        names.dedup();
        let mut families: Vec<&str> = known::OUR_FAMILIES.iter().chain(known::OTHER_FAMILIES).copied().collect();
        families.sort_unstable();
        families.dedup_by(|next, before| next.starts_with(*before));
        let (mut firsts, mut seconds) = ([0; 64], [0; LETTERS]);
        for name in &names {
            if let Some(bits) = firsts.get_mut(name.len().min(63)) {
                *bits |= bit(name.as_bytes().first());
            }
        }
        for family in &families {
            if let Some(bits) = seconds.get_mut(letter(family.as_bytes().first())) {
                *bits |= bit(family.as_bytes().get(1));
            }
        }
        Self { names, families, firsts, seconds, passed: Vec::new() }
    }

    /// Without those that an app needs from its clients, in this spelling and no other: an app that folds names reads
    /// them from that one.
    pub fn passing<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.passed.extend(names.into_iter().map(|name| name.as_ref().to_ascii_lowercase()));
        self
    }

    /// Whether a header name, in any spelling, is one of ours. Does not allocate.
    pub fn is_reserved(&self, name: &str) -> bool {
        let bytes = name.as_bytes();
        let named = self.firsts.get(name.len().min(63)).is_some_and(|bits| bits & bit(bytes.first()) != 0)
            && self.names.binary_search_by(|ours| order(ours, name)).is_ok();
        let related = || {
            let seconds = self.seconds.get(letter(bytes.first())).copied().unwrap_or_default();
            seconds & bit(bytes.get(1)) != 0 && self.is_of_a_family(name)
        };
        (named || related()) && !self.passes(name)
    }

    fn is_of_a_family(&self, name: &str) -> bool {
        let above = self.families.partition_point(|family| order(family, name) != Ordering::Greater);
        let begins = |family: &&str| {
            name.len() >= family.len() && name.bytes().map(fold_byte).zip(family.bytes()).all(|(a, b)| a == b)
        };
        above.checked_sub(1).and_then(|at| self.families.get(at)).is_some_and(begins)
            && !known::FREE.iter().any(|free| order(free, name) == Ordering::Equal)
    }

    fn passes(&self, name: &str) -> bool {
        self.passed.iter().any(|passed| name.eq_ignore_ascii_case(passed))
    }
}

/// How a folded name compares to another one, once that is folded too.
fn order(folded: &str, name: &str) -> Ordering {
    folded.bytes().cmp(name.bytes().map(fold_byte))
}

/// The letters, and one place for everything else.
const LETTERS: usize = 27;

/// The place of a byte of a name, folded.
fn letter(byte: Option<&u8>) -> usize {
    match byte {
        Some(byte) if byte.is_ascii_alphabetic() => usize::from(byte.to_ascii_lowercase() - b'a'),
        _ => LETTERS - 1,
    }
}

fn bit(byte: Option<&u8>) -> u32 {
    1 << letter(byte)
}
