//! The pages on which people make an account for themselves.

use askama::Template;

use super::{Errors, Shell};
use crate::portal::messages::{markup, text};

/// Asks for an address and a password.
#[derive(Template)]
#[template(path = "sign-up.html")]
pub(crate) struct SignUpPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) host: &'a str,
    /// What was typed.
    pub(crate) email: &'a str,
    pub(crate) username: &'a str,
    pub(crate) enable_mfa: bool,
    pub(crate) password_rule: &'a str,
    /// Where who has an account signs in.
    pub(crate) login: &'a str,
}

/// Takes a code, or the button of a link.
#[derive(Template)]
#[template(path = "sign-up-confirm.html")]
pub(crate) struct SignUpConfirmPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) host: &'a str,
    /// What a link brought along, for a page that does not stand at its address.
    pub(crate) token: Option<&'a str>,
    /// What the form asks for.
    pub(crate) op: &'a str,
    pub(crate) email: &'a str,
    /// How long a code is good, where one is to be typed.
    pub(crate) waiting: Option<&'a str>,
    /// The user name, where one is to be chosen.
    pub(crate) username: Option<&'a str>,
    /// Whether it is asked who reached the address; the browser that began is not.
    pub(crate) asks_password: bool,
    /// What a new password must be; without it, the one of the sign-up is asked for again.
    pub(crate) password_rule: Option<&'a str>,
    /// Where one begins again.
    pub(crate) again: &'a str,
}

impl SignUpConfirmPage<'_> {
    fn heading(&self) -> String {
        match self.waiting {
            Some(_) => text!("sign-up-sent-title"),
            None => text!("sign-up-confirm-title"),
        }
    }
}
