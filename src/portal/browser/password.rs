//! Another password, for somebody who is signed in and has proved lately all that the account can prove.

use http::StatusCode;

use super::steps::enter;
use super::{busy, keep_sessions, other_account};
use crate::auth::proof::MethodSet;
use crate::flow::reply::{CeremonyRef, PasswordChanged, PasswordWish, ProofsAlong};
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::messages::text;
use crate::portal::new_password;
use crate::portal::pages::{Errors, Link, NoticePage, PasswordPage};
use crate::portal::reply::{Reply, page, see_other, with_session};

/// The field of the new password.
const FIELD: &str = "new-password";

pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "password").await?;
    let who = fresh_owner(ctx, &destination, RequestedAction::Password).await?;
    form(ctx, &who, Errors::none()).await
}

/// Sets it.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "password").await?;
    if fields.get("op") != "set" {
        return Err(HandlerError::Portal(PortalError::BadRequest));
    }
    let who = fresh_owner(ctx, &destination, RequestedAction::Password).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let others = keep_sessions::others(&fields);
    if fields.get("new_password").is_empty() {
        return form(ctx, &who, Errors::one(FIELD, text!("mistake-no-new-password"))).await;
    }
    let password = fields.secret("new_password");
    let wish = PasswordWish { password, along: ProofsAlong::default(), others };
    let changed = ctx.record_events(ctx.state.flows.change_password(&at(&who), wish, &ctx.client()).await)?;
    Ok(match changed {
        PasswordChanged::Changed(opened) => {
            let shell = ctx.shell();
            let line = if others.end() { text!("password-changed-ended") } else { text!("password-changed-kept") };
            let links = vec![
                Link::to("/.stepgate/sessions", text!("sessions-title")),
                Link::to("/.stepgate/account", text!("action-back-to-account")),
            ];
            let heading = NoticePage::new(&shell, text!("password-changed-title"));
            let notice = NoticePage { lines: vec![line, text!("password-changed-browsers")], links, ..heading };
            let answer = page(StatusCode::OK, "password", &notice);
            with_session(answer, &opened, ctx.state.flows.settings.device_ttl)
        }
        PasswordChanged::Unfit(unfit) => form(ctx, &who, Errors::one(FIELD, new_password::reason(unfit))).await?,
        PasswordChanged::Busy => busy(ctx),
        // Nothing came along.
        PasswordChanged::ProveFirst(_) | PasswordChanged::Unproved(_) => {
            return Err(prove_first(&destination, RequestedAction::Password));
        }
        PasswordChanged::Gone => return Err(sign_in(&destination, RequestedAction::Password)),
    })
}

fn at(who: &CurrentSession) -> CeremonyRef {
    CeremonyRef::Session(who.token.clone(), who.session.clone())
}

/// Who is signed in and has proved enough lately.
pub(super) async fn fresh_owner(
    ctx: &Context,
    destination: &Destination,
    action: RequestedAction,
) -> Result<CurrentSession, HandlerError> {
    let who = ctx.current_session(false).await?.ok_or_else(|| sign_in(destination, action))?;
    match ctx.state.flows.before_change(&at(&who), &ctx.client()).await? {
        Some(MethodSet::EMPTY) => Ok(who),
        Some(_) => Err(prove_first(destination, action)),
        None => Err(sign_in(destination, action)),
    }
}

pub(super) fn prove_first(destination: &Destination, action: RequestedAction) -> HandlerError {
    see_other(&destination.with_action(action).page_url("step-up"), "account").into()
}

pub(super) fn sign_in(destination: &Destination, action: RequestedAction) -> HandlerError {
    see_other(&destination.with_action(action).page_url("login"), "account").into()
}

async fn form(ctx: &Context, who: &CurrentSession, errors: Errors) -> Result<Reply, HandlerError> {
    let (shell, username) = (ctx.shell(), &who.session.identity.username);
    let of = form_owner::tag(ctx, username);
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let shown = PasswordPage {
        shell: &shell,
        errors,
        account: username.as_str(),
        host: &ctx.info.authority,
        hint: new_password::hint(ctx.state.flows.password_rule()),
        keeps: keep_sessions::box_of(ctx, &who.session.identity.id, Some(&who.session)).await?,
        of: &of,
    };
    Ok(page(status, "password", &shown))
}
