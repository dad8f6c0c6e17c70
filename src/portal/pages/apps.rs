//! The front page of the host where people sign in.

use askama::Template;

use super::Shell;
use crate::portal::messages::{markup, text};

/// The apps that somebody may open.
#[derive(Template)]
#[template(path = "apps.html")]
pub(crate) struct AppsPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    /// In order.
    pub(crate) apps: Vec<AppLink>,
}

/// One app.
pub(crate) struct AppLink {
    pub(crate) name: String,
    pub(crate) href: String,
}
