//! Forms that were made for somebody else than who is at hand now, by another window of the same browser. Nothing is done
//! with them.

use http::StatusCode;

use super::RESTART;
use crate::auth::user::Username;
use crate::portal::ctx::{Answered, Ctx, page};
use crate::portal::pages::{Link, Notice};

/// Somebody else is signed in now.
pub(super) fn session_of_another(ctx: &Ctx, now: &Username) -> Answered {
    let shell = ctx.shell();
    let lines = vec![
        format!("You are signed in as {now} now. The page you used was made for another account."),
        "Nothing was done with what you sent.".to_owned(),
    ];
    let links = vec![
        Link::to("/.stepgate/account", "Your account"),
        Link::to(ctx.goal().page("logout"), "Use another account"),
    ];
    page(
        StatusCode::OK,
        "already",
        &Notice { lines, links, ..Notice::new(&shell, "Somebody else signed in meanwhile") },
    )
}

/// Somebody else began to sign in.
pub(super) fn sign_in_of_another(ctx: &Ctx, now: &Username) -> Answered {
    let shell = ctx.shell();
    let lines = vec![
        format!("A sign-in as {now} was begun in this browser. The page you used was made for another account."),
        "Nothing was done with what you sent.".to_owned(),
    ];
    let go_on = Some((RESTART, "Start again"));
    page(StatusCode::OK, "start-again", &Notice { lines, go_on, ..Notice::new(&shell, "Another sign-in was begun") })
}
