//! The page that enrols an authenticator app.

use askama::Template;

use super::method_prompt::digits_hint;
use super::{Errors, Shell};
use crate::portal::messages::{markup, text};

/// Why somebody sets up an authenticator app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EnrollReason {
    /// The destination asks for a second step, and there is none yet.
    Asked,
    /// There is a passkey, and the destination counts none that may be copied.
    Uncounted,
    /// They want to.
    Wished,
    /// There is one, which this one replaces.
    Replaces,
}

/// Enrolling TOTP.
#[derive(Template)]
#[template(path = "enroll.html")]
pub(crate) struct EnrollPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) place: &'a str,
    pub(crate) why: EnrollReason,
    pub(crate) account: &'a str,
    /// Markup of our own making.
    pub(crate) qr: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) key: &'a str,
    pub(crate) digits: u8,
    /// Whether a passkey would do as well.
    pub(crate) passkey: bool,
    /// Whether other sessions are to go on, where there are any.
    pub(crate) keeps: Option<bool>,
    /// For whom the form is.
    pub(crate) of: &'a str,
}

impl EnrollPage<'_> {
    /// What to type.
    pub(crate) fn hint(&self) -> String {
        digits_hint(self.digits)
    }
}
