//! Deleting one's account: asked for by who is signed in and has just proved who they are, done by the button behind a link that is
//! mailed.

use http::StatusCode;

use super::account::{require_session, without_cookies};
use super::{busy, charged_link_token, notice, other_account, start_again, wait};
use crate::auth::link_token::LinkToken;
use crate::auth::resource::Tolerances;
use crate::flow::reply::{CeremonyRef, DeletionAsked, DeletionConfirmed, DeletionSeen};
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{DeletePage, Link, NoticePage};
use crate::portal::reply::{Reply, page, see_other};
use crate::portal::support_contact;

/// Its name among our pages.
const PAGE: &str = "delete";
/// What the button behind the link asks for.
const DELETE: &str = "delete";
const ACCOUNT: &str = "/.stepgate/account";

/// Says what follows, and asks; or is the page of the link.
pub(crate) async fn show(ctx: &mut Context) -> Result<Reply, HandlerError> {
    if let Some(token) = charged_link_token(ctx).await? {
        return link_page(ctx, token.as_ref()).await;
    }
    let who = require_session(ctx).await?;
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    match ctx.state.flows.before_deletion(&at, &ctx.client()).await? {
        Some(missing) if missing.is_empty() => Ok(ask_page(ctx, &who)),
        Some(_) => Ok(prove_first()),
        None => Ok(start_again(ctx)),
    }
}

/// Sends the link, or takes the button behind it.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let fields = ctx.form().await?;
    if let Some(token) = charged_link_token(ctx).await? {
        return match (fields.get("op"), token) {
            (DELETE, Some(token)) => delete(ctx, &token).await,
            (DELETE, None) => Ok(over(ctx)),
            _ => Err(HandlerError::Portal(PortalError::BadRequest)),
        };
    }
    if fields.get("op") != "ask" {
        return Err(HandlerError::Portal(PortalError::BadRequest));
    }
    let who = require_session(ctx).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let asked = ctx.state.flows.ask_deletion(&at, Vec::new(), &ctx.client()).await;
    Ok(match ctx.record_events(asked)? {
        DeletionAsked::Sent { sent_to, expires_in } => {
            let line = text!("delete-sent", to = sent_to, span = format::span(expires_in));
            notice(ctx, StatusCode::OK, PAGE, text!("delete-sent-title"), line, vec![to_account()])
        }
        DeletionAsked::NoAddress => no_address(ctx),
        DeletionAsked::ProveFirst(_) | DeletionAsked::Rejected(_) | DeletionAsked::Locked(_) => prove_first(),
        DeletionAsked::Wait(how_long) => wait(ctx, how_long, Vec::new(), String::new()),
        DeletionAsked::Busy => busy(ctx),
        DeletionAsked::Gone => start_again(ctx),
    })
}

/// To the proof that is missing, and back here.
fn prove_first() -> Reply {
    let here = Destination::from_query(&[], Tolerances::default()).with_action(RequestedAction::Delete);
    see_other(&here.page_url("step-up"), PAGE)
}

fn ask_page(ctx: &Context, who: &CurrentSession) -> Reply {
    let (shell, username) = (ctx.shell(), &who.session.identity.username);
    let (of, host) = (form_owner::tag(ctx, username), ctx.info.authority.as_str());
    let shown = DeletePage { shell: &shell, username: username.as_str(), host, of: &of };
    page(StatusCode::OK, PAGE, &shown)
}

fn to_account() -> Link {
    Link::to(ACCOUNT, text!("action-your-account"))
}

/// Without an address there is nothing that a link could be sent to.
fn no_address(ctx: &Context) -> Reply {
    let whom = support_contact::whom(ctx.shell().support.as_ref());
    let line = text!("delete-no-address", support = whom);
    let links = vec![Link::to("/.stepgate/addresses", text!("account-addresses")), to_account()];
    notice(ctx, StatusCode::CONFLICT, PAGE, text!("delete-no-address-title"), line, links)
}

/// The page of the link: it does nothing but ask.
async fn link_page(ctx: &Context, token: Option<&LinkToken>) -> Result<Reply, HandlerError> {
    let Some(token) = token else { return Ok(over(ctx)) };
    Ok(match ctx.state.flows.waiting_deletion(token, &ctx.client()).await? {
        DeletionSeen::Waits => {
            let shell = ctx.shell();
            let lines = vec![text!("delete-last", host = &ctx.info.authority), text!("delete-what")];
            let go_on = Some((DELETE, text!("delete-do")));
            let heading = NoticePage::new(&shell, text!("delete-last-title"));
            page(StatusCode::OK, PAGE, &NoticePage { lines, go_on, ..heading })
        }
        DeletionSeen::Done => gone(ctx, StatusCode::GONE),
        DeletionSeen::Over => over(ctx),
    })
}

async fn delete(ctx: &mut Context, token: &LinkToken) -> Result<Reply, HandlerError> {
    let confirmed = ctx.state.flows.confirm_deletion(token, &ctx.client()).await;
    Ok(match ctx.record_events(confirmed)? {
        // Whoever is signed in here may be somebody else; their session stands.
        DeletionConfirmed::Erased if ctx.current_session(true).await?.is_none() => {
            without_cookies(gone(ctx, StatusCode::OK))
        }
        DeletionConfirmed::Erased => gone(ctx, StatusCode::OK),
        DeletionConfirmed::AlreadyDone => gone(ctx, StatusCode::GONE),
        DeletionConfirmed::Over => over(ctx),
    })
}

fn gone(ctx: &Context, status: StatusCode) -> Reply {
    let line = text!("delete-done", host = &ctx.info.authority);
    notice(ctx, status, PAGE, text!("delete-done-title"), line, Vec::new())
}

/// The same for all that is no link, or no longer.
fn over(ctx: &Context) -> Reply {
    notice(ctx, StatusCode::GONE, PAGE, text!("login-link-over-title"), text!("delete-over"), vec![to_account()])
}
