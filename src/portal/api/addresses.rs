//! Addresses for machines: give one, confirm it by a code, look at them, remove one.

use http::StatusCode;

use super::address_types::{Address, AddressBody, AddressCodeBody, AddressList, CodeSent, NameBody};
use super::codes::{channel, channel_off};
use super::enrolling::{already_done, prove_first};
use super::mfa_types::KeepSessionsBody;
use super::types::ProblemBody;
use super::{body, json, json_with, rejected, require_session};
use crate::auth::address::phone_number::NumberRefusal;
use crate::auth::factor::authenticator::{AddressRecord, Enrolled};
use crate::flow::Flows;
use crate::flow::reply::{
    AddressAsked, AddressConfirmed, AddressRemoved, CeremonyRef, Named, OtherSessions, Rejection, Renamed,
};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// The confirmed addresses of the caller.
#[utoipa::path(get, path = "/.stepgate/api/v1/addresses", tag = "addresses", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = AddressList),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn list(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let enrolled = ctx.state.flows.enrolled_of(&who.session).await?;
    Ok(json(&AddressList { addresses: listed(&enrolled) }))
}

/// Send a code to an address of the caller, who has just proved all that the account can prove.
#[utoipa::path(post, path = "/.stepgate/api/v1/addresses", request_body = AddressBody, tag = "addresses",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 202, description = "A code is on its way there, unless too many were asked for", body = CodeSent),
    (status = 400, description = "`unusable_address`: no code can be sent there", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`code_used_up` or `not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`channel_off`, `address_known` or `too_many_addresses`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn add(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: AddressBody = body(ctx)?;
    let kind = channel(&given.channel)?;
    let at = session(ctx).await?;
    let asked = ctx.record_events(ctx.state.flows.add_address(&at, kind, &given.address, &ctx.script()).await)?;
    let conflict = |code, title| Problem::new(StatusCode::CONFLICT, code, title).reply(&ctx.info);
    Ok(match asked {
        AddressAsked::Sent { to, expires_in } => {
            json_with(StatusCode::ACCEPTED, &CodeSent { expires_in: expires_in.as_secs(), sent_to: to })
        }
        AddressAsked::UsedUp => rejected(&ctx.info, Rejection::CodeUsedUp).reply(&ctx.info),
        AddressAsked::Unusable(why) => {
            Problem::new(StatusCode::BAD_REQUEST, "unusable_address", unusable(why)).reply(&ctx.info)
        }
        AddressAsked::Known => conflict("address_known", text!("problem-address-known-title")),
        AddressAsked::TooMany => conflict("too_many_addresses", text!("problem-too-many-addresses-title")),
        AddressAsked::NotServed => channel_off().reply(&ctx.info),
        AddressAsked::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
        AddressAsked::Gone => rejected(&ctx.info, Rejection::SessionGone).reply(&ctx.info),
    })
}

/// Confirm the address by the code that was sent there. From then on it counts.
#[utoipa::path(post, path = "/.stepgate/api/v1/addresses/confirm", request_body = AddressCodeBody, tag = "addresses",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "It counts"),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_otp`, `no_code`, `code_used_up` or `not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`address_taken`: it is of another account; or `already_done`: it was confirmed a moment ago", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn confirm(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: AddressCodeBody = body(ctx)?;
    let at = session(ctx).await?;
    let confirmed = {
        let others = OtherSessions::kept(given.keep_sessions);
        ctx.record_events(ctx.state.flows.confirm_address(&at, &given.code.0, others, &ctx.script()).await)?
    };
    Ok(match confirmed {
        AddressConfirmed::Added(_) => Reply::empty(StatusCode::NO_CONTENT, "api"),
        AddressConfirmed::AlreadyDone => already_done().reply(&ctx.info),
        AddressConfirmed::Rejected(rejection) => rejected(&ctx.info, rejection).reply(&ctx.info),
        AddressConfirmed::Taken => {
            Problem::new(StatusCode::CONFLICT, "address_taken", text!("problem-address-taken-title")).reply(&ctx.info)
        }
        AddressConfirmed::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        AddressConfirmed::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
        AddressConfirmed::Gone => rejected(&ctx.info, Rejection::SessionGone).reply(&ctx.info),
    })
}

/// Give an address a name. It takes what adding one takes.
#[utoipa::path(patch, path = "/.stepgate/api/v1/addresses/{id}", request_body = NameBody, tag = "addresses",
    params(("id" = String, Path, description = "As the list names it")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "It is called so"),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn rename(ctx: &Context) -> Result<Reply, HandlerError> {
    let given: NameBody = body(ctx)?;
    let id = ctx.path.rsplit('/').next().unwrap_or_default();
    named(ctx, Named::Address(id), &given.name).await
}

/// Remove an address. It takes what adding one takes.
#[utoipa::path(delete, path = "/.stepgate/api/v1/addresses/{id}", tag = "addresses",
    params(("id" = String, Path, description = "As the list names it")), request_body = KeepSessionsBody,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "It counts no more"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`address_needed`: a rule that binds the person could not be met without it; `rule` names it", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn remove(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let KeepSessionsBody { keep_sessions } = body(ctx)?;
    let at = session(ctx).await?;
    let id = ctx.path.rsplit('/').next().unwrap_or_default().to_owned();
    let (flows, destinations) = (&ctx.state.flows, &ctx.state.destinations);
    let removed = flows.remove_address(&at, &id, OtherSessions::kept(keep_sessions), destinations, &ctx.script()).await;
    Ok(match ctx.record_events(removed)? {
        AddressRemoved::Removed => Reply::empty(StatusCode::NO_CONTENT, "api"),
        AddressRemoved::NotFound => return Err(HandlerError::Portal(PortalError::NotFound)),
        AddressRemoved::Needed(rule) => {
            let title = text!("problem-address-needed-title");
            Problem::new(StatusCode::CONFLICT, "address_needed", title).with("rule", rule).reply(&ctx.info)
        }
        AddressRemoved::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
        AddressRemoved::Gone => rejected(&ctx.info, Rejection::SessionGone).reply(&ctx.info),
    })
}

/// The addresses of somebody, as they are told.
pub(super) fn listed(enrolled: &Enrolled) -> Vec<Address> {
    let address = |address: &AddressRecord| Address {
        channel: address.kind.name(),
        confirmed_at: address.confirmed_at.rfc3339(),
        id: address.id.clone(),
        address: address.value.clone(),
        name: enrolled.name_of(&address.id).map(str::to_owned),
    };
    enrolled.addresses.iter().map(address).collect()
}

/// What becomes of a name for an address or an app.
pub(super) async fn named(ctx: &Context, what: Named<'_>, name: &str) -> Result<Reply, HandlerError> {
    let at = session(ctx).await?;
    let Some(name) = Flows::passkey_name(name) else {
        return Err(HandlerError::from(Problem::malformed(text!("problem-passkey-name-title"))));
    };
    match ctx.state.flows.rename_authenticator(&at, what, &name, &ctx.script()).await? {
        Renamed::Renamed => Ok(Reply::empty(StatusCode::NO_CONTENT, "api")),
        Renamed::ProveFirst(methods) => Err(HandlerError::from(prove_first(methods))),
        Renamed::NotFound => Err(HandlerError::Portal(PortalError::NotFound)),
        Renamed::Gone => Err(HandlerError::from(rejected(&ctx.info, Rejection::SessionGone))),
    }
}

async fn session(ctx: &Context) -> Result<CeremonyRef, HandlerError> {
    let who = require_session(ctx, false).await?;
    Ok(CeremonyRef::Session(who.token, who.session))
}

/// Why no code can be sent there.
fn unusable(why: NumberRefusal) -> String {
    match why {
        NumberRefusal::Malformed => text!("problem-address-malformed-title"),
        NumberRefusal::Kind => text!("problem-number-kind-title"),
        NumberRefusal::Country => text!("problem-number-country-title"),
    }
}
