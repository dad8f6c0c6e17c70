//! What people are told of a factor that is switched off after too many wrong codes.

use http::StatusCode;

use crate::auth::proof::{Method, MethodSet};
use crate::flow::reply::Opened;
use crate::portal::context::Context;
use crate::portal::format;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::reply::{Reply, page};
use crate::portal::support_contact;

/// 403: what would do is switched off, and nothing else would do. Says whom to ask; signing in again does not help.
pub(super) fn locked_out(ctx: &Context, username: &str, methods: MethodSet, signed_in: bool) -> Reply {
    let shell = ctx.shell();
    let whom = support_contact::whom(shell.support.as_ref());
    let lines = vec![
        format!("{}. Signing in again, or waiting, does not switch {} on.", switched_off(methods), them(methods)),
        format!("Ask {whom} to switch {} on again.", them(methods)),
        format!("If it was not you who entered these codes, somebody knows your password: tell {whom} that too."),
    ];
    let who = if signed_in { "Signed in as" } else { "User name" };
    let details = vec![(who, username.to_owned()), ("Reference", ctx.info.request_id.clone())];
    let link = if signed_in {
        Link::to("/.stepgate/account", "Your account")
    } else {
        Link::to("/.stepgate/login", "Sign in as somebody else")
    };
    let notice =
        NoticePage { lines, details, links: vec![link], ..NoticePage::new(&shell, "Your second step is switched off") };
    page(StatusCode::FORBIDDEN, "locked", &notice)
}

/// Why another way is asked for, and what it does.
pub(super) fn why(locked: MethodSet) -> String {
    format!("{}. What you enter here switches {} on again.", switched_off(locked), them(locked))
}

/// What is said once somebody is in.
pub(super) fn lines(opened: &Opened) -> Vec<String> {
    let mut lines = Vec::new();
    if !opened.unlocked.is_empty() {
        lines.push(format!(
            "{} switched off, because too many wrong codes were entered. {} on again now.",
            was(opened.unlocked),
            if opened.unlocked.iter().count() == 1 { "It is" } else { "They are" },
        ));
    }
    if !opened.locked.is_empty() {
        lines.push(format!(
            "{}. Ask the people who run this service to switch it on again.",
            switched_off(opened.locked)
        ));
    }
    if !lines.is_empty() {
        lines.push("If it was not you who entered these codes, somebody knows your password: change it.".to_owned());
    }
    lines
}

fn switched_off(methods: MethodSet) -> String {
    let is = if methods.contains(Method::BackupCode) { "are" } else { "is" };
    format!("{} {is} switched off, because too many wrong codes were entered", capital(&listed(methods)))
}

fn was(methods: MethodSet) -> String {
    let was = if methods.contains(Method::BackupCode) { "had been" } else { "has been" };
    format!("{} {was}", capital(&listed(methods)))
}

fn listed(methods: MethodSet) -> String {
    format::listed(methods.iter().map(noun), "and")
}

const fn them(methods: MethodSet) -> &'static str {
    if methods.contains(Method::BackupCode) { "them" } else { "it" }
}

const fn noun(method: Method) -> &'static str {
    match method {
        Method::Totp => "your authenticator app",
        Method::BackupCode => "your backup codes",
        _ => "your second step",
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
