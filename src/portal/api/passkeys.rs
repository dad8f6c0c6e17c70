//! Passkeys for machines: register, look at, rename, remove.

use http::StatusCode;

use super::address_types::NameBody;
use super::enrolling::{already_done, enrolling, prove_first};
use super::mfa_types::KeepSessionsBody;
use super::passkey_types::{Passkey, PasskeyBody, PasskeyList, PasskeyOptions, PasskeyOptionsBody, PasskeyRegistered};
use super::types::{Opening, ProblemBody, SecretField};
use super::{body, busy, delivered, json, json_with, opening, rejected, require_session};
use crate::auth::factor::passkey::{RegistrationResponse, challenge_name};
use crate::flow::Flows;
use crate::flow::reply::OtherSessions;
use crate::flow::reply::{
    CeremonyRef, CreationAsked, NewPasskey, PasskeyAdded, PasskeyRemoved, PasskeyWish, Rejection, Renamed,
};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// What the name of a challenge in a session begins with.
const IN_SESSION: &str = "sgp_";

/// Ask for what registers a passkey. `Authorization: Ceremony <ceremony>` may stand in for the field.
#[utoipa::path(post, path = "/.stepgate/api/v1/passkeys/options", request_body = PasskeyOptionsBody, tag = "passkeys",
    security(("bearer" = []), ("cookie" = []), ("ceremony" = [])), responses(
    (status = 200, body = PasskeyOptions),
    (status = 401, description = "`not_signed_in` or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`no_passkeys_here`: they are off, or browsers know none at this host", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn options(ctx: &Context) -> Result<Reply, HandlerError> {
    let given: PasskeyOptionsBody = body(ctx)?;
    let (who, _) = enrolling(ctx, given.ceremony).await?;
    let wish = PasskeyWish { name: given.name.as_deref(), ..PasskeyWish::default() };
    match ctx.state.flows.ask_wished_passkey(&who, wish, &ctx.script()).await? {
        CreationAsked::Asked(options) => {
            Ok(json(&PasskeyOptions::new(ceremony(&who, options.challenge_name()), options.as_ref())?))
        }
        CreationAsked::ProveFirst(methods) => Err(HandlerError::from(prove_first(methods))),
        CreationAsked::NotOffered => Err(HandlerError::from(not_here())),
        CreationAsked::Gone => Err(HandlerError::from(rejected(&ctx.info, gone(&who)))),
    }
}

/// Register a passkey. The session opens or rises: callers by cookie get a new cookie, others a new token.
#[utoipa::path(post, path = "/.stepgate/api/v1/passkeys", request_body = PasskeyBody, tag = "passkeys",
    security(("bearer" = []), ("cookie" = []), ("ceremony" = [])), responses(
    (status = 201, body = PasskeyRegistered),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_passkey`, `not_signed_in` or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`already_done`: it was registered a moment ago", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn add(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: PasskeyBody = body(ctx)?;
    let answered = || RegistrationResponse::parse(given.credential.0.expose()).ok()?.claimed_challenge();
    let ceremony = of_sign_in(ctx, given.ceremony, answered)?;
    let (who, by_cookie) = enrolling(ctx, ceremony).await?;
    let flows = &ctx.state.flows;
    let others = OtherSessions::kept(given.keep_sessions);
    let made = NewPasskey { name: given.name.as_deref(), credential: &given.credential.0, others };
    let added = flows.add_passkey(&who, made, &ctx.script()).await;
    Ok(match ctx.record_events(added)? {
        PasskeyAdded::Added { passkey, backup_codes, opened } => {
            let registered = PasskeyRegistered {
                id: passkey.id.clone(),
                name: passkey.name.clone(),
                bound: !passkey.backup_eligible,
                backup_codes: backup_codes.iter().map(|code| code.expose().to_owned()).collect(),
                opening: opening(ctx, &opened, by_cookie),
            };
            delivered(ctx, json_with(StatusCode::CREATED, &registered), &opened, by_cookie)
        }
        PasskeyAdded::AlreadyDone => already_done().reply(&ctx.info),
        PasskeyAdded::Rejected(rejection) => rejected(&ctx.info, rejection).reply(&ctx.info),
        PasskeyAdded::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        PasskeyAdded::Busy => busy(ctx),
        PasskeyAdded::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
    })
}

/// The passkeys of the caller.
#[utoipa::path(get, path = "/.stepgate/api/v1/passkeys", tag = "passkeys", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = PasskeyList),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn list(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let passkeys = ctx.state.flows.passkeys_of(&who.session.identity.id).await?;
    Ok(json(&PasskeyList { passkeys: passkeys.iter().map(Passkey::of).collect() }))
}

/// Give a passkey another name. It takes what adding one takes.
#[utoipa::path(patch, path = "/.stepgate/api/v1/passkeys/{id}", request_body = NameBody, tag = "passkeys",
    params(("id" = String, Path, description = "As the list tells it")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "Renamed"),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn rename(ctx: &Context) -> Result<Reply, HandlerError> {
    let given: NameBody = body(ctx)?;
    let who = require_session(ctx, false).await?;
    let Some(name) = Flows::passkey_name(&given.name) else {
        return Err(HandlerError::from(Problem::malformed(text!("problem-passkey-name-title"))));
    };
    let at = CeremonyRef::Session(who.token, who.session);
    match ctx.state.flows.rename_passkey(&at, id(ctx), &name, &ctx.script()).await? {
        Renamed::Renamed => Ok(Reply::empty(StatusCode::NO_CONTENT, "api")),
        Renamed::ProveFirst(methods) => Err(HandlerError::from(prove_first(methods))),
        Renamed::NotFound => Err(HandlerError::Portal(PortalError::NotFound)),
        Renamed::Gone => Err(HandlerError::from(rejected(&ctx.info, Rejection::SessionGone))),
    }
}

/// Remove a passkey. The other sessions of the person end unless they wish to keep them, and this one goes on under a new token.
/// It takes what adding one takes.
#[utoipa::path(delete, path = "/.stepgate/api/v1/passkeys/{id}", tag = "passkeys",
    params(("id" = String, Path, description = "As the list tells it")), request_body = KeepSessionsBody,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Opening),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`passkey_needed`: a rule that binds the person could not be met without it; `rule` names it", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn remove(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let KeepSessionsBody { keep_sessions } = body(ctx)?;
    let who = require_session(ctx, false).await?;
    let (flows, destinations) = (&ctx.state.flows, &ctx.state.destinations);
    let which = (id(ctx), OtherSessions::kept(keep_sessions));
    let removed = flows.remove_passkey(&who.token, &who.session, which, destinations, &ctx.script()).await;
    Ok(match ctx.record_events(removed)? {
        PasskeyRemoved::Removed(opened) => {
            let answer = json(&opening(ctx, &opened, who.by_cookie));
            delivered(ctx, answer, &opened, who.by_cookie)
        }
        PasskeyRemoved::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
        PasskeyRemoved::Needed { rule } => {
            let title = text!("problem-passkey-needed-title");
            Problem::new(StatusCode::CONFLICT, "passkey_needed", title).with("rule", rule).reply(&ctx.info)
        }
        PasskeyRemoved::NotFound => return Err(HandlerError::Portal(PortalError::NotFound)),
        PasskeyRemoved::Gone => rejected(&ctx.info, Rejection::SessionGone).reply(&ctx.info),
    })
}

/// 409: there are none here.
pub(super) fn not_here() -> Problem {
    Problem::new(StatusCode::CONFLICT, "no_passkeys_here", text!("problem-no-passkeys-here-title"))
}

pub(super) const fn gone(who: &CeremonyRef) -> Rejection {
    match who {
        CeremonyRef::SignIn(_) => Rejection::CeremonyGone,
        CeremonyRef::Session(..) => Rejection::SessionGone,
    }
}

/// What goes on: the sign-in, or the challenge of a session, by its name.
pub(super) fn ceremony(who: &CeremonyRef, challenge: String) -> String {
    match who {
        CeremonyRef::SignIn(token) => token.expose().to_owned(),
        CeremonyRef::Session(..) => format!("{IN_SESSION}{challenge}"),
    }
}

/// The ceremony of a sign-in that a caller goes on with; `None`: the session stands for itself. What an answer is said to
/// belong to, it must answer.
pub(super) fn of_sign_in(
    ctx: &Context,
    given: Option<SecretField>,
    answered: impl FnOnce() -> Option<Vec<u8>>,
) -> Result<Option<SecretField>, HandlerError> {
    let Some(name) = given.as_ref().and_then(|given| given.0.expose().strip_prefix(IN_SESSION)) else {
        return Ok(given);
    };
    match answered() {
        Some(challenge) if challenge_name(&challenge) == name => Ok(None),
        _ => Err(HandlerError::from(rejected(&ctx.info, Rejection::CeremonyGone))),
    }
}

/// The last part of the path.
fn id(ctx: &Context) -> &str {
    ctx.path.rsplit('/').next().unwrap_or_default()
}
