//! The account of the caller for machines: what it holds, its name for people, its password.

use http::StatusCode;

use super::account_types::{AccountBody, AccountChangeBody, PasswordBody};
use super::enrolling::prove_first;
use super::login::code_method;
use super::types::{Opening, ProblemBody};
use super::{body, busy, delivered, factor_locked, json, opening, own_rejected, rejected, require_session};
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::factor::password::Unfit;
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::reply::{
    AccountOverview, CeremonyRef, OtherSessions, PasswordChanged, PasswordWish, ProfileChanged, ProofsAlong, Rejection,
    Unproved,
};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::messages::text;
use crate::portal::new_password;
use crate::portal::pages::method_names;
use crate::portal::reply::Reply;

/// What the account of the caller holds.
#[utoipa::path(get, path = "/.stepgate/api/v1/account", tag = "account", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = AccountBody),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn read(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    Ok(json(&account(ctx, &who).await?))
}

/// Change the name for people. The user name and the groups are an operator's to change; apps are told the new name from
/// the next sign-in on.
#[utoipa::path(patch, path = "/.stepgate/api/v1/account", request_body = AccountChangeBody, tag = "account",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = AccountBody),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "`unknown_field`: `field` names what cannot be changed here; or `unfit_name`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn change(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let fields: serde_json::Map<String, serde_json::Value> = body(ctx)?;
    if let Some(field) = fields.keys().find(|field| *field != "name") {
        let problem =
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_field", text!("problem-unknown-field-title"));
        return Err(HandlerError::from(problem.with("field", field.as_str())));
    }
    let AccountChangeBody { name } = body(ctx)?;
    if let Some(name) = name {
        let unfit = || {
            let title = text!("problem-unfit-name-title");
            HandlerError::from(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit_name", title))
        };
        let name = name.map(|name| Flows::person_name(&name).ok_or_else(unfit)).transpose()?;
        let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
        match ctx.record_events(ctx.state.flows.rename_person(&at, name, &ctx.script()).await)? {
            ProfileChanged::Changed => {}
            ProfileChanged::ProveFirst(methods) => return Err(HandlerError::from(prove_first(methods))),
            ProfileChanged::Gone => return Err(HandlerError::from(rejected(&ctx.info, Rejection::SessionGone))),
        }
    }
    Ok(json(&account(ctx, &who).await?))
}

/// Set another password. It takes proofs of the last minutes, as strong as the account can give: earlier in the session, or
/// along with it. The session goes on under a new token; the others end, unless they are kept.
#[utoipa::path(post, path = "/.stepgate/api/v1/account/password", request_body = PasswordBody, tag = "account",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Opening),
    (status = 401, description = "`wrong_credentials`, `wrong_otp` or `not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first; or `factor_locked`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "`unfit_password`: `reason` says why it is not taken, `least` how many characters it needs", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn change_password(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let given: PasswordBody = body(ctx)?;
    let method = given.method.as_deref().map(code_method).transpose()?.unwrap_or(Method::Totp);
    let along = ProofsAlong {
        password: given.current_password.map(|field| field.0),
        code: given.code.map(|field| (method, field.0)),
    };
    let wish = PasswordWish { password: given.new_password.0, along, others: OtherSessions::kept(given.keep_sessions) };
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let changed = ctx.record_events(ctx.state.flows.change_password(&at, wish, &ctx.script()).await)?;
    Ok(match changed {
        PasswordChanged::Changed(opened) => {
            let answer = json(&opening(ctx, &opened, who.by_cookie));
            delivered(ctx, answer, &opened, who.by_cookie)
        }
        PasswordChanged::Unfit(unfit) => unfit_password(unfit).reply(&ctx.info),
        PasswordChanged::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
        PasswordChanged::Unproved(unproved) => unproved_reply(ctx, unproved),
        PasswordChanged::Busy => busy(ctx),
        PasswordChanged::Gone => rejected(&ctx.info, Rejection::SessionGone).reply(&ctx.info),
    })
}

/// Why proofs that came along with a change are none.
pub(super) fn unproved_reply(ctx: &Context, unproved: Unproved) -> Reply {
    match unproved {
        Unproved::Rejected(rejection) => own_rejected(&ctx.info, rejection).reply(&ctx.info),
        Unproved::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        Unproved::Locked(locked) => factor_locked(locked).reply(&ctx.info),
        Unproved::Busy => busy(ctx),
    }
}

/// 422: a new password that is not taken.
pub(super) fn unfit_password(unfit: Unfit) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit_password", new_password::reason(unfit));
    let problem = problem.with("reason", unfit.code());
    match unfit {
        Unfit::TooShort { least, .. } => problem.with("least", least),
        _ => problem,
    }
}

async fn account(ctx: &Context, who: &CurrentSession) -> Result<AccountBody, HandlerError> {
    match ctx.state.flows.overview(&who.session).await? {
        Some(overview) => Ok(account_body(overview, who.session.previous_login)),
        None => Err(HandlerError::from(rejected(&ctx.info, Rejection::SessionGone))),
    }
}

/// What is told of an account. `previous`: when its person had signed in before the session that asks.
pub(super) fn account_body(overview: AccountOverview, previous: Option<Timestamp>) -> AccountBody {
    let AccountOverview { identity, enrolled, methods, locked, .. } = overview;
    let of_kind = |kind| {
        let all = enrolled.addresses.iter().filter(move |address| address.kind == kind);
        all.map(|address| address.value.clone()).collect()
    };
    AccountBody {
        emails: of_kind(AddressKind::Email),
        phones: of_kind(AddressKind::Sms),
        username: identity.username.as_str().to_owned(),
        name: identity.name,
        email: identity.email,
        groups: identity.groups.into_iter().map(|group| group.0).collect(),
        created_at: overview.created_at.rfc3339(),
        last_login_at: previous.map(Timestamp::rfc3339),
        mfa_enabled: overview.has_second_factor,
        methods: method_names(methods),
        locked: method_names(locked),
        backup_codes_left: enrolled.backup.as_ref().map_or(0, |set| set.left),
        passkeys: enrolled.passkeys.len(),
        totp_name: enrolled.app_name().map(str::to_owned),
    }
}
