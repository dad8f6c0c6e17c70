//! Where the link of a letter about a sign-up or an invitation leads. Looking at it changes nothing.

use http::StatusCode;

use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::pages::NoticePage;
use crate::portal::reply::{Reply, page};

/// Says what to do with the letter: a program that makes accounts takes its code, or the token of the link.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let shell = ctx.shell();
    let lines = vec![text!("sign-up-letter-use")];
    let notice = NoticePage { lines, ..NoticePage::new(&shell, text!("sign-up-letter-title")) };
    Ok(page(StatusCode::OK, "signup", &notice))
}
