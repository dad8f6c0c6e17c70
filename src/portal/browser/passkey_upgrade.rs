//! A passkey that the browser makes by itself after a sign-in by password, on the way to the destination.

use http::StatusCode;

use super::passkey_dialogs::{DialogError, bound, json};
use super::{after_sign_in, passkey, steps};
use crate::flow::reply::OtherSessions;
use crate::flow::reply::{CeremonyRef, NewPasskey, Opened, PasskeyAdded};
use crate::portal::context::{Context, HandlerError};
use crate::portal::destination::Destination;
use crate::portal::form_owner;
use crate::portal::forms::FormFields;
use crate::portal::pages::{DialogPurpose, PasskeyUpgradePage};
use crate::portal::reply::{Reply, page, see_other, with_session};

/// What the form of the page sends.
pub(super) const UPGRADE: &str = "upgrade";

/// Goes on after a sign-in, by way of the page where the operator wants that and nothing else is to be said.
pub(super) async fn or_on(ctx: &Context, destination: &Destination, opened: &Opened) -> Result<Reply, HandlerError> {
    let on = after_sign_in(ctx, destination, opened);
    if on.response.status() != StatusCode::SEE_OTHER || destination.action.is_some() {
        return Ok(on);
    }
    // Whoever is signed in stays so, whatever becomes of what would be nice to have.
    let Ok(Some(options)) = ctx.state.flows.ask_upgrade(opened, &ctx.client()).await else { return Ok(on) };
    let dialog = bound(ctx, DialogPurpose::Create, json(&options)?, &opened.session.identity.username);
    let (shell, place) = (ctx.shell(), ctx.place(destination));
    let mut shown =
        page(StatusCode::OK, "upgrade", &PasskeyUpgradePage { shell: &shell, place: &place, dialog: &dialog });
    for cookie in on.response.headers().get_all(http::header::SET_COOKIE) {
        shown.headers_mut().append(http::header::SET_COOKIE, cookie.clone());
    }
    Ok(shown)
}

/// Takes what the browser made, if it made anything, and goes on in any case.
pub(super) async fn submit(
    ctx: &mut Context,
    destination: &Destination,
    fields: &FormFields,
) -> Result<Reply, HandlerError> {
    let on = see_other(&steps::next_url(ctx, destination), "upgrade");
    let Some(who) = ctx.current_session(true).await? else { return Ok(on) };
    let made_for = &who.session.identity.username;
    if DialogError::of(fields).is_some() || !form_owner::matches(ctx, fields, made_for) {
        return Ok(on);
    }
    let (at, credential) = (CeremonyRef::Session(who.token, who.session), fields.secret("credential"));
    // Nobody asked for it, so nobody is signed out by it.
    let made = NewPasskey { name: None, credential: &credential, others: OtherSessions::Keep };
    let added = ctx.state.flows.add_passkey(&at, made, &ctx.client()).await;
    let PasskeyAdded::Added { backup_codes, opened, .. } = ctx.record_events(added)? else { return Ok(on) };
    ctx.supersede(&opened).await?;
    let shown = if backup_codes.is_empty() { on } else { passkey::codes(ctx, destination, &backup_codes, &opened) };
    Ok(with_session(shown, &opened, ctx.state.flows.settings.device_ttl))
}
