//! Deleting one's account, for machines.

use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::address_types::CodeSent;
use super::enrolling::prove_first;
use super::login_link::{LinkTokenBody, link_over};
use super::types::{MethodName, ProblemBody, SecretField};
use super::{body, busy, factor_locked, json_with, own_rejected, rejected, require_session};
use crate::auth::link_token::LinkToken;
use crate::auth::proof::{Factor, Method};
use crate::flow::reply::{CeremonyRef, DeletionAsked, DeletionConfirmed, Rejection, Submission};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// Asks for the link that deletes the account of the caller.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "correct horse battery", "code": "123456"}))]
pub(crate) struct AccountDeleteBody {
    /// It may be left out where it was proved in the session in the last five minutes.
    #[schema(value_type = Option<String>)]
    password: Option<SecretField>,
    /// A code of the strongest factor, where it was not proved in the session in the last five minutes. A passkey is proved by
    /// `elevate` before.
    #[schema(value_type = Option<String>)]
    code: Option<SecretField>,
    /// What the code is of. Default: `totp`, or `backup_code` where it looks like one.
    #[schema(value_type = Option<MethodName>)]
    method: Option<String>,
}

/// Mail the link that deletes the account of the caller. It takes the password and as much as the factors of the account can prove.
#[utoipa::path(post, path = "/.stepgate/api/v1/account/delete", request_body = AccountDeleteBody, tag = "account",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 202, description = "A link is on its way, unless too many were asked for", body = CodeSent),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_credentials`, `wrong_otp` or `not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first; or `factor_locked`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`address_missing`: there is no confirmed mail address; add one, or ask an administrator", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn ask(ctx: &mut Context) -> Result<Reply, HandlerError> {
    // Who has no session learns nothing of bodies.
    let who = require_session(ctx, false).await?;
    let given: AccountDeleteBody = body(ctx)?;
    let method = match given.method.as_deref().map(Method::from_name) {
        None => Method::Totp,
        Some(Some(method)) if matches!(method.factor(), Factor::Possession) => method,
        Some(_) => return Err(HandlerError::from(Problem::malformed(text!("problem-method-unknown-title")))),
    };
    let password = given.password.map(|password| Submission::Password(password.0));
    let code = given.code.map(|code| Submission::Code(method, code.0));
    let at = CeremonyRef::Session(who.token, who.session);
    let asked = ctx.state.flows.ask_deletion(&at, password.into_iter().chain(code).collect(), &ctx.script()).await;
    Ok(match ctx.record_events(asked)? {
        DeletionAsked::Sent { sent_to, expires_in } => {
            json_with(StatusCode::ACCEPTED, &CodeSent { expires_in: expires_in.as_secs(), sent_to })
        }
        DeletionAsked::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
        DeletionAsked::Rejected(rejection) => own_rejected(&ctx.info, rejection).reply(&ctx.info),
        DeletionAsked::Locked(locked) => factor_locked(locked).reply(&ctx.info),
        DeletionAsked::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        DeletionAsked::Busy => busy(ctx),
        DeletionAsked::NoAddress => {
            let title = text!("problem-address-missing-title");
            Problem::new(StatusCode::CONFLICT, "address_missing", title).reply(&ctx.info)
        }
        DeletionAsked::Gone => rejected(&ctx.info, Rejection::SessionGone).reply(&ctx.info),
    })
}

/// Delete the account of the link. Nothing else is asked: all that it takes was proved before the link was sent.
#[utoipa::path(post, path = "/.stepgate/api/v1/account/delete/confirm", request_body = LinkTokenBody, tag = "account", responses(
    (status = 204, description = "The account is gone"),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`link_over`: it is none, is too old, or the account was changed since", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`already_done`: this link was followed before", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn confirm(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: LinkTokenBody = body(ctx)?;
    let Some(token) = LinkToken::parse(given.token.0.expose()) else { return Ok(link_over(ctx)) };
    ctx.charge_token().await?;
    let confirmed = ctx.state.flows.confirm_deletion(&token, &ctx.script()).await;
    Ok(match ctx.record_events(confirmed)? {
        DeletionConfirmed::Erased => Reply::empty(StatusCode::NO_CONTENT, "api"),
        DeletionConfirmed::AlreadyDone => {
            let title = text!("problem-deleted-already-title");
            Problem::new(StatusCode::CONFLICT, "already_done", title).reply(&ctx.info)
        }
        DeletionConfirmed::Over => link_over(ctx),
    })
}
