//! The pages of a recovery. What its forms must bring along stands in hidden fields: no cookie of ours is needed for them.

use askama::Template;

use super::{Errors, PasskeyDialog, Shell};
use crate::auth::secret::SecretText;
use crate::portal::messages::{markup, text};

/// Who cannot sign in.
#[derive(Template)]
#[template(path = "recover.html")]
pub(crate) struct RecoverPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) username: &'a str,
    pub(crate) host: &'a str,
    /// Whether people recover by themselves; otherwise only the code of an administrator counts.
    pub(crate) by_mail: bool,
    /// Whom to ask.
    pub(crate) support: &'a str,
}

/// The code that was mailed, typed or brought along by the link.
#[derive(Template)]
#[template(path = "recover-code.html")]
pub(crate) struct RecoverCodePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    /// From the link.
    pub(crate) code: &'a str,
    pub(crate) host: &'a str,
    /// For how long the code is good.
    pub(crate) span: &'a str,
}

/// A second proof, or the wish to wait.
#[derive(Template)]
#[template(path = "recover-second.html")]
pub(crate) struct RecoverSecondPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) code: &'a str,
    /// The method of the field, where one takes a code, and what to type.
    pub(crate) method: Option<(&'static str, String)>,
    pub(crate) dialog: Option<PasskeyDialog>,
    /// How long to wait instead; `None`: waiting leads nowhere, or it is waited already.
    pub(crate) wait: Option<&'a str>,
    /// When it goes on without a proof.
    pub(crate) ready_at: Option<&'a str>,
    /// Whom to ask.
    pub(crate) support: &'a str,
}

/// What is set anew.
#[derive(Template)]
#[template(path = "recover-reset.html")]
pub(crate) struct RecoverResetPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) username: &'a str,
    pub(crate) host: &'a str,
    pub(crate) ceremony: &'a str,
    /// What a password must be; `None`: none may be set.
    pub(crate) password_rule: Option<&'a str>,
    /// The app to set up, where that may be.
    pub(crate) app: Option<ShownApp<'a>>,
    /// Whether new backup codes come along.
    pub(crate) backup_codes: bool,
}

impl RecoverResetPage<'_> {
    /// By what may be set.
    fn heading(&self) -> String {
        match self.password_rule {
            Some(_) => text!("recover-reset-title"),
            None => text!("recover-reset-title-app"),
        }
    }
}

/// The secret of an authenticator app, as people take it over.
pub(crate) struct ShownApp<'a> {
    /// Markup of our own making.
    pub(crate) qr: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) key: &'a str,
    pub(crate) digits: u8,
}

/// Nothing was set just now, and it can be tried again.
#[derive(Template)]
#[template(path = "recover-again.html")]
pub(crate) struct RecoverAgainPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) why: String,
    pub(crate) ceremony: &'a str,
}

/// It is set; backup codes are shown this once.
#[derive(Template)]
#[template(path = "recovered.html")]
pub(crate) struct RecoveredPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    pub(crate) host: &'a str,
    pub(crate) codes: &'a [SecretText],
}

/// The question before a recovery is ended that waits.
#[derive(Template)]
#[template(path = "recover-stop.html")]
pub(crate) struct RecoverStopPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    pub(crate) host: &'a str,
    /// When it goes on.
    pub(crate) ready_at: &'a str,
    pub(crate) token: &'a str,
}
