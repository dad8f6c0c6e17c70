//! The addresses that codes go to, for somebody who is signed in.

use http::StatusCode;

use super::steps::enter;
use super::{keep_sessions, other_account, wait};
use crate::auth::address::phone_number::NumberRefusal;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::proof::MethodSet;
use crate::flow::reply::{AddressAsked, AddressConfirmed, AddressRemoved, CeremonyRef, Named, Rejection, Renamed};
use crate::flow::{Flows, NAME_CHARS};
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::format;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::pages::{AddressesPage, Errors, ListedAddress, WaitingAddress};
use crate::portal::reply::{Reply, page, see_other};
use crate::portal::support_contact;

/// Where the addresses stand on the page.
const LIST: &str = "listed";

/// What the page says of what was done, or of what was wrong.
#[derive(Default)]
struct Told {
    done: Option<String>,
    errors: Errors,
    typed: String,
    sent: bool,
    /// The address whose new name is wrong.
    renaming: String,
}

impl Told {
    fn done(text: String) -> Self {
        Self { done: Some(text), ..Self::default() }
    }

    fn wrong(field: &'static str, text: String) -> Self {
        Self { errors: Errors::one(field, text), ..Self::default() }
    }
}

pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "addresses").await?;
    let who = owner(ctx, &destination).await?;
    form(ctx, &who, Told::default()).await
}

/// Adds, confirms, renames or removes one.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "addresses").await?;
    let who = owner(ctx, &destination).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let told = match fields.get("op") {
        "add" => add(ctx, &who, &fields, &destination).await?,
        "confirm" => confirm(ctx, &who, &fields, &destination).await?,
        "rename" => rename(ctx, &who, &fields, &destination).await?,
        "remove" => remove(ctx, &who, &fields, &destination).await?,
        _ => return Err(HandlerError::Portal(PortalError::BadRequest)),
    };
    form(ctx, &who, told).await
}

async fn add(
    ctx: &mut Context,
    who: &CurrentSession,
    fields: &FormFields,
    destination: &Destination,
) -> Result<Told, HandlerError> {
    let kind = AddressKind::from_name(fields.get("channel")).ok_or(HandlerError::Portal(PortalError::BadRequest))?;
    let typed = fields.get("address");
    let asked = ctx.state.flows.add_address(&at(who), kind, typed, &ctx.client()).await;
    let wrong = |text| Ok(Told { typed: typed.to_owned(), ..Told::wrong(kind.name(), text) });
    match ctx.record_events(asked)? {
        AddressAsked::Sent { .. } => Ok(Told { sent: true, ..Told::default() }),
        AddressAsked::UsedUp => Ok(Told::wrong("code", text!("mistake-code-used-up"))),
        AddressAsked::Unusable(why) => wrong(match (kind, why) {
            (AddressKind::Email, _) => text!("mistake-mail-address"),
            (AddressKind::Sms, NumberRefusal::Malformed) => text!("mistake-number"),
            (AddressKind::Sms, NumberRefusal::Kind) => text!("mistake-number-kind"),
            (AddressKind::Sms, NumberRefusal::Country) => text!("mistake-number-country"),
        }),
        AddressAsked::Known => wrong(text!("mistake-address-known")),
        AddressAsked::TooMany => wrong(text!("mistake-too-many-addresses")),
        AddressAsked::NotServed => Err(HandlerError::Portal(PortalError::BadRequest)),
        AddressAsked::ProveFirst(_) => Err(prove_first(destination)),
        AddressAsked::Gone => Err(sign_in(destination)),
    }
}

async fn confirm(
    ctx: &mut Context,
    who: &CurrentSession,
    fields: &FormFields,
    destination: &Destination,
) -> Result<Told, HandlerError> {
    if fields.get("code").trim().is_empty() {
        return Ok(Told::wrong("code", text!("mistake-no-code")));
    }
    let confirmed = ctx
        .state
        .flows
        .confirm_address(&at(who), &fields.secret("code"), keep_sessions::others(fields), &ctx.client())
        .await;
    match ctx.record_events(confirmed)? {
        AddressConfirmed::Added(address) => Ok(Told::done(text!("addresses-added", address = address.value))),
        AddressConfirmed::AlreadyDone => Ok(Told::default()),
        AddressConfirmed::Rejected(Rejection::NoCode) => Ok(Told::wrong("code", text!("mistake-no-sent-code"))),
        AddressConfirmed::Rejected(Rejection::CodeUsedUp) => Ok(Told::wrong("code", text!("mistake-code-used-up"))),
        AddressConfirmed::Rejected(_) => Ok(Told::wrong("code", text!("mistake-sent-code"))),
        AddressConfirmed::Taken => {
            let support = support_contact::whom(ctx.shell().support.as_ref());
            Ok(Told::wrong(LIST, text!("addresses-taken", support = support)))
        }
        AddressConfirmed::Wait(how_long) => {
            Err(wait(ctx, how_long, Vec::new(), form_owner::tag(ctx, &who.session.identity.username)).into())
        }
        AddressConfirmed::ProveFirst(_) => Err(prove_first(destination)),
        AddressConfirmed::Gone => Err(sign_in(destination)),
    }
}

async fn rename(
    ctx: &Context,
    who: &CurrentSession,
    fields: &FormFields,
    destination: &Destination,
) -> Result<Told, HandlerError> {
    let id = fields.get("id");
    let Some(name) = Flows::passkey_name(fields.get("name")) else {
        let wrong = Told::wrong("name", text!("mistake-passkey-name", most = NAME_CHARS));
        return Ok(Told { renaming: id.to_owned(), ..wrong });
    };
    let renamed = ctx.state.flows.rename_authenticator(&at(who), Named::Address(id), &name, &ctx.client()).await?;
    match renamed {
        Renamed::Renamed => Ok(Told::done(text!("addresses-renamed", name = name))),
        Renamed::NotFound => Ok(Told::default()),
        Renamed::ProveFirst(_) => Err(prove_first(destination)),
        Renamed::Gone => Err(sign_in(destination)),
    }
}

async fn remove(
    ctx: &mut Context,
    who: &CurrentSession,
    fields: &FormFields,
    destination: &Destination,
) -> Result<Told, HandlerError> {
    let id = fields.get("id");
    let listed = ctx.state.flows.addresses_of(&who.session).await?;
    let value = listed.into_iter().find(|address| address.id == id).map(|address| address.value);
    let (flows, destinations) = (&ctx.state.flows, &ctx.state.destinations);
    let removed = flows.remove_address(&at(who), id, keep_sessions::others(fields), destinations, &ctx.client()).await;
    match ctx.record_events(removed)? {
        AddressRemoved::Removed => Ok(Told::done(text!("addresses-removed", address = value.unwrap_or_default()))),
        AddressRemoved::NotFound => Ok(Told::default()),
        AddressRemoved::Needed(rule) => Ok(Told::wrong(LIST, text!("addresses-needed", rule = rule))),
        AddressRemoved::ProveFirst(_) => Err(prove_first(destination)),
        AddressRemoved::Gone => Err(sign_in(destination)),
    }
}

fn at(who: &CurrentSession) -> CeremonyRef {
    CeremonyRef::Session(who.token.clone(), who.session.clone())
}

/// Who is signed in and has proved enough lately.
async fn owner(ctx: &Context, destination: &Destination) -> Result<CurrentSession, HandlerError> {
    let who = ctx.current_session(false).await?.ok_or_else(|| sign_in(destination))?;
    match ctx.state.flows.before_addresses(&at(&who), &ctx.client()).await? {
        Some(MethodSet::EMPTY) => Ok(who),
        Some(_) => Err(prove_first(destination)),
        None => Err(sign_in(destination)),
    }
}

fn prove_first(destination: &Destination) -> HandlerError {
    see_other(&destination.with_action(RequestedAction::Addresses).page_url("step-up"), "addresses").into()
}

fn sign_in(destination: &Destination) -> HandlerError {
    see_other(&destination.with_action(RequestedAction::Addresses).page_url("login"), "addresses").into()
}

async fn form(ctx: &Context, who: &CurrentSession, told: Told) -> Result<Reply, HandlerError> {
    let flows = &ctx.state.flows;
    let (codes, served) = (&flows.settings.codes, flows.settings.offer_at(&ctx.info.host).served);
    let enrolled = flows.enrolled_of(&who.session).await?;
    let all = &enrolled.addresses;
    let first = |kind| all.iter().find(|address| address.kind == kind).map(|address| address.id.clone());
    let newest = AddressKind::ALL.map(first);
    let listed = all.iter().map(|address| ListedAddress {
        newest: newest.contains(&Some(address.id.clone())),
        since: format::moment(address.confirmed_at),
        id: address.id.clone(),
        value: address.value.clone(),
        name: enrolled.name_of(&address.id).unwrap_or_default().to_owned(),
    });
    let waiting = flows.address_to_confirm(&at(who), &ctx.client()).await?.map(|(kind, value)| WaitingAddress {
        channel: kind.name(),
        value,
        hint: text!("prompt-sent-code-hint", digits = codes.shape(kind).digits),
        span: format::span(codes.shape(kind).lifetime),
        wait: format::wait(codes.limits.address.refill),
        sent: told.sent,
    });
    let (shell, username) = (ctx.shell(), &who.session.identity.username);
    let of = form_owner::tag(ctx, username);
    let status = if told.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let shown = AddressesPage {
        shell: &shell,
        errors: told.errors,
        account: username.as_str(),
        host: &ctx.info.authority,
        done: told.done,
        listed: listed.collect(),
        waiting,
        mail: served.contains(AddressKind::Email.method()),
        sms: served.contains(AddressKind::Sms.method()),
        renaming: &told.renaming,
        typed: &told.typed,
        keeps: keep_sessions::box_of(ctx, &who.session.identity.id, Some(&who.session)).await?,
        of: &of,
    };
    Ok(page(status, "addresses", &shown))
}
