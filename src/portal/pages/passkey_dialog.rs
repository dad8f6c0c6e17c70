//! What a page needs to open the browser's dialog for passkeys.

use crate::portal::messages::text;

/// What the dialog is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialogPurpose {
    /// To sign in without a name; also by the autofill of the user name.
    SignIn,
    /// To prove one that the account has.
    Prove,
    /// To set one up.
    Create,
}

/// The browser's dialog for passkeys, which a form opens and whose outcome it sends.
#[derive(Clone)]
pub(crate) struct PasskeyDialog {
    pub(crate) purpose: DialogPurpose,
    /// The options in JSON (WebAuthn L3 §5.1.8, §5.1.9).
    pub(crate) options: String,
    /// What the server knows them by again, where it keeps nothing.
    pub(crate) state: Option<String>,
    /// Whether other sessions are to go on, where that is asked.
    pub(crate) keeps: Option<bool>,
    /// For whom the form is.
    pub(crate) of: Option<String>,
}

impl PasskeyDialog {
    fn is_for(&self, purpose: DialogPurpose) -> bool {
        self.purpose == purpose
    }

    /// The call of `navigator.credentials`.
    pub(crate) fn call(&self) -> &'static str {
        if self.is_for(DialogPurpose::Create) { "create" } else { "get" }
    }

    /// The field of its outcome.
    pub(crate) fn field(&self) -> &'static str {
        if self.is_for(DialogPurpose::Create) { "credential" } else { "assertion" }
    }

    /// Whether the autofill of the user name offers passkeys, too.
    pub(crate) fn autofill(&self) -> bool {
        self.is_for(DialogPurpose::SignIn)
    }

    /// The button that opens it.
    pub(crate) fn button(&self) -> String {
        match self.purpose {
            DialogPurpose::SignIn => text!("prompt-passkey-offer"),
            DialogPurpose::Prove => text!("action-continue"),
            DialogPurpose::Create => text!("passkey-set-up"),
        }
    }

    /// What will happen.
    pub(crate) fn hint(&self) -> String {
        match self.purpose {
            DialogPurpose::SignIn => text!("passkey-hint-sign-in"),
            DialogPurpose::Prove => text!("passkey-hint-prove"),
            DialogPurpose::Create => text!("passkey-hint-create"),
        }
    }
}
