//! The account page.

use askama::Template;

use super::Shell;
use super::backup_codes::FEW;
use crate::portal::messages::{markup, text};

/// Who one is here, and the way out.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
    pub(crate) groups: String,
    pub(crate) previous: Option<String>,
    pub(crate) began: String,
    pub(crate) ends_in: String,
    /// Whether there is an authenticator app.
    pub(crate) app: bool,
    /// How many backup codes are left.
    pub(crate) codes: Option<u32>,
    /// Whether backup codes are made here.
    pub(crate) renews: bool,
    /// Whether codes are sent to addresses here.
    pub(crate) sends: bool,
    pub(crate) host: &'a str,
    /// For whom the forms are.
    pub(crate) of: &'a str,
}

impl AccountPage<'_> {
    /// How many backup codes are left, where those are few.
    fn few(&self) -> Option<String> {
        self.codes.filter(|left| self.renews && *left <= FEW).map(|left| text!("account-few-codes", count = left))
    }
}
