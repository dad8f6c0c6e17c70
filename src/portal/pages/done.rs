//! The last page of the window that a script opened.

use askama::Template;

use super::Shell;
use crate::portal::messages::{markup, text};

/// Says that the window is not needed any more; with JavaScript it closes itself.
#[derive(Template)]
#[template(path = "done.html")]
pub(crate) struct DonePage<'a> {
    pub(crate) shell: &'a Shell,
    /// What was asked, as people read it.
    pub(crate) place: &'a str,
}
