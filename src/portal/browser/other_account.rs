//! Forms that were made for somebody else than who is at hand now, by another window of the same browser. Nothing is done
//! with them.

use http::StatusCode;

use super::RESTART;
use crate::auth::user::Username;
use crate::portal::context::Context;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::reply::{Reply, page};

/// Somebody else is signed in now.
pub(super) fn session_of_another(ctx: &Context, now: &Username) -> Reply {
    let shell = ctx.shell();
    let lines = vec![text!("other-session", user = now.as_str()), text!("other-nothing-done")];
    let links = vec![
        Link::to("/.stepgate/account", text!("action-your-account")),
        Link::to(ctx.destination().page_url("logout"), text!("action-other-account")),
    ];
    page(
        StatusCode::OK,
        "already",
        &NoticePage { lines, links, ..NoticePage::new(&shell, text!("other-session-title")) },
    )
}

/// Somebody else began to sign in.
pub(super) fn sign_in_of_another(ctx: &Context, now: &Username) -> Reply {
    let shell = ctx.shell();
    let lines = vec![text!("other-sign-in", user = now.as_str()), text!("other-nothing-done")];
    let go_on = Some((RESTART, text!("action-start-again")));
    page(
        StatusCode::OK,
        "start-again",
        &NoticePage { lines, go_on, ..NoticePage::new(&shell, text!("other-sign-in-title")) },
    )
}
