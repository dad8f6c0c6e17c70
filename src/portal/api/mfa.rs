//! Turning off two-step sign-in, for machines.

use http::StatusCode;

use super::account::unproved_reply;
use super::enrolling::prove_first;
use super::mfa_types::{DisableBody, MfaOff};
use super::types::ProblemBody;
use super::{body, json, rejected, require_session};
use crate::auth::proof::Method;
use crate::flow::ports::DisabledFactors;
use crate::flow::reply::{CeremonyRef, DisableWish, MfaDisabled, OtherSessions, ProofsAlong, Rejection};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// Turn off every second factor: the authenticator app, passkeys and backup codes. Addresses stay. The other sessions of the
/// person end.
#[utoipa::path(delete, path = "/.stepgate/api/v1/mfa", request_body = DisableBody, tag = "mfa",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "They are off. The entry in the authenticator app is of no use any more"),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_credentials`, `wrong_otp`, `wrong_passkey` or `not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods`, too; or `factor_locked`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`mfa_already_disabled`, or `mfa_required_by_policy`: a rule that binds the person could not be met any more; `rule` names it", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn remove(ctx: &mut Context) -> Result<Reply, HandlerError> {
    turn_off(ctx, DisabledFactors::All, Reply::empty(StatusCode::NO_CONTENT, "api")).await
}

/// The same, with words for the person.
#[utoipa::path(post, path = "/.stepgate/api/v1/mfa/disable", request_body = DisableBody, tag = "mfa",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = MfaOff),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_credentials`, `wrong_otp`, `wrong_passkey` or `not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods`, too; or `factor_locked`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`mfa_already_disabled`, or `mfa_required_by_policy`: a rule that binds the person could not be met any more; `rule` names it", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn disable(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let off = MfaOff { status: "disabled", mfa_enabled: false, message: text!("mfa-off-reminder") };
    turn_off(ctx, DisabledFactors::All, json(&off)).await
}

/// Turn off the authenticator app, and backup codes where nothing else is left that they stand in for.
#[utoipa::path(delete, path = "/.stepgate/api/v1/totp", request_body = DisableBody, tag = "totp",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "It is off. The entry in the app is of no use any more"),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_credentials`, `wrong_otp`, `wrong_passkey` or `not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods`, too; or `factor_locked`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`mfa_already_disabled`, or `mfa_required_by_policy`: a rule that binds the person could not be met any more; `rule` names it", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn remove_app(ctx: &mut Context) -> Result<Reply, HandlerError> {
    turn_off(ctx, DisabledFactors::App, Reply::empty(StatusCode::NO_CONTENT, "api")).await
}

async fn turn_off(ctx: &mut Context, factors: DisabledFactors, done: Reply) -> Result<Reply, HandlerError> {
    let DisableBody { password, code, assertion, keep_sessions } = body(ctx)?;
    let who = require_session(ctx, false).await?;
    let code = match (code, assertion) {
        (Some(_), Some(_)) => return Err(HandlerError::from(Problem::malformed(text!("problem-proof-missing-title")))),
        (Some(code), None) => Some((Method::Totp, code.0)),
        (None, assertion) => assertion.map(|assertion| (Method::Passkey, assertion.0)),
    };
    let along = ProofsAlong { password: password.map(|password| password.0), code };
    let wish = DisableWish { factors, along, others: OtherSessions::kept(keep_sessions) };
    let (at, flows) = (CeremonyRef::Session(who.token, who.session), &ctx.state.flows);
    let disabled = flows.disable_mfa(&at, wish, &ctx.state.destinations, &ctx.script()).await;
    Ok(match ctx.record_events(disabled)? {
        MfaDisabled::Disabled => done,
        MfaDisabled::AlreadyDisabled => {
            Problem::new(StatusCode::CONFLICT, "mfa_already_disabled", text!("problem-mfa-off-title")).reply(&ctx.info)
        }
        MfaDisabled::Needed { rule } => {
            let title = text!("problem-mfa-needed-title");
            Problem::new(StatusCode::CONFLICT, "mfa_required_by_policy", title).with("rule", rule).reply(&ctx.info)
        }
        MfaDisabled::Unproved(unproved) => unproved_reply(ctx, unproved),
        MfaDisabled::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
        MfaDisabled::Gone => rejected(&ctx.info, Rejection::SessionGone).reply(&ctx.info),
    })
}
