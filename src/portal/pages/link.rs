//! A link of a page.

use crate::portal::messages::text;

/// A link of a notice.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: String,
    /// In which window it opens; `None`: in its own.
    pub(crate) target: Option<&'static str>,
}

impl Link {
    /// A link that stays in its window, but leaves any frame.
    pub(crate) fn to(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into(), target: Some("_top") }
    }

    /// A link that opens another window, so that what was typed in this one can still be got back.
    pub(crate) fn aside(href: impl Into<String>, action: String) -> Self {
        Self { href: href.into(), text: text!("action-in-new-window", action = action), target: Some("_blank") }
    }
}
