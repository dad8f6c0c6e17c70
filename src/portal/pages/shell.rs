//! What every page shows around its content.

use crate::portal::support_contact::SupportContact;

/// What every page shows around its content.
#[derive(Clone)]
pub(crate) struct Shell {
    /// Whose pages these are.
    pub(crate) name: String,
    /// Where the style sheet is.
    pub(crate) css: String,
    /// Where the script is, of which nothing depends.
    pub(crate) script: String,
    /// Where the logo is.
    pub(crate) logo: Option<String>,
    /// Where people get help.
    pub(crate) support: Option<SupportContact>,
    /// Names the request in the log.
    pub(crate) request_id: String,
}
