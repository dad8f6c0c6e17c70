//! The page on which somebody says that a sign-in was not theirs.

use askama::Template;

use super::Shell;
use crate::portal::messages::{markup, text};

/// What follows from saying so, and the button that says it.
#[derive(Template)]
#[template(path = "not-me.html")]
pub(crate) struct NotMePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    /// What apps do then, and what is left to do.
    pub(crate) consequences: Vec<String>,
    /// For whom the form is.
    pub(crate) of: &'a str,
}
