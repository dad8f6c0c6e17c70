//! The page behind the link of a letter about an account: "This was not me", for whoever reads the letter, signed in or not, on
//! any device. The link only leads here; the button says it. Who presses it shows the token of the link, which no other page
//! knows.

use http::StatusCode;

use super::{charged_link_token, not_me};
use crate::flow::notices::LetterDisowned;
use crate::portal::context::{Context, HandlerError};
use crate::portal::destination::Destination;
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::reply::{Reply, page};
use crate::portal::support_contact;

/// Says what follows, and asks.
pub(crate) async fn show(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let Some(token) = charged_link_token(ctx).await?.flatten() else { return Ok(gone(ctx)) };
    let Some(link) = ctx.state.flows.noticed(&token).await? else { return Ok(gone(ctx)) };
    let shell = ctx.shell();
    let whom = support_contact::whom(shell.support.as_ref());
    let what = text!("disown-what", moment = format::moment(link.at));
    let items = [vec![text!("disown-ends")], not_me::consequences(ctx, &whom)].concat();
    let heading = NoticePage::new(&shell, text!("disown-title"));
    let go_on = Some(("disown", text!("disown-say")));
    Ok(page(StatusCode::OK, "notice", &NoticePage { lines: vec![what], items, go_on, ..heading }))
}

/// Takes their word.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    if ctx.form().await?.get("op") != "disown" {
        return Err(HandlerError::Portal(PortalError::BadRequest));
    }
    let Some(token) = charged_link_token(ctx).await?.flatten() else { return Ok(gone(ctx)) };
    let (state, client) = (ctx.state.clone(), ctx.client());
    let disowned = ctx.record_events(state.flows.disown_by_letter(&token, &client).await)?;
    let shell = ctx.shell();
    let whom = support_contact::whom(shell.support.as_ref());
    let (heading, line, items) = match disowned {
        LetterDisowned::Gone => return Ok(gone(ctx)),
        LetterDisowned::AccountGone => {
            (text!("disown-account-gone-title"), text!("disown-account-gone", support = whom.as_str()), Vec::new())
        }
        LetterDisowned::Done { ended } => {
            let next = [
                text!("disown-next-password"),
                text!("disown-next-factors"),
                text!("disown-next-support", support = whom.as_str()),
            ];
            (text!("disown-done-title"), text!("disown-done", count = ended), next.to_vec())
        }
    };
    let links = vec![sign_in()];
    let notice = NoticePage { lines: vec![line], items, links, ..NoticePage::new(&shell, heading) };
    Ok(page(StatusCode::OK, "notice", &notice))
}

fn gone(ctx: &Context) -> Reply {
    let shell = ctx.shell();
    let heading = NoticePage::new(&shell, text!("disown-gone-title"));
    let line = text!("disown-gone", support = support_contact::whom(shell.support.as_ref()));
    page(StatusCode::OK, "notice", &NoticePage { lines: vec![line], links: vec![sign_in()], ..heading })
}

fn sign_in() -> Link {
    Link::to(Destination::from_query(&[], Default::default()).page_url("login"), text!("login-title"))
}
