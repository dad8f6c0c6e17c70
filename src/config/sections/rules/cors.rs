//! `cors`: which origins may ask, and what.

use crate::config::checker::Checker;
use crate::config::placed::Placed;

/// An origin as browsers write it.
pub(super) fn origin(text: &Placed<String>, cx: &mut Checker) -> Option<String> {
    let parsed = url::Url::parse(&text.value).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
    let origin = parsed.map(|u| u.origin().ascii_serialization());
    if origin.as_deref() != Some(text.value.trim_end_matches('/')) || text.value.ends_with('/') {
        let fix = origin.map_or_else(|| "write it like https://spa.example.com".to_owned(), |o| format!("write `{o}`"));
        cx.error(text.at, "not an origin", fix);
        return None;
    }
    origin
}
