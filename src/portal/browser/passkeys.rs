//! The passkeys of somebody who is signed in, on the page of their account: cards, other names, deletion.

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use super::account::{Shown, account};
use super::other_account;
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::session::Session;
use crate::flow::reply::PasskeyRemoved;
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::form_owner;
use crate::portal::format;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::pages::{Errors, PasskeyCard, PasskeySignal};
use crate::portal::reply::{Reply, see_other, with_session};

/// What the buttons of a card ask for.
pub(super) const RENAME: &str = "rename-passkey";
pub(super) const DELETE: &str = "delete-passkey";

/// The most characters of a name.
const NAME_CHARS: usize = 64;

/// Gives a passkey another name, or deletes it.
pub(super) async fn submit(ctx: &mut Context, fields: &FormFields) -> Result<Reply, HandlerError> {
    let who = super::account::require_session(ctx).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let id = fields.get("passkey");
    let mine = ctx.state.flows.passkeys_of(&who.session.identity.id).await?;
    // Deleted meanwhile, by another window.
    let Some(passkey) = mine.iter().find(|passkey| passkey.id == id) else {
        return account(ctx, &who.session, Shown::default()).await;
    };
    match fields.get("op") {
        RENAME => rename(ctx, &who, id, fields.get("name")).await,
        _ => delete(ctx, &who, passkey).await,
    }
}

async fn rename(ctx: &Context, who: &CurrentSession, id: &str, name: &str) -> Result<Reply, HandlerError> {
    let fits = (1..=NAME_CHARS).contains(&name.trim().chars().count());
    if !fits || !ctx.state.flows.rename_passkey(&who.session.identity.id, id, name).await? {
        let errors = Errors::one("name", text!("mistake-passkey-name", most = NAME_CHARS));
        return account(ctx, &who.session, Shown { errors, renaming: id, ..Shown::default() }).await;
    }
    let done = Some(text!("passkey-renamed", name = name.trim()));
    account(ctx, &who.session, Shown { done, ..Shown::default() }).await
}

async fn delete(ctx: &mut Context, who: &CurrentSession, passkey: &PasskeyRecord) -> Result<Reply, HandlerError> {
    let (state, client) = (ctx.state.clone(), ctx.client());
    let (token, session) = (&who.token, &who.session);
    let removed = state.flows.remove_passkey(token, session, &passkey.id, &state.destinations, &client).await;
    match ctx.record_events(removed)? {
        PasskeyRemoved::Removed(opened) => {
            let done = Some(text!("passkey-deleted", name = &passkey.name));
            let shown = account(ctx, &opened.session, Shown { done, ..Shown::default() }).await?;
            Ok(with_session(shown, &opened, state.flows.settings.device_ttl))
        }
        PasskeyRemoved::Needed { rule } => {
            let name = passkey.name.as_str();
            let text = match rule {
                Some(rule) => text!("passkey-needed-by", name = name, rule = rule),
                None => text!("passkey-needed", name = name),
            };
            account(ctx, session, Shown { errors: Errors::one("passkeys", text), ..Shown::default() }).await
        }
        PasskeyRemoved::NotFound => account(ctx, session, Shown::default()).await,
        PasskeyRemoved::ProveFirst(_) => Ok(step_up(RequestedAction::Passkeys)),
        PasskeyRemoved::Gone => {
            Ok(see_other(&Destination::from_query(&[], Default::default()).page_url("login"), "account"))
        }
    }
}

fn step_up(action: RequestedAction) -> Reply {
    see_other(&Destination::from_query(&[], Default::default()).with_action(action).page_url("step-up"), "account")
}

/// The passkeys of a person, each a card.
pub(super) fn cards(ctx: &Context, passkeys: &[PasskeyRecord]) -> Vec<PasskeyCard> {
    let here = ctx.state.flows.settings.rp_id(&ctx.info.host);
    let card = |passkey: &PasskeyRecord| PasskeyCard {
        id: passkey.id.clone(),
        name: passkey.name.clone(),
        created: format::moment(passkey.created_at),
        last_used: passkey.used_at.map(format::moment),
        bound: !passkey.backup_eligible,
        elsewhere: (passkey.rp_id != here).then(|| passkey.rp_id.clone()),
    };
    passkeys.iter().map(card).collect()
}

/// What the password manager of the browser should know of an account: which passkeys there are, and its names.
pub(super) async fn signals(ctx: &Context, session: &Session) -> Result<Vec<PasskeySignal>, HandlerError> {
    let (flows, who) = (&ctx.state.flows, &session.identity);
    let (handle, ids) = flows.accepted_credentials(&who.id, &ctx.info.host).await?;
    let rp_id = flows.settings.rp_id(&ctx.info.host);
    let (user, ids): (String, Vec<String>) =
        (BASE64URL_NOPAD.encode(&handle), ids.iter().map(|id| BASE64URL_NOPAD.encode(id)).collect());
    let (name, shown) = (who.username.as_str(), who.name.as_deref().unwrap_or(who.username.as_str()));
    let signal = |method, about: serde_json::Value| PasskeySignal { method, about: about.to_string() };
    Ok(vec![
        signal("AllAcceptedCredentials", json!({ "rpId": rp_id, "userId": user, "allAcceptedCredentialIds": ids })),
        signal("CurrentUserDetails", json!({ "rpId": rp_id, "userId": user, "name": name, "displayName": shown })),
    ])
}
