//! Enrolling TOTP for machines: by a session, or by the ceremony of a login that answered `enrollment_required`.

use http::StatusCode;

use super::address_types::NameBody;
use super::addresses;
use super::enrolling::{already_done, enrolling, expired, prove_first};
use super::types::{Enrolled, PendingTotp, ProblemBody, TotpBody, TotpConfirmBody};
use super::{body, busy, delivered, json, opening, rejected};
use crate::flow::reply::{
    CeremonyRef, ConfirmReply, EnrollReply, Named, OtherSessions, PendingTotp as Pending, Rejection,
};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::qr;
use crate::portal::reply::Reply;

/// Begin, or go on with, enrolling TOTP. `Authorization: Ceremony <ceremony>` may stand in for the field.
#[utoipa::path(post, path = "/.stepgate/api/v1/totp", request_body = TotpBody, tag = "totp",
    security(("bearer" = []), ("cookie" = []), ("ceremony" = [])), responses(
    (status = 200, body = PendingTotp),
    (status = 401, description = "`not_signed_in` or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn begin(ctx: &Context) -> Result<Reply, HandlerError> {
    let given: TotpBody = body(ctx)?;
    let (who, _) = enrolling(ctx, given.ceremony).await?;
    let pending = pending(ctx, &who).await?;
    let uri = pending.uri.expose();
    Ok(json(&PendingTotp {
        secret: pending.secret.expose().to_owned(),
        qr_svg: qr::svg(uri).ok_or(HandlerError::Portal(PortalError::Unavailable))?,
        otpauth_uri: uri.to_owned(),
    }))
}

/// Confirm the enrolment. The session opens or rises: callers by cookie get a new cookie, others a new token.
#[utoipa::path(post, path = "/.stepgate/api/v1/totp/confirm", request_body = TotpConfirmBody, tag = "totp",
    security(("bearer" = []), ("cookie" = []), ("ceremony" = [])), responses(
    (status = 200, body = Enrolled),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_otp`, `not_signed_in` or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`already_done`: it was confirmed a moment ago", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn confirm(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: TotpConfirmBody = body(ctx)?;
    let (who, by_cookie) = enrolling(ctx, given.ceremony).await?;
    let others = OtherSessions::kept(given.keep_sessions);
    let reply = ctx.record_events(ctx.state.flows.confirm_totp(&who, given.code.0, others, &ctx.script()).await)?;
    let answer = match reply {
        ConfirmReply::Enrolled { backup_codes, opened } => {
            let backup_codes = backup_codes.iter().map(|c| c.expose().to_owned()).collect();
            let answer = json(&Enrolled { backup_codes, opening: opening(ctx, &opened, by_cookie) });
            delivered(ctx, answer, &opened, by_cookie)
        }
        ConfirmReply::AlreadyDone => already_done().reply(&ctx.info),
        ConfirmReply::Rejected(rejection) => rejected(&ctx.info, rejection).reply(&ctx.info),
        ConfirmReply::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        ConfirmReply::Busy => busy(ctx),
        ConfirmReply::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
    };
    Ok(answer)
}

/// Give the authenticator app a name. It takes what replacing it takes.
#[utoipa::path(patch, path = "/.stepgate/api/v1/totp", request_body = NameBody, tag = "totp",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "It is called so"),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: there is none", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn rename(ctx: &Context) -> Result<Reply, HandlerError> {
    let given: NameBody = body(ctx)?;
    addresses::named(ctx, Named::App, &given.name).await
}

/// The pending secret as a picture.
#[utoipa::path(get, path = "/.stepgate/api/v1/totp/qr.png", tag = "totp",
    security(("bearer" = []), ("cookie" = []), ("ceremony" = [])), responses(
    (status = 200, description = "The QR code", content_type = "image/png"),
    (status = 401, description = "`not_signed_in` or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: nothing waits to be confirmed", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn picture(ctx: &Context) -> Result<Reply, HandlerError> {
    let (who, _) = enrolling(ctx, None).await?;
    let pending = ctx.state.flows.pending_totp(&who, &ctx.script()).await?;
    let pending = pending.ok_or(HandlerError::Portal(PortalError::NotFound))?;
    let png = qr::png(pending.uri.expose()).ok_or(HandlerError::Portal(PortalError::Unavailable))?;
    Ok(Reply::new(StatusCode::OK, "api", "image/png", png))
}

async fn pending(ctx: &Context, who: &CeremonyRef) -> Result<Pending, HandlerError> {
    match ctx.state.flows.begin_totp(who, &ctx.script()).await? {
        EnrollReply::Pending(pending) => Ok(pending),
        EnrollReply::ProveFirst(methods) => Err(HandlerError::from(prove_first(methods))),
        EnrollReply::Gone => Err(match who {
            CeremonyRef::SignIn(_) => expired(ctx, Rejection::CeremonyGone),
            CeremonyRef::Session(..) => expired(ctx, Rejection::SessionGone),
        }),
    }
}
