//! New backup codes, for somebody who is signed in.

use http::header::CONTENT_DISPOSITION;
use http::{HeaderValue, StatusCode};

use super::steps::enter;
use super::{CONTINUE, busy, other_account, start_again};
use crate::auth::factor::backup_codes;
use crate::auth::resource::Tolerances;
use crate::flow::reply::{CodesAsked, CodesRenewed};
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::pages::{BackupCodesPage, CodesOccasion, Link, NoticePage, RenewCodesPage};
use crate::portal::reply::{Reply, page, see_other};

/// Asks before the old codes are replaced.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "backup-codes").await?;
    let who = require_session(ctx, &destination).await?;
    match ctx.state.flows.codes_asked(&who.token, &who.session, &ctx.client()).await? {
        CodesAsked::Ready { left, set } => Ok(question(ctx, &destination, &who, left, &set)),
        asked => Ok(precondition(&destination, &asked)),
    }
}

/// What the button for the download sends, on every page that shows codes.
pub(super) const DOWNLOAD: &str = "download";

/// The codes that the page shows, as a file. They come from the page itself: nothing keeps them, and no address shows
/// them a second time.
pub(super) async fn download(ctx: &Context, fields: &FormFields) -> Result<Reply, HandlerError> {
    let Some(who) = ctx.current_session(true).await? else { return Ok(start_again(ctx)) };
    let most = usize::from(u8::MAX);
    let Some(codes) = backup_codes::shown(fields.get("codes"), most) else {
        return Err(HandlerError::Portal(PortalError::BadRequest));
    };
    let (account, host) = (who.session.identity.username.as_str(), ctx.info.authority.as_str());
    let lines = codes.iter().map(|code| format!("{}\r\n", code.expose())).collect::<String>();
    let text = format!("{}\r\n\r\n{lines}", text!("codes-file", account = account, host = host));
    let mut file = Reply::new(StatusCode::OK, "backup-codes", "text/plain; charset=utf-8", text);
    let name = HeaderValue::from_static("attachment;filename=backup-codes.txt");
    file.headers_mut().insert(CONTENT_DISPOSITION, name);
    Ok(file)
}

/// Makes them, and shows them this once.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "backup-codes").await?;
    if fields.get("op") == DOWNLOAD {
        return download(ctx, &fields).await;
    }
    if fields.get("op") != "make" {
        return Err(HandlerError::Portal(PortalError::BadRequest));
    }
    let who = require_session(ctx, &destination).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let set = fields.get("set");
    let reply = ctx.record_events(ctx.state.flows.renew_codes(&who.token, &who.session, set, &ctx.client()).await)?;
    Ok(match reply {
        CodesRenewed::Made(codes) => {
            let (shell, place) = (ctx.shell(), ctx.place(&destination));
            let (account, host) = (username.as_str(), ctx.info.authority.as_str());
            let codes = BackupCodesPage {
                shell: &shell,
                strange: None,
                codes: &codes,
                place: &place,
                account,
                host,
                occasion: CodesOccasion::Anew,
            };
            page(StatusCode::OK, "backup-codes", &codes)
        }
        CodesRenewed::Over => already_done(ctx, &destination),
        CodesRenewed::Busy => busy(ctx),
        CodesRenewed::Asked(asked) => precondition(&destination, &asked),
    })
}

async fn require_session(ctx: &Context, destination: &Destination) -> Result<CurrentSession, HandlerError> {
    let login = || see_other(&destination.with_action(RequestedAction::BackupCodes).page_url("login"), "backup-codes");
    ctx.current_session(false).await?.ok_or_else(|| HandlerError::from(login()))
}

fn question(ctx: &Context, destination: &Destination, who: &CurrentSession, left: u32, set: &str) -> Reply {
    let (shell, account) = (ctx.shell(), &who.session.identity.username);
    let (of, stay) = (form_owner::tag(ctx, account), destination.next_url());
    let (account, host) = (account.as_str(), ctx.info.authority.as_str());
    let ask = RenewCodesPage { shell: &shell, account, host, left, set, of: &of, stay: &stay };
    page(StatusCode::OK, "backup-codes", &ask)
}

/// What comes before them.
fn precondition(destination: &Destination, asked: &CodesAsked) -> Reply {
    let to = match asked {
        CodesAsked::ProveFirst(_) => destination.with_action(RequestedAction::BackupCodes).page_url("step-up"),
        CodesAsked::Gone => destination.with_action(RequestedAction::BackupCodes).page_url("login"),
        // There is nothing that they could stand for; or it was made ready meanwhile.
        CodesAsked::NoFactor | CodesAsked::Ready { .. } => {
            Destination::from_query(&[], Tolerances::default()).next_url()
        }
    };
    see_other(&to, "backup-codes")
}

/// They were made already: the form was sent twice, or by two windows.
fn already_done(ctx: &Context, destination: &Destination) -> Reply {
    let (shell, lines, go_on) = (ctx.shell(), vec![text!("codes-over")], Some((CONTINUE, text!("action-continue"))));
    let links = vec![Link::to(destination.page_url("backup-codes"), text!("action-new-backup-codes"))];
    let notice = NoticePage { lines, go_on, links, ..NoticePage::new(&shell, text!("codes-over-title")) };
    page(StatusCode::OK, "already", &notice)
}
