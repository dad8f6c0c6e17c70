//! The pages that an account leads to: its password, its sessions, what happened to it, what is held of it.

use askama::Template;

use super::{Errors, Shell};
use crate::portal::messages::{markup, text};

/// A new password.
#[derive(Template)]
#[template(path = "password.html")]
pub(crate) struct PasswordPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) account: &'a str,
    pub(crate) host: &'a str,
    /// What it must be.
    pub(crate) hint: String,
    /// Whether other sessions are to go on, where there are any.
    pub(crate) keeps: Option<bool>,
    /// For whom the form is.
    pub(crate) of: &'a str,
}

/// A session, in words.
pub(crate) struct SessionCard {
    pub(crate) id: String,
    pub(crate) current: bool,
    pub(crate) agent: String,
    pub(crate) hosts: String,
    pub(crate) place: String,
    pub(crate) strength: String,
    pub(crate) since: String,
    pub(crate) seen: String,
}

/// A browser that signed in, in words.
pub(crate) struct BrowserLine {
    pub(crate) current: bool,
    pub(crate) agent: String,
    pub(crate) last: String,
    pub(crate) place: String,
}

/// The sessions of a person, and the browsers that they are known by.
#[derive(Template)]
#[template(path = "sessions.html")]
pub(crate) struct SessionsPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) account: &'a str,
    /// What was done a moment ago.
    pub(crate) done: Option<String>,
    pub(crate) sessions: Vec<SessionCard>,
    pub(crate) browsers: Vec<BrowserLine>,
    /// For whom the forms are.
    pub(crate) of: &'a str,
}

/// Something that happened, in words.
pub(crate) struct ActivityLine {
    pub(crate) what: String,
    /// For programs.
    pub(crate) at: String,
    pub(crate) moment: String,
    pub(crate) place: Option<String>,
    pub(crate) agent: Option<String>,
}

/// What happened to an account.
#[derive(Template)]
#[template(path = "activity.html")]
pub(crate) struct ActivityListPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) account: &'a str,
    pub(crate) entries: Vec<ActivityLine>,
    /// Whether these are the newest.
    pub(crate) newest: bool,
    /// Where older ones begin.
    pub(crate) older: Option<String>,
}

/// All that is held of a person, as a file.
#[derive(Template)]
#[template(path = "export.html")]
pub(crate) struct ExportPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) account: &'a str,
    /// For whom the form is.
    pub(crate) of: &'a str,
}
