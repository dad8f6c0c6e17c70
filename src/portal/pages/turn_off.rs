//! The page on which somebody turns off two-step sign-in.

use askama::Template;

use super::{Errors, Shell};
use crate::portal::messages::{markup, text};

/// What follows from it, and the password.
#[derive(Template)]
#[template(path = "turn-off.html")]
pub(crate) struct TurnOffPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) username: &'a str,
    pub(crate) host: &'a str,
    /// Whether other sessions are to go on, where there are any.
    pub(crate) keeps: Option<bool>,
    /// For whom the form is.
    pub(crate) of: &'a str,
}
