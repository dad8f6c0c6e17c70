//! The page on which a sign-in begins by a link in a letter.

use askama::Template;

use super::{Errors, Shell};
use crate::portal::messages::{markup, text};

/// Asks for the address, or waits for the link to be followed.
#[derive(Template)]
#[template(path = "login-link.html")]
pub(crate) struct LoginLinkPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) place: &'a str,
    /// What was typed.
    pub(crate) email: &'a str,
    /// How long a link is good, where one was asked for.
    pub(crate) waiting: Option<String>,
    /// Where another one is asked for, and where one signs in by a password.
    pub(crate) again: &'a str,
    pub(crate) login: &'a str,
}
