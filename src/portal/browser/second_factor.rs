//! The second step of a sign-in under way.

use http::StatusCode;

use super::passkey_dialogs::{self, DialogError, PASSKEY};
use super::passkey_upgrade::UPGRADE;
use super::sent_code::Sending;
use super::steps::{ceremony_redirect, enter};
use super::{
    busy, empty, locked_factor, other_account, out_of_reach, passkey_upgrade, previous_sign_in, proof_errors,
    sent_code, start_again, wait, ways,
};
use crate::auth::ceremony::CeremonyToken;
use crate::flow::reply::{CeremonyRef, CeremonyView, LoginReply, OutOfReach, Submission};
use crate::portal::answers::out_of_reach::Unreached;
use crate::portal::context::{Context, HandlerError};
use crate::portal::destination::Destination;
use crate::portal::form_owner;
use crate::portal::messages::text;
use crate::portal::pages::{CodePage, Errors, MethodPrompt};
use crate::portal::reply::{Reply, page, see_other};

/// Shows the form for the code.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "second-factor").await?;
    let (token, view) = current_ceremony(ctx, &destination).await?;
    form(ctx, &destination, &(token, view), "", Errors::none()).await
}

/// Takes the code, or the wish for another way.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "second-factor").await?;
    if fields.get("op") == UPGRADE {
        return passkey_upgrade::submit(ctx, &destination, &fields).await;
    }
    let at @ (token, view) = &current_ceremony(ctx, &destination).await?;
    let username = &view.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::sign_in_of_another(ctx, username));
    }
    let ceremony = CeremonyRef::SignIn(token.clone());
    match sent_code::send(ctx, &ceremony, view.methods, &fields).await? {
        Sending::Sent { way, to } => return form_after(ctx, &destination, at, way, Errors::none(), Some(to)).await,
        Sending::UsedUp { way, errors } => return form(ctx, &destination, at, way, errors).await,
        Sending::Over => return Ok(start_again(ctx)),
        Sending::Other => {}
    }
    if matches!(fields.get("op"), "way" | "send") {
        return form(ctx, &destination, at, fields.get("way"), Errors::none()).await;
    }
    let wanted = if fields.get("op") == PASSKEY { PASSKEY } else { fields.get("method") };
    let Some((way, _)) = ways(view.methods, wanted) else { return Ok(start_again(ctx)) };
    let errors = match way.is_passkey() {
        true => DialogError::of(&fields).map(DialogError::errors),
        false => fields.get("code").trim().is_empty().then(|| empty(way)),
    };
    if let Some(errors) = errors {
        return form(ctx, &destination, at, way.name, errors).await;
    }
    let (goal, given) = (ctx.guards().goal(), Submission::of(way.method, fields.secret(way.field())));
    let reply = ctx.state.flows.submit_toward(&ceremony, goal, given, &ctx.client()).await;
    let reply = ctx.record_events(reply)?;
    if let LoginReply::Opened(opened) = &reply {
        ctx.supersede(opened).await?;
    }
    login_reply(ctx, &destination, at, way, reply).await
}

async fn login_reply(
    ctx: &Context,
    destination: &Destination,
    at: &(CeremonyToken, CeremonyView),
    way: MethodPrompt,
    reply: LoginReply,
) -> Result<Reply, HandlerError> {
    let (token, view) = at;
    Ok(match reply {
        LoginReply::Opened(opened) => passkey_upgrade::or_on(ctx, destination, &opened).await?,
        LoginReply::Next(next) => {
            ceremony_redirect(ctx, &destination.page_url("second-factor"), "second-factor", &next.ceremony)
        }
        LoginReply::Enroll(next) => {
            ceremony_redirect(ctx, &destination.page_url("enroll"), "second-factor", &next.ceremony)
        }
        LoginReply::OutOfReach(OutOfReach { owned, unrecognised, .. }) => out_of_reach(
            ctx,
            destination,
            Unreached { who: view.username.as_str(), owned, signed_in: false, unrecognised },
        ),
        LoginReply::Locked(off) if off.others.is_empty() => {
            locked_factor::locked_out(ctx, view.username.as_str(), off.methods, false)
        }
        LoginReply::Locked(off) => {
            let (ceremony, digits) = (view.ceremony.clone(), view.digits);
            let view = CeremonyView {
                username: view.username.clone(),
                ceremony,
                methods: off.others,
                enrols: false,
                locked: off.methods,
                digits,
            };
            form(ctx, destination, &(token.clone(), view), "", Errors::none()).await?
        }
        LoginReply::Rejected(rejection) => match proof_errors(way, rejection) {
            Some(errors) => form(ctx, destination, at, way.name, errors).await?,
            None => start_again(ctx),
        },
        LoginReply::Wait(how_long) => {
            let others = ways(view.methods, way.name).map_or_else(Vec::new, |(_, others)| others);
            wait(ctx, how_long, others, form_owner::tag(ctx, &view.username))
        }
        LoginReply::Busy => busy(ctx),
    })
}

/// The ceremony of this browser; without one, the way to a new one.
async fn current_ceremony(
    ctx: &Context,
    destination: &Destination,
) -> Result<(CeremonyToken, CeremonyView), HandlerError> {
    if let Some(token) = ctx.info.cookies.ceremony.clone() {
        let view = ctx.state.flows.view(&token, &ctx.client()).await?;
        match view {
            Some(view) if view.methods.is_empty() && !view.ceremony.locked.is_empty() => {
                let (who, off) = (view.username.as_str(), view.ceremony.locked);
                return Err(HandlerError::from(locked_factor::locked_out(ctx, who, off, false)));
            }
            Some(view) if view.methods.is_empty() => {
                return Err(HandlerError::from(see_other(&destination.page_url("enroll"), "second-factor")));
            }
            Some(view) => return Ok((token, view)),
            None => {}
        }
    }
    Err(HandlerError::from(super::enroll::no_ceremony(ctx).await?))
}

async fn form(
    ctx: &Context,
    destination: &Destination,
    at: &(CeremonyToken, CeremonyView),
    wanted: &str,
    errors: Errors,
) -> Result<Reply, HandlerError> {
    form_after(ctx, destination, at, wanted, errors, None).await
}

/// The form, after a code was sent to that masked address.
async fn form_after(
    ctx: &Context,
    destination: &Destination,
    (token, view): &(CeremonyToken, CeremonyView),
    wanted: &str,
    errors: Errors,
    to: Option<String>,
) -> Result<Reply, HandlerError> {
    let Some((way, others)) = ways(view.methods, wanted) else { return Ok(start_again(ctx)) };
    let dialog = if way.is_passkey() {
        let at = CeremonyRef::SignIn(token.clone());
        let dialog = passkey_dialogs::prove(ctx, &at, (None, None), &view.username).await?;
        Some(dialog.ok_or_else(|| HandlerError::from(start_again(ctx)))?)
    } else {
        None
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (shell, place) = (ctx.shell(), ctx.place(destination));
    let (way, sent) = sent_code::shaped(ctx, way, view.digits, to);
    let username = view.username.as_str();
    let heading = text!("code-title");
    let off = (!view.locked.is_empty()).then(|| locked_factor::why(view.locked));
    // Who has proved nothing but that mail reaches them is told nothing of the account.
    let is_unproved = view.ceremony.is_unproved();
    let second = || match view.enrols {
        true => text!("step-up-before-enrolling"),
        false if is_unproved => text!("link-confirmed"),
        false => text!("code-second-step"),
    };
    let why = Some(off.unwrap_or_else(second));
    let last = previous_sign_in::last_time(view.ceremony.previous_login, ctx.state.flows.ports.clock.now());
    let (last, of) = (Some(last).filter(|_| !is_unproved), form_owner::tag(ctx, &view.username));
    let (place, of) = (place.as_str(), of.as_str());
    let (leave, shown) = (None, None);
    let code = CodePage {
        shell: &shell,
        errors,
        heading,
        why,
        leave,
        last,
        place,
        username,
        way,
        others,
        sent,
        dialog,
        recovery: ctx.state.flows.settings.recovery.is_some(),
        of,
        shown,
    };
    Ok(page(status, "second-factor", &code))
}
