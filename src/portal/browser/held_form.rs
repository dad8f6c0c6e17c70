//! A form that was kept while somebody signed in or proved more: it is sent from here, or discarded (ADR 0027).

use std::time::Duration;

use http::header::{CONTENT_SECURITY_POLICY, X_FRAME_OPTIONS};
use http::{HeaderValue, Method, StatusCode};

use super::notice;
use super::steps::enter;
use crate::auth::held_request::{FormKeys, FormType};
use crate::auth::return_to::ReturnTo;
use crate::flow::forms::{FormLookup, WaitingForm};
use crate::portal::answers::form_gone;
use crate::portal::answers::headers::content_security_policy;
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::Destination;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{HeldFormPage, Link};
use crate::portal::reply::{Note, Reply, page, see_other};

/// Whoever comes back so soon has nothing to think over: the script sends the form.
const SOON: Duration = Duration::from_secs(120);

/// Shows what was kept, to whose it is.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "form").await?;
    let (keys, who) = keys_and_person(ctx, &destination).await?;
    match ctx.state.flows.waiting_form(&keys, &ctx.info.host, &who.session).await? {
        FormLookup::Found(form) => Ok(waiting(ctx, &destination, &keys, &form)),
        FormLookup::Absent => Ok(form_gone::reply(&ctx.state, &ctx.info)),
        FormLookup::OfAnother => Ok(form_gone::of_another(&ctx.state, &ctx.info)),
    }
}

/// Discards it.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "form").await?;
    if fields.get("op") != "discard" {
        return Ok(see_other(&destination.page_url("form"), "form"));
    }
    let (keys, who) = keys_and_person(ctx, &destination).await?;
    let flows = ctx.state.flows.clone();
    let discarded = flows.discard_form(&keys, &ctx.info.host, &who.session, ctx.info.client_ip).await;
    match ctx.record_events(discarded)? {
        FormLookup::Found(()) => {
            let links = vec![Link::to("/", text!("action-start-page"))];
            let (title, line) = (text!("form-discarded-title"), text!("form-discarded"));
            Ok(notice(ctx, StatusCode::OK, "form", title, line, links).noted(Note::FormDiscarded))
        }
        FormLookup::Absent => Ok(form_gone::reply(&ctx.state, &ctx.info)),
        FormLookup::OfAnother => Ok(form_gone::of_another(&ctx.state, &ctx.info)),
    }
}

/// What names the form, and who is here. Stops where either is missing, or where more is to be proved before it can be sent.
async fn keys_and_person(ctx: &Context, destination: &Destination) -> Result<(FormKeys, CurrentSession), HandlerError> {
    let keys = destination.form.clone().zip(ctx.info.cookies.holder.clone());
    let Some((id, holder)) = keys else { return Err(form_gone::reply(&ctx.state, &ctx.info).into()) };
    let Some(who) = ctx.current_session(true).await?.filter(|who| who.by_cookie) else {
        return Err(see_other(&destination.page_url("login"), "form").into());
    };
    let now = ctx.state.flows.ports.clock.now();
    if ctx.info.method != Method::POST && !ctx.guards().are_met(&who.session.proofs, now) {
        return Err(see_other(&destination.page_url("step-up"), "form").into());
    }
    Ok((FormKeys { id, holder }, who))
}

fn waiting(ctx: &Context, destination: &Destination, keys: &FormKeys, form: &WaitingForm) -> Reply {
    let WaitingForm { head, size } = form;
    let Some(to) = ReturnTo::parse(&head.target, ctx.state.destinations.tolerances(&ctx.info.host)) else {
        return form_gone::reply(&ctx.state, &ctx.info);
    };
    let now = ctx.state.flows.ports.clock.now();
    let place = ctx.place(&Destination { to: to.clone(), around: None, given: true, ..destination.clone() });
    let shell = ctx.shell();
    let held = HeldFormPage {
        shell: &shell,
        place: &place,
        files: FormType::of(&head.content_type) == Some(FormType::Multipart),
        size: format::size(u64::try_from(*size).unwrap_or(u64::MAX)),
        since: format::ago(now.since(head.held_at)),
        field: HeldFormPage::FIELD,
        id: &keys.id,
        to: &to,
        sends_itself: head.is_within(SOON, now),
    };
    let mut reply = page(StatusCode::OK, "form", &held);
    // Where the app leads on from its form is its own affair, and browsers hold the whole way against this page.
    if let Ok(policy) = HeaderValue::from_str(&content_security_policy("*")) {
        reply.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        reply.headers_mut().insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    reply
}
