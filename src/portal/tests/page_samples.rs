//! The pages that an account leads to, for the tests of all pages.

use askama::Template;

use crate::portal::pages::*;

/// Each of them, with `x` wherever a text can come from outside.
pub(super) fn of_account(shell: &Shell, x: &str, of: &str) -> Vec<(&'static str, String)> {
    let text = || x.to_owned();
    let password = |errors| {
        PasswordPage { shell, errors, account: x, host: x, hint: text(), keeps: Some(true), of }.render().unwrap()
    };
    let session = |current| SessionCard {
        id: text(),
        current,
        agent: text(),
        hosts: text(),
        place: text(),
        strength: text(),
        since: text(),
        seen: text(),
    };
    let browser = |current| BrowserLine { current, agent: text(), last: text(), place: text() };
    let sessions = |sessions, browsers| {
        SessionsPage { shell, account: x, done: Some(text()), sessions, browsers, of }.render().unwrap()
    };
    let line = |known: bool| ActivityLine {
        what: text(),
        at: text(),
        moment: text(),
        place: known.then(text),
        agent: known.then(text),
    };
    let activity = |entries, older: Option<&str>, newest| {
        let older = older.map(str::to_owned);
        ActivityListPage { shell, account: x, entries, newest, older }.render().unwrap()
    };
    vec![
        ("password", password(Errors::none())),
        ("password-wrong", password(Errors::one("new-password", x))),
        ("sessions", sessions(vec![session(true), session(false)], vec![browser(true), browser(false)])),
        ("sessions-one", sessions(vec![session(true)], Vec::new())),
        ("activity", activity(vec![line(true), line(false)], Some("1790000000000.1"), false)),
        ("activity-none", activity(Vec::new(), None, true)),
        ("export", ExportPage { shell, account: x, of }.render().unwrap()),
    ]
}
