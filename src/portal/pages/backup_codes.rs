//! The pages of backup codes.

use askama::Template;

use super::{Shell, UnusualActivity};
use crate::auth::secret::SecretText;
use crate::portal::messages::{markup, text};

/// So few backup codes are worth a word.
pub(crate) const FEW: u32 = 3;

/// How many backup codes are left.
pub(crate) fn codes_left(left: u32) -> String {
    text!("codes-left", count = left)
}

/// Backup codes, shown once.
#[derive(Template)]
#[template(path = "codes.html")]
pub(crate) struct BackupCodesPage<'a> {
    pub(crate) shell: &'a Shell,
    /// What was strange since the person was here last.
    pub(crate) strange: Option<UnusualActivity>,
    pub(crate) codes: &'a [SecretText],
    pub(crate) place: &'a str,
    pub(crate) account: &'a str,
    pub(crate) host: &'a str,
    pub(crate) occasion: CodesOccasion,
}

/// Why backup codes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodesOccasion {
    /// An authenticator app was set up.
    App,
    /// A passkey was set up.
    Passkey,
    /// They replace others, and what they stand in for stays what it was.
    Anew,
}

/// The question before backup codes are replaced.
#[derive(Template)]
#[template(path = "renew.html")]
pub(crate) struct RenewCodesPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) account: &'a str,
    pub(crate) host: &'a str,
    pub(crate) left: u32,
    /// Names the set that is replaced.
    pub(crate) set: &'a str,
    /// For whom the form is.
    pub(crate) of: &'a str,
    /// Where to go on without replacing them.
    pub(crate) stay: &'a str,
}
