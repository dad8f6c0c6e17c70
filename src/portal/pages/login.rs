//! The sign-in page.

use askama::Template;

use super::{Errors, PasskeyDialog, PasskeySignal, Shell};
use crate::portal::messages::{Markup, markup, text};
use crate::portal::support_contact::{self, SupportContact};

/// Sign-in: user name and password.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) notice: Option<String>,
    /// Signing in leads to this, instead of a place.
    pub(crate) purpose: Option<String>,
    pub(crate) username: &'a str,
    pub(crate) place: &'a str,
    pub(crate) host: &'a str,
    /// Where passkeys are at hand.
    pub(crate) dialog: Option<PasskeyDialog>,
    pub(crate) signals: Vec<PasskeySignal>,
    /// Where a link to sign in is asked for, where links are sent.
    pub(crate) mailed_link: Option<String>,
    /// Where people make an account for themselves, if they may.
    pub(crate) sign_up: Option<String>,
    /// Whether people get back in by themselves.
    pub(crate) recovery: bool,
}

impl LoginPage<'_> {
    /// Whom to ask.
    fn support(&self) -> Markup {
        match &self.shell.support {
            Some(SupportContact { text, href: Some(href) }) => Markup::link(href, text),
            other => Markup::of_text(&support_contact::whom(other.as_ref())),
        }
    }
}
