//! The page that asks before signing out.

use askama::Template;

use super::Shell;
use crate::portal::messages::{markup, text};

/// The question before signing out.
#[derive(Template)]
#[template(path = "logout.html")]
pub(crate) struct LogoutPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    pub(crate) host: &'a str,
    /// Where to go on without signing out.
    pub(crate) stay: &'a str,
    /// For whom the forms are.
    pub(crate) of: &'a str,
}
