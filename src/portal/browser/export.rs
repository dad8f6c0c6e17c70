//! All that is held of somebody who is signed in, as a file.

use http::header::CONTENT_DISPOSITION;
use http::{HeaderValue, StatusCode};

use super::other_account;
use super::password::{fresh_owner, prove_first, sign_in};
use super::steps::enter;
use crate::flow::reply::{CeremonyRef, Exported};
use crate::portal::api::export::document;
use crate::portal::context::{Context, HandlerError};
use crate::portal::destination::RequestedAction;
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::pages::ExportPage;
use crate::portal::reply::{Reply, page};

/// Says what is in it, and asks.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "export").await?;
    let who = fresh_owner(ctx, &destination, RequestedAction::Export).await?;
    let (shell, username) = (ctx.shell(), &who.session.identity.username);
    let of = form_owner::tag(ctx, username);
    Ok(page(StatusCode::OK, "export", &ExportPage { shell: &shell, account: username.as_str(), of: &of }))
}

/// Gives it out.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "export").await?;
    if fields.get("op") != "export" {
        return Err(HandlerError::Portal(PortalError::BadRequest));
    }
    let who = fresh_owner(ctx, &destination, RequestedAction::Export).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let export = match ctx.record_events(ctx.state.flows.export(&at, &ctx.client()).await)? {
        Exported::Whole(export) => *export,
        Exported::ProveFirst(_) => return Err(prove_first(&destination, RequestedAction::Export)),
        Exported::Gone => return Err(sign_in(&destination, RequestedAction::Export)),
    };
    let text = serde_json::to_vec_pretty(&document(export, who.session.previous_login))
        .map_err(|_| HandlerError::Portal(PortalError::Unavailable))?;
    let mut file = Reply::new(StatusCode::OK, "export", "application/json", text);
    file.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment;filename=account.json"));
    Ok(file)
}
