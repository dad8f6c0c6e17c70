//! A sign-in that begins by a link in a letter. Looking at a link changes nothing, whoever looks: its page has a button.

use http::StatusCode;

use super::steps::{ceremony_redirect, enter};
use super::{charged_link_token, notice, start_again};
use crate::auth::link_token::LinkToken;
use crate::flow::reply::{LinkAsked, LinkFollowed, LoginReply, WaitingLink};
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies;
use crate::portal::destination::Destination;
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::pages::{Errors, Link, LoginLinkPage, NoticePage};
use crate::portal::reply::{Reply, page, see_other, with_cookie};

/// Its name among our pages.
pub(super) const PAGE: &str = "login-link";

/// What the buttons of a link ask for.
const FOLLOW: &str = "follow";
const SHOW_CODE: &str = "show-code";
/// What the address says while a link is waited for.
const SENT: &str = "sent";

/// Asks for an address, waits for the link, or is the page of a link.
pub(crate) async fn show(ctx: &mut Context) -> Result<Reply, HandlerError> {
    switched_on(ctx)?;
    if let Some(token) = charged_link_token(ctx).await? {
        return match waiting(ctx, token.as_ref()).await? {
            Some((_, link)) => Ok(link_page(ctx, &link)),
            None => Ok(over(ctx)),
        };
    }
    let (destination, _) = enter(ctx, PAGE).await?;
    let sent = ctx.query.iter().any(|(name, _)| name == SENT);
    Ok(form(ctx, &destination, sent, "", Errors::none()))
}

/// Takes an address, a code, or the button of a link.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    switched_on(ctx)?;
    if let Some(token) = charged_link_token(ctx).await? {
        let fields = ctx.form().await?;
        return by_link(ctx, token, fields.get("op")).await;
    }
    let (destination, fields) = enter(ctx, PAGE).await?;
    match fields.get("op") {
        "send" => send(ctx, &destination, fields.get("email")).await,
        "code" => by_code(ctx, &destination, &fields).await,
        _ => Err(HandlerError::Portal(PortalError::BadRequest)),
    }
}

/// Links that are not sent have no page.
fn switched_on(ctx: &Context) -> Result<(), HandlerError> {
    match ctx.state.flows.settings.email_link {
        true => Ok(()),
        false => Err(HandlerError::Portal(PortalError::NotFound)),
    }
}

/// The link of a token, with the token.
async fn waiting(ctx: &Context, token: Option<&LinkToken>) -> Result<Option<(LinkToken, WaitingLink)>, HandlerError> {
    let Some(token) = token else { return Ok(None) };
    let browser = ctx.info.cookies.ceremony.as_ref();
    let link = ctx.state.flows.waiting_link(token, browser, &ctx.client()).await?;
    Ok(link.map(|link| (token.clone(), link)))
}

async fn send(ctx: &mut Context, destination: &Destination, email: &str) -> Result<Reply, HandlerError> {
    let page = destination.page_url(PAGE);
    let going = page.split_once('?').map_or("", |(_, query)| query);
    let asked = ctx.state.flows.send_sign_in_link(email, going, &ctx.client()).await;
    match ctx.record_events(asked)? {
        LinkAsked::Sent { browser, expires_in } => {
            let so = if page.contains('?') { '&' } else { '?' };
            let answer = see_other(&format!("{page}{so}{SENT}=yes"), PAGE);
            Ok(with_cookie(answer, browser.and_then(|browser| cookies::set_ceremony(&browser, expires_in))))
        }
        LinkAsked::Malformed => {
            Ok(form(ctx, destination, false, email, Errors::one("email", text!("mistake-mail-address"))))
        }
        LinkAsked::NotServed => Err(HandlerError::Portal(PortalError::NotFound)),
    }
}

/// Takes the code that the page of the link shows elsewhere.
async fn by_code(ctx: &mut Context, destination: &Destination, fields: &FormFields) -> Result<Reply, HandlerError> {
    if fields.get("code").trim().is_empty() {
        return Ok(form(ctx, destination, true, "", Errors::one("code", text!("mistake-no-code"))));
    }
    let Some(browser) = ctx.info.cookies.ceremony.clone() else { return Ok(start_again(ctx)) };
    ctx.charge_token().await?;
    let (goal, code) = (ctx.guards().goal(), fields.secret("code"));
    let followed = ctx.state.flows.enter_link_code(&browser, &code, goal, &ctx.client()).await;
    Ok(match ctx.record_events(followed)? {
        LinkFollowed::On(LoginReply::Next(next)) => {
            ceremony_redirect(ctx, &destination.page_url("second-factor"), PAGE, &next.ceremony)
        }
        LinkFollowed::On(_) => start_again(ctx),
        LinkFollowed::AlreadyDone | LinkFollowed::Over => {
            form(ctx, destination, true, "", Errors::one("code", text!("mistake-login-link-code")))
        }
    })
}

/// Takes the button of a link.
async fn by_link(ctx: &mut Context, token: Option<LinkToken>, op: &str) -> Result<Reply, HandlerError> {
    let Some((token, link)) = waiting(ctx, token.as_ref()).await? else { return Ok(over(ctx)) };
    match op {
        FOLLOW if link.here => {
            ctx.go_by(&link.going);
            let (goal, browser) = (ctx.guards().goal(), ctx.info.cookies.ceremony.clone());
            let followed = ctx.state.flows.follow_link(&token, browser.as_ref(), goal, &ctx.client()).await;
            Ok(match ctx.record_events(followed)? {
                LinkFollowed::On(LoginReply::Next(next)) => {
                    ceremony_redirect(ctx, &ctx.destination().page_url("second-factor"), PAGE, &next.ceremony)
                }
                LinkFollowed::On(_) | LinkFollowed::AlreadyDone | LinkFollowed::Over => over(ctx),
            })
        }
        SHOW_CODE if !link.here && link.by_browser => {
            let shown = ctx.state.flows.show_link_code(&token, &ctx.client()).await;
            let Some(shown) = ctx.record_events(shown)? else { return Ok(over(ctx)) };
            let heading = text!("login-link-shown-title", code = shown.code.expose());
            let wait = format::wait(shown.expires_in);
            let lines = vec![
                text!("login-link-shown", host = &ctx.info.authority, wait = wait),
                text!("login-link-elsewhere-warn"),
            ];
            let shell = ctx.shell();
            Ok(page(StatusCode::OK, PAGE, &NoticePage { lines, ..NoticePage::new(&shell, heading) }))
        }
        FOLLOW | SHOW_CODE => Ok(link_page(ctx, &link)),
        _ => Err(HandlerError::Portal(PortalError::BadRequest)),
    }
}

/// The page of a link that waits.
fn link_page(ctx: &Context, link: &WaitingLink) -> Reply {
    let (host, at, from) = (&ctx.info.authority, format::moment(link.asked_at), link.client_ip.to_string());
    let (heading, lines, go_on) = if link.here {
        let line = text!("login-link-follow", host = host, at = at);
        (text!("login-link-follow-title"), vec![line], Some((FOLLOW, text!("login-link-follow-go"))))
    } else if link.by_browser {
        let line = text!("login-link-elsewhere", host = host, at = at, from = from);
        let lines = vec![line, text!("login-link-elsewhere-warn")];
        (text!("login-link-elsewhere-title"), lines, Some((SHOW_CODE, text!("login-link-show"))))
    } else {
        (text!("login-link-script-title"), vec![text!("login-link-script", at = at, from = from)], None)
    };
    let shell = ctx.shell();
    page(StatusCode::OK, PAGE, &NoticePage { lines, go_on, ..NoticePage::new(&shell, heading) })
}

/// The same for all that is no link, or no longer.
fn over(ctx: &Context) -> Reply {
    let links = vec![Link::to("/.stepgate/login-link", text!("login-link-again"))];
    notice(ctx, StatusCode::GONE, PAGE, text!("login-link-over-title"), text!("login-link-over"), links)
}

fn form(ctx: &Context, destination: &Destination, sent: bool, email: &str, errors: Errors) -> Reply {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (shell, place) = (ctx.shell(), ctx.place(destination));
    let waiting = sent.then(|| format::span(LinkAsked::LIVES));
    let (again, login) = (destination.page_url(PAGE), destination.page_url("login"));
    let shown = LoginLinkPage { shell: &shell, errors, place: &place, email, waiting, again: &again, login: &login };
    page(status, PAGE, &shown)
}
