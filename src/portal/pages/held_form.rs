//! The page of a form that was kept while somebody signed in.

use askama::Template;

use super::Shell;
use crate::auth::held_request::{FormId, REPLAY_FIELD};
use crate::auth::return_to::ReturnTo;
use crate::portal::messages::{markup, text};

/// What was kept, where it goes, and the two things that can be done with it.
#[derive(Template)]
#[template(path = "held-form.html")]
pub(crate) struct HeldFormPage<'a> {
    pub(crate) shell: &'a Shell,
    /// Where it goes, as people read it.
    pub(crate) place: &'a str,
    /// Whether it may hold files.
    pub(crate) files: bool,
    pub(crate) size: String,
    /// How long ago it was kept.
    pub(crate) since: String,
    pub(crate) field: &'static str,
    pub(crate) id: &'a FormId,
    /// Where it is sent.
    pub(crate) to: &'a ReturnTo,
    /// Whether the script sends it without being asked.
    pub(crate) sends_itself: bool,
}

impl HeldFormPage<'_> {
    /// The only field of the form that stands for it.
    pub(crate) const FIELD: &'static str = REPLAY_FIELD;
}
