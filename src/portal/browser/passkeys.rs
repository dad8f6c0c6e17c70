//! What the page of an account takes: other names for passkeys and the app, the deletion of passkeys, and the way out.

use super::account::{AccountFeedback, account, logout, require_session};
use super::{keep_sessions, other_account};
use crate::auth::factor::passkey::PasskeyRecord;
use crate::flow::reply::{CeremonyRef, Named, OtherSessions, PasskeyRemoved, Renamed};
use crate::flow::{Flows, NAME_CHARS};
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::form_owner;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::pages::{AppCard, Errors};
use crate::portal::reply::{Reply, see_other, with_session};

/// What the buttons of a card ask for.
const RENAME: &str = "rename-passkey";
const DELETE: &str = "delete-passkey";
const RENAME_APP: &str = "rename-app";

/// Takes what the buttons of the page ask for.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let fields = ctx.form().await?;
    match fields.get("op") {
        RENAME | DELETE | RENAME_APP => change(ctx, &fields).await,
        _ => logout(ctx).await,
    }
}

/// Gives a passkey another name, or deletes it.
async fn change(ctx: &mut Context, fields: &FormFields) -> Result<Reply, HandlerError> {
    let who = require_session(ctx).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    if fields.get("op") == RENAME_APP {
        return rename(ctx, &who, AppCard::RENAMING, fields.get("name")).await;
    }
    let id = fields.get("passkey");
    let mine = ctx.state.flows.passkeys_of(&who.session.identity.id).await?;
    // Deleted meanwhile, by another window.
    let Some(passkey) = mine.iter().find(|passkey| passkey.id == id) else {
        return account(ctx, &who.session, AccountFeedback::default()).await;
    };
    match fields.get("op") {
        RENAME => rename(ctx, &who, id, fields.get("name")).await,
        _ => delete(ctx, &who, passkey, keep_sessions::others(fields)).await,
    }
}

async fn rename(ctx: &Context, who: &CurrentSession, id: &str, name: &str) -> Result<Reply, HandlerError> {
    let Some(name) = Flows::passkey_name(name) else {
        let errors = Errors::one("name", text!("mistake-passkey-name", most = NAME_CHARS));
        return account(ctx, &who.session, AccountFeedback { errors, renaming: id, ..AccountFeedback::default() })
            .await;
    };
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let (flows, client) = (&ctx.state.flows, ctx.client());
    let renamed = match id {
        AppCard::RENAMING => flows.rename_authenticator(&at, Named::App, &name, &client).await?,
        _ => flows.rename_passkey(&at, id, &name, &client).await?,
    };
    let done = match renamed {
        Renamed::Renamed if id == AppCard::RENAMING => Some(text!("app-renamed", name = &name)),
        Renamed::Renamed => Some(text!("passkey-renamed", name = &name)),
        // Deleted meanwhile: the page shows what there is.
        Renamed::NotFound => None,
        Renamed::ProveFirst(_) => return Ok(step_up(RequestedAction::Passkeys)),
        Renamed::Gone => return Ok(sign_in()),
    };
    account(ctx, &who.session, AccountFeedback { done, ..AccountFeedback::default() }).await
}

async fn delete(
    ctx: &mut Context,
    who: &CurrentSession,
    passkey: &PasskeyRecord,
    others: OtherSessions,
) -> Result<Reply, HandlerError> {
    let (state, client) = (ctx.state.clone(), ctx.client());
    let (token, session, which) = (&who.token, &who.session, (passkey.id.as_str(), others));
    let removed = state.flows.remove_passkey(token, session, which, &state.destinations, &client).await;
    match ctx.record_events(removed)? {
        PasskeyRemoved::Removed(opened) => {
            let done = Some(text!("passkey-deleted", name = &passkey.name));
            let shown = account(ctx, &opened.session, AccountFeedback { done, ..AccountFeedback::default() }).await?;
            Ok(with_session(shown, &opened, state.flows.settings.device_ttl))
        }
        PasskeyRemoved::Needed { rule } => {
            let name = passkey.name.as_str();
            let text = match rule {
                Some(rule) => text!("passkey-needed-by", name = name, rule = rule),
                None => text!("passkey-needed", name = name),
            };
            account(
                ctx,
                session,
                AccountFeedback { errors: Errors::one("passkeys", text), ..AccountFeedback::default() },
            )
            .await
        }
        PasskeyRemoved::NotFound => account(ctx, session, AccountFeedback::default()).await,
        PasskeyRemoved::ProveFirst(_) => Ok(step_up(RequestedAction::Passkeys)),
        PasskeyRemoved::Gone => Ok(sign_in()),
    }
}

fn sign_in() -> Reply {
    see_other(&Destination::from_query(&[], Default::default()).page_url("login"), "account")
}

fn step_up(action: RequestedAction) -> Reply {
    see_other(&Destination::from_query(&[], Default::default()).with_action(action).page_url("step-up"), "account")
}
