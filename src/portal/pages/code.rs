//! The page that asks for one more proof.

use askama::Template;

use super::{Errors, MethodPrompt, PasskeyDialog, Shell};
use crate::portal::messages::{markup, text};

/// Where a code goes, for the page that takes one that is sent.
pub(crate) struct SentCode {
    /// The masked address; `None`: nothing was sent by this page.
    pub(crate) to: Option<String>,
    /// For how long a code is good.
    pub(crate) span: String,
    /// How long the next one is held back after a few.
    pub(crate) wait: String,
    /// Whom to ask where the address is wrong.
    pub(crate) support: String,
}

/// One more proof: the second step of a sign-in, or a step-up.
#[derive(Template)]
#[template(path = "code.html")]
pub(crate) struct CodePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) heading: String,
    pub(crate) why: Option<String>,
    /// Where who is signed in signs out, to use another account; `None`: this is the second step of a sign-in.
    pub(crate) leave: Option<&'a str>,
    /// When the person signed in before.
    pub(crate) last: Option<String>,
    pub(crate) place: &'a str,
    pub(crate) username: &'a str,
    pub(crate) way: MethodPrompt,
    pub(crate) others: Vec<MethodPrompt>,
    /// Where the code is one that is sent.
    pub(crate) sent: Option<SentCode>,
    /// Where the way is a passkey.
    pub(crate) dialog: Option<PasskeyDialog>,
    /// Whether people get back in by themselves who lost what is asked for.
    pub(crate) recovery: bool,
    /// For whom the form is.
    pub(crate) of: &'a str,
    /// What is about to be sent, where that is approved of.
    pub(crate) shown: Option<&'a ShownRequest>,
}

/// A request that its owner is to approve of.
#[derive(Clone)]
pub(crate) struct ShownRequest {
    /// Method and place.
    pub(crate) method: String,
    pub(crate) address: String,
    /// Names and values.
    pub(crate) fields: Vec<(String, String)>,
    /// What stands for it.
    pub(crate) digest: String,
}

impl CodePage<'_> {
    /// Whether the page asks first whether a code shall be sent.
    fn asks(&self) -> bool {
        self.errors.is_empty() && self.sent.as_ref().is_some_and(|sent| sent.to.is_none())
    }
}
