//! "This was not me", from a letter about a recovery that waits. The link only leads to the page; the button says it.

use http::StatusCode;

use super::charged_link_token;
use crate::auth::link_token::LinkToken;
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{NoticePage, RecoverStopPage};
use crate::portal::reply::{Reply, page};
use crate::portal::support_contact;

const KIND: &str = "recover-stop";

/// Says what is about to happen, and asks.
pub(crate) async fn show(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let Some(token) = charged_link_token(ctx).await?.flatten() else { return Ok(over(ctx)) };
    let Some(waiting) = ctx.state.flows.recovery_to_stop(&token).await? else { return Ok(over(ctx)) };
    let (shell, ready_at) = (ctx.shell(), format::moment(waiting.ready_at));
    let stop = RecoverStopPage {
        shell: &shell,
        username: waiting.username.as_str(),
        host: &ctx.info.authority,
        ready_at: &ready_at,
        token: token.expose(),
    };
    Ok(page(StatusCode::OK, KIND, &stop))
}

/// Ends it.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let fields = ctx.form().await?;
    if fields.get("op") != "stop" {
        return Err(HandlerError::Portal(PortalError::BadRequest));
    }
    let Some(token) = LinkToken::parse(fields.get("token")) else { return Ok(over(ctx)) };
    ctx.charge_token().await?;
    if !ctx.record_events(ctx.state.flows.stop_recovery(&token, &ctx.client()).await)? {
        return Ok(over(ctx));
    }
    let shell = ctx.shell();
    let support = support_contact::whom(shell.support.as_ref());
    let lines =
        vec![text!("recover-stopped"), text!("recover-stop-mail"), text!("recover-stop-tell", support = &support)];
    Ok(page(StatusCode::OK, KIND, &NoticePage { lines, ..NoticePage::new(&shell, text!("recover-stopped-title")) }))
}

/// Nothing waits by this link.
fn over(ctx: &Context) -> Reply {
    let shell = ctx.shell();
    let support = support_contact::whom(shell.support.as_ref());
    let lines = vec![text!("recover-stop-over", support = &support)];
    page(StatusCode::OK, KIND, &NoticePage { lines, ..NoticePage::new(&shell, text!("recover-stop-over-title")) })
}
