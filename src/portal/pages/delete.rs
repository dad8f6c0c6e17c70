//! The page on which somebody asks to delete their account.

use askama::Template;

use super::Shell;
use crate::portal::messages::{markup, text};

/// What follows from it, and the button that asks for the link.
#[derive(Template)]
#[template(path = "delete.html")]
pub(crate) struct DeletePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    pub(crate) host: &'a str,
    /// For whom the form is.
    pub(crate) of: &'a str,
}
