//! Turning off two-step sign-in: the strongest proof first, then the password; and what is left to do afterwards.

use http::StatusCode;

use super::account::require_session;
use super::{busy, keep_sessions, notice, other_account, start_again, wait};
use crate::auth::resource::Tolerances;
use crate::flow::ports::DisabledFactors;
use crate::flow::reply::{CeremonyRef, DisableWish, MfaDisabled, ProofsAlong, Unproved};
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::form_owner;
use crate::portal::messages::text;
use crate::portal::pages::{Errors, Link, TurnOffPage};
use crate::portal::reply::{Reply, page, see_other};

/// Its name among our pages.
const PAGE: &str = "turn-off";

/// Says what follows, and asks for the password.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx).await?;
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    Ok(match ctx.state.flows.before_disabling(&at, &ctx.client()).await? {
        None => start_again(ctx),
        Some((false, _)) => already_off(ctx),
        Some((true, missing)) if missing.is_empty() => form(ctx, &who, Errors::none()).await?,
        Some(_) => prove_first(),
    })
}

/// Takes the password.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let fields = ctx.form().await?;
    let who = require_session(ctx).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    if fields.get("password").is_empty() {
        return form(ctx, &who, Errors::one("password", text!("mistake-no-password"))).await;
    }
    let along = ProofsAlong { password: Some(fields.secret("password")), code: None };
    let wish = DisableWish { factors: DisabledFactors::All, along, others: keep_sessions::others(&fields) };
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let disabled = ctx.state.flows.disable_mfa(&at, wish, &ctx.state.destinations, &ctx.client()).await;
    Ok(match ctx.record_events(disabled)? {
        MfaDisabled::Disabled => notice(
            ctx,
            StatusCode::OK,
            PAGE,
            text!("turn-off-done-title"),
            text!("mfa-off-reminder"),
            vec![to_account()],
        ),
        MfaDisabled::AlreadyDisabled => already_off(ctx),
        MfaDisabled::Needed { rule } => {
            let line = match rule {
                Some(rule) => text!("turn-off-needed", rule = rule),
                None => text!("turn-off-last"),
            };
            notice(ctx, StatusCode::FORBIDDEN, PAGE, text!("turn-off-needed-title"), line, vec![to_account()])
        }
        MfaDisabled::Unproved(Unproved::Wait(how_long)) => wait(ctx, how_long, Vec::new(), String::new()),
        MfaDisabled::Unproved(Unproved::Busy) => busy(ctx),
        MfaDisabled::Unproved(Unproved::Rejected(_) | Unproved::Locked(_)) => {
            form(ctx, &who, Errors::one("password", text!("mistake-password"))).await?
        }
        MfaDisabled::ProveFirst(_) => prove_first(),
        MfaDisabled::Gone => start_again(ctx),
    })
}

/// To the proof that is missing, and back here.
fn prove_first() -> Reply {
    let here = Destination::from_query(&[], Tolerances::default()).with_action(RequestedAction::TurnOff);
    see_other(&here.page_url("step-up"), PAGE)
}

fn already_off(ctx: &Context) -> Reply {
    let title = text!("turn-off-already-title");
    notice(ctx, StatusCode::OK, PAGE, title, text!("turn-off-already"), vec![to_account()])
}

fn to_account() -> Link {
    Link::to("/.stepgate/account", text!("action-your-account"))
}

async fn form(ctx: &Context, who: &CurrentSession, errors: Errors) -> Result<Reply, HandlerError> {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (shell, username) = (ctx.shell(), &who.session.identity.username);
    let (of, host) = (form_owner::tag(ctx, username), ctx.info.authority.as_str());
    let keeps = keep_sessions::box_of(ctx, &who.session.identity.id, Some(&who.session)).await?;
    let username = username.as_str();
    Ok(page(status, PAGE, &TurnOffPage { shell: &shell, errors, username, host, keeps, of: &of }))
}
