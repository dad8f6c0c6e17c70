//! Forms that were made for somebody else than who is at hand now, by another window of the same browser. Nothing is done
//! with them.

use http::StatusCode;

use super::RESTART;
use crate::auth::user::Username;
use crate::portal::context::Context;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::reply::{Reply, page};

/// Somebody else is signed in now.
pub(super) fn session_of_another(ctx: &Context, now: &Username) -> Reply {
    let shell = ctx.shell();
    let lines = vec![
        format!("You are signed in as {now} now. The page you used was made for another account."),
        "Nothing was done with what you sent.".to_owned(),
    ];
    let links = vec![
        Link::to("/.stepgate/account", "Your account"),
        Link::to(ctx.destination().page_url("logout"), "Use another account"),
    ];
    page(
        StatusCode::OK,
        "already",
        &NoticePage { lines, links, ..NoticePage::new(&shell, "Somebody else signed in meanwhile") },
    )
}

/// Somebody else began to sign in.
pub(super) fn sign_in_of_another(ctx: &Context, now: &Username) -> Reply {
    let shell = ctx.shell();
    let lines = vec![
        format!("A sign-in as {now} was begun in this browser. The page you used was made for another account."),
        "Nothing was done with what you sent.".to_owned(),
    ];
    let go_on = Some((RESTART, "Start again"));
    page(
        StatusCode::OK,
        "start-again",
        &NoticePage { lines, go_on, ..NoticePage::new(&shell, "Another sign-in was begun") },
    )
}
