//! What people are told of a factor that is switched off after too many wrong codes.

use http::StatusCode;

use crate::auth::proof::{Method, MethodSet};
use crate::flow::reply::Opened;
use crate::portal::context::Context;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::reply::{Reply, page};
use crate::portal::support_contact;

/// 403: what would do is switched off, and nothing else would do. Says whom to ask; signing in again does not help.
pub(super) fn locked_out(ctx: &Context, username: &str, methods: MethodSet, signed_in: bool) -> Reply {
    let shell = ctx.shell();
    let whom = support_contact::whom(shell.support.as_ref());
    let lines = vec![
        text!("locked-useless", which = which(methods)),
        text!("locked-ask", support = &whom, which = which(methods)),
        text!("locked-tell", support = &whom),
    ];
    let who = if signed_in { text!("fact-signed-in-as") } else { text!("fact-user-name") };
    let details = vec![(who, username.to_owned()), (text!("fact-reference"), ctx.info.request_id.clone())];
    let link = if signed_in {
        Link::to("/.stepgate/account", text!("action-your-account"))
    } else {
        Link::to("/.stepgate/login", text!("locked-sign-in"))
    };
    let notice = NoticePage { lines, details, links: vec![link], ..NoticePage::new(&shell, text!("locked-title")) };
    page(StatusCode::FORBIDDEN, "locked", &notice)
}

/// Why another way is asked for, and what it does.
pub(super) fn why(locked: MethodSet) -> String {
    text!("locked-why", which = which(locked))
}

/// What is said once somebody is in.
pub(super) fn lines(opened: &Opened) -> Vec<String> {
    let mut lines = Vec::new();
    if !opened.unlocked.is_empty() {
        lines.push(text!("locked-no-longer", which = which(opened.unlocked)));
    }
    if !opened.locked.is_empty() {
        lines.push(text!("locked-still", which = which(opened.locked)));
    }
    if !lines.is_empty() {
        lines.push(text!("locked-change-password"));
    }
    lines
}

/// What is switched off, as the messages name it.
const fn which(methods: MethodSet) -> &'static str {
    match (methods.contains(Method::Totp), methods.contains(Method::BackupCode)) {
        (true, true) => "both",
        (true, false) => "app",
        (false, true) => "codes",
        (false, false) => "other",
    }
}
