//! The page that says something and leads on.

use askama::Template;

use super::{Link, MethodPrompt, Shell};
use crate::portal::messages::text;

/// A page that says something and offers ways on: errors, refusals, waits, ends.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct NoticePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) heading: String,
    pub(crate) lines: Vec<String>,
    /// A list after the lines, with or without a heading of its own, and what is said after it.
    pub(crate) list: Option<String>,
    pub(crate) items: Vec<String>,
    pub(crate) after: Option<String>,
    pub(crate) details: Vec<(String, String)>,
    /// A button that leads on, and what it asks for. It posts to the page it stands on: a link would lose the
    /// fragment of the deep link, which only the browser knows.
    pub(crate) go_on: Option<(&'static str, String)>,
    /// Other ways to prove oneself, each with a button, and for whom they are.
    pub(crate) ways: Vec<MethodPrompt>,
    pub(crate) of: String,
    pub(crate) links: Vec<Link>,
}

impl<'a> NoticePage<'a> {
    /// A heading with nothing under it yet.
    pub(crate) fn new(shell: &'a Shell, heading: impl Into<String>) -> Self {
        Self {
            shell,
            heading: heading.into(),
            lines: Vec::new(),
            list: None,
            items: Vec::new(),
            after: None,
            details: Vec::new(),
            go_on: None,
            ways: Vec::new(),
            of: String::new(),
            links: Vec::new(),
        }
    }

    /// Whether the details name the request, so that the foot of the page need not.
    fn names_the_request(&self) -> bool {
        self.details.iter().any(|(name, _)| *name == text!("fact-reference"))
    }
}
