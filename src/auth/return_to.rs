//! Where a person goes after signing in: a path on the same host, never a raw string.

use url::Url;

use super::resource::{MAX_PATH_BYTES, Resource, Tolerances};
use super::text::invisible::is_invisible;
use super::text::percent::decode_lenient;

/// The longest destination, in bytes. Every path that the gate accepts fits; a query may be too long. It travels in
/// the query of our pages, where it can be three times as long, and must not outgrow what a head may take.
const MAX_BYTES: usize = MAX_PATH_BYTES;

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
    /// Whatever the gate of an app with these tolerances accepts is kept byte for byte, in its canonical form, so
    /// that whoever was stopped there is judged for the same target and gets back to it. Of all else, only what
    /// nobody could misread, as written by a WHATWG URL parser: ASCII, dot segments resolved.
    pub fn parse(text: &str, tolerate: Tolerances) -> Option<Self> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || is_invisible(c);
        if text.len() > MAX_BYTES + NO_AUTHORITY.len() || !text.starts_with('/') || text.contains(odd) {
            return None;
        }
        let canonical = |link: Self| Self::target_of(&link.0, tolerate).unwrap_or(link);
        Self::target_of(text, tolerate).or_else(|| Self::link(text).map(canonical))
    }

    /// What the gate accepts.
    fn target_of(text: &str, tolerate: Tolerances) -> Option<Self> {
        let (target, fragment) = text.split_once('#').map_or((text, None), |(t, f)| (t, Some(f)));
        let resource = Resource::parse("", "GET", without_mark(target).as_bytes(), tolerate).ok()?;
        if is_ours(resource.path()) || resource.readings().any(is_ours) {
            return None;
        }
        // Bytes of a canonical target that a browser would take for more than themselves: two slashes at the
        // beginning, which name a host. A backslash is one only before the query, where the gate refuses it.
        let target = resource.ascii_target();
        let mut written = if target.starts_with("//") { NO_AUTHORITY.to_owned() } else { String::new() };
        written.push_str(&target);
        let mut length = target.len();
        if let Some(fragment) = fragment {
            let mut url = Url::parse(ANYWHERE).ok()?;
            url.set_fragment(Some(fragment));
            let fragment = url.fragment().unwrap_or_default();
            length += 1 + fragment.len();
            written.push('#');
            written.push_str(fragment);
        }
        (length <= MAX_BYTES).then_some(Self(written))
    }

    /// What nobody could misread.
    fn link(text: &str) -> Option<Self> {
        if text.contains('\\') {
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

    /// Path and query as they come to the gate when a browser follows [`Self::as_str`].
    pub fn target(&self) -> &str {
        without_mark(self.0.split('#').next().unwrap_or("/"))
    }
}

/// Written before a path that begins with two slashes: a dot segment, which every browser removes after it has
/// found that no host is named (RFC 3986 §5.2.4, WHATWG URL §4.4).
const NO_AUTHORITY: &str = "/.";

fn without_mark(target: &str) -> &str {
    target.strip_prefix(NO_AUTHORITY).filter(|path| path.starts_with("//")).unwrap_or(target)
}

/// Whether a path stays a path, decoded as often as anybody may decode it, and is none of ours.
fn leads_home(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..4 {
        let odd = path.starts_with("//") || path.contains(['\\', '\0']) || path.chars().any(char::is_control);
        if odd || is_reserved(&path) || path.split('/').any(|s| matches!(s, "." | "..")) {
            return false;
        }
        let decoded = decode_lenient(&path);
        if decoded == path {
            return true;
        }
        path = decoded;
    }
    // Encoded more than three times over: nobody means that.
    false
}

/// Whether a reading of an accepted target is one of our own pages.
fn is_ours(path: &str) -> bool {
    let path = format!("/{}", path.trim_start_matches('/')).to_ascii_lowercase();
    path.strip_prefix(RESERVED_PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same for text that nobody has judged yet: whatever looks like it.
fn is_reserved(path: &str) -> bool {
    let merged = path.trim_start_matches('/');
    let Some(ours) = RESERVED_PREFIX.strip_prefix('/') else { return false };
    let (Some(head), Some(tail)) = (merged.get(..ours.len()), merged.get(ours.len()..)) else { return false };
    head.eq_ignore_ascii_case(ours) && !tail.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests;
