//! The page that asks for one more proof.

use askama::Template;

use super::{Errors, MethodPrompt, Shell};
use crate::portal::messages::{markup, text};

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
    /// For whom the form is.
    pub(crate) of: &'a str,
}
