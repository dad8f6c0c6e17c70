//! The sign-in page.

use askama::Template;

use super::{Errors, Shell};

/// Sign-in: user name and password.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) notice: Option<String>,
    /// Signing in leads to this, instead of a place.
    pub(crate) purpose: Option<&'static str>,
    pub(crate) username: &'a str,
    pub(crate) place: &'a str,
    pub(crate) host: &'a str,
}
