//! The pages that set up a passkey.

use askama::Template;

use super::{EnrollReason, Errors, PasskeyDialog, Shell};
use crate::portal::messages::{markup, text};

/// Setting up a passkey or a security key.
#[derive(Template)]
#[template(path = "passkey.html")]
pub(crate) struct PasskeyPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) place: &'a str,
    pub(crate) why: EnrollReason,
    pub(crate) account: &'a str,
    pub(crate) dialog: &'a PasskeyDialog,
    /// Whether an authenticator app would do as well.
    pub(crate) app: bool,
}

/// The page on which the browser may make a passkey by itself.
#[derive(Template)]
#[template(path = "passkey-upgrade.html")]
pub(crate) struct PasskeyUpgradePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) place: &'a str,
    pub(crate) dialog: &'a PasskeyDialog,
}
