//! Recovery for machines: a letter, what is proved, what is set. It never ends in a token of a session.

use std::time::Duration;

use http::StatusCode;
use http::header::AUTHORIZATION;

use super::account::unfit_password;
use super::login::submission;
use super::recover_types::{
    RecoverAnswer, RecoverAsked, RecoverAssertion, RecoverAssertionBody, RecoverBody, RecoverFinishBody,
    RecoverFinished, RecoverTotpBody, RecoverVerifyBody, RecoverVerifyRequest, RecoveryWaits, ResetRequired,
};
use super::types::{PendingTotp, ProblemBody, SecretField};
use super::{body, busy, factor_locked, json, json_with, rejected};
use crate::auth::recovery_token::RecoveryToken;
use crate::flow::reply::{
    AssertionAsked, RecoveredTotp, RecoveryCode, RecoveryProof, RecoveryReply, Rejection, Renewal, RenewalReply,
};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::messages::text;
use crate::portal::pages::method_names;
use crate::portal::qr;
use crate::portal::reply::{Cause, Reply};
use crate::portal::request_info::RequestInfo;

/// Say that somebody cannot sign in. A code goes by mail, if there is somebody of that name.
#[utoipa::path(post, path = "/.stepgate/api/v1/recover", request_body = RecoverBody, tag = "recovery", responses(
    (status = 202, description = "A letter is on its way if there is somebody to send it to, unless too many were asked for", body = RecoverAsked),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`recovery_off`: only an administrator helps here", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn ask(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: RecoverBody = body(ctx)?;
    let (flows, client) = (&ctx.state.flows, ctx.script());
    let asked = match (&given.username, &given.email) {
        (Some(username), None) => flows.ask_recovery(username, &client).await,
        (None, Some(email)) => flows.ask_recovery_by_address(email, &client).await,
        _ => return Err(HandlerError::from(Problem::malformed(text!("problem-recover-whom-title")))),
    };
    match ctx.record_events(asked)? {
        Some(lives) => Ok(json_with(StatusCode::ACCEPTED, &RecoverAsked { expires_in: lives.as_secs() })),
        None => Ok(recovery_off().reply(&ctx.info)),
    }
}

/// Prove that the letter was read, and more. Who has nothing more, or says `wait`, waits.
#[utoipa::path(post, path = "/.stepgate/api/v1/recover/verify", request_body = RecoverVerifyRequest, tag = "recovery", responses(
    (status = 200, body = RecoverAnswer),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`no_code`: it is none, or too old; `wrong_otp` or `wrong_passkey`: the second proof, or the code of an administrator", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`second_proof_required`: give one of `methods` as `second`, or say `wait`; or `factor_locked`: switched off after too many wrong codes", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`already_done`: the code has led on", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn verify(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: RecoverVerifyBody = body(ctx)?;
    let second = given.second.map(|second| submission(&second.method, second.code, second.assertion)).transpose()?;
    let code = match given.username {
        Some(username) => RecoveryCode::Issued { username, code: given.code.0 },
        None => RecoveryCode::Mailed(given.code.0),
    };
    let proof = RecoveryProof { code, second, wait: given.wait.unwrap_or_default() };
    let reply = ctx.record_events(ctx.state.flows.verify_recovery(proof, &ctx.script()).await)?;
    Ok(match reply {
        RecoveryReply::Granted(grant) => {
            let settings = &ctx.state.flows.settings;
            let can = grant.can.names(settings.offer_at(&ctx.info.host), settings.backup_codes > 0);
            json(&RecoverAnswer::Reset(ResetRequired {
                status: "reset_required",
                ceremony: grant.token.expose().to_owned(),
                can,
                expires_in: grant.expires_in.as_secs(),
            }))
        }
        RecoveryReply::Waiting { ready_at, methods } => json(&RecoverAnswer::Waits(RecoveryWaits {
            status: "waiting",
            ready_at: ready_at.rfc3339(),
            methods: method_names(methods.named()),
        })),
        RecoveryReply::Ask { methods, wait } => {
            let title = match wait {
                Some(_) => text!("problem-second-proof-or-wait-title"),
                None => text!("problem-second-proof-title"),
            };
            let problem = Problem::new(StatusCode::FORBIDDEN, "second_proof_required", title);
            problem.with("methods", method_names(methods.named())).reply(&ctx.info)
        }
        RecoveryReply::Done => already_done().reply(&ctx.info),
        RecoveryReply::Rejected(rejection) => rejected(&ctx.info, rejection).reply(&ctx.info),
        RecoveryReply::Locked(locked) => factor_locked(locked).reply(&ctx.info),
        RecoveryReply::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        RecoveryReply::Busy => busy(ctx),
    })
}

/// Ask for what a passkey signs as a second proof.
#[utoipa::path(post, path = "/.stepgate/api/v1/recover/assertion", request_body = RecoverAssertionBody, tag = "recovery", responses(
    (status = 200, body = RecoverAssertion),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`no_code`: it is none, or too old", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`no_passkey`: the person has none that counts here", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn assertion(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: RecoverAssertionBody = body(ctx)?;
    ctx.charge_token().await?;
    Ok(match ctx.state.flows.ask_recovery_assertion(&given.code.0, &ctx.script()).await? {
        AssertionAsked::Asked(options) => {
            let public_key = serde_json::to_value(options.as_ref()).map_err(|_| PortalError::Unavailable)?;
            json(&RecoverAssertion { public_key })
        }
        AssertionAsked::NoPasskey => {
            Problem::new(StatusCode::CONFLICT, "no_passkey", text!("problem-no-passkey-title")).reply(&ctx.info)
        }
        AssertionAsked::Gone => rejected(&ctx.info, Rejection::NoCode).reply(&ctx.info),
    })
}

/// The secret of a new authenticator app, where one may be set. It counts once `recover/finish` brings its first code.
#[utoipa::path(post, path = "/.stepgate/api/v1/recover/totp", request_body = RecoverTotpBody, tag = "recovery",
    security((), ("ceremony" = [])), responses(
    (status = 200, body = PendingTotp),
    (status = 401, description = "`ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`not_allowed`: what was proved is not enough for that", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`already_done`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn totp(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: RecoverTotpBody = body(ctx)?;
    let token = recovering(ctx, given.ceremony)?;
    ctx.charge_token().await?;
    Ok(match ctx.state.flows.recovery_totp(&token, &ctx.script()).await? {
        RecoveredTotp::Pending(pending) => {
            let uri = pending.uri.expose();
            json(&PendingTotp {
                secret: pending.secret.expose().to_owned(),
                qr_svg: qr::svg(uri).ok_or(HandlerError::Portal(PortalError::Unavailable))?,
                otpauth_uri: uri.to_owned(),
            })
        }
        RecoveredTotp::Forbidden => not_allowed().reply(&ctx.info),
        RecoveredTotp::UnderWay => under_way(ctx),
        RecoveredTotp::Done => already_done().reply(&ctx.info),
        RecoveredTotp::Gone => recovery_over(&ctx.info).reply(&ctx.info),
    })
}

/// Set what was proved for, all of it or nothing. Every session and known browser ends; sign in anew.
#[utoipa::path(post, path = "/.stepgate/api/v1/recover/finish", request_body = RecoverFinishBody, tag = "recovery",
    security((), ("ceremony" = [])), responses(
    (status = 200, body = RecoverFinished),
    (status = 400, description = "`nothing_to_set`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`ceremony_over`; `wrong_otp`: the first code of the app", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`not_allowed`: what was proved is not enough for that", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`already_done`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "`unfit_password`: `reason` says why it is not taken, `least` how many characters it needs", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn finish(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: RecoverFinishBody = body(ctx)?;
    let token = recovering(ctx, given.ceremony)?;
    let renewal = Renewal {
        password: given.password.map(|password| password.0),
        totp_code: given.totp_code.map(|code| code.0),
        backup_codes: given.backup_codes.unwrap_or_default(),
    };
    let reply = ctx.record_events(ctx.state.flows.finish_recovery(&token, renewal, &ctx.script()).await)?;
    Ok(match reply {
        RenewalReply::Set { backup_codes, .. } => json(&RecoverFinished {
            status: "recovered",
            backup_codes: backup_codes.iter().map(|code| code.expose().to_owned()).collect(),
        }),
        RenewalReply::Nothing => {
            let title = text!("problem-nothing-to-set-title");
            Problem::new(StatusCode::BAD_REQUEST, "nothing_to_set", title).reply(&ctx.info)
        }
        RenewalReply::Forbidden => not_allowed().reply(&ctx.info),
        RenewalReply::Unfit(unfit) => unfit_password(unfit).reply(&ctx.info),
        RenewalReply::UnderWay => under_way(ctx),
        RenewalReply::Done => already_done().reply(&ctx.info),
        RenewalReply::Rejected(Rejection::CeremonyGone) => recovery_over(&ctx.info).reply(&ctx.info),
        RenewalReply::Rejected(rejection) => rejected(&ctx.info, rejection).reply(&ctx.info),
        RenewalReply::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        RenewalReply::Busy => busy(ctx),
    })
}

/// The token of a recovery, from the body or from `Authorization: Ceremony`.
fn recovering(ctx: &Context, ceremony: Option<SecretField>) -> Result<RecoveryToken, HandlerError> {
    let header = ctx.info.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
    let header = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("ceremony")).map(|(_, token)| token.trim());
    let given = ceremony.as_ref().map(|ceremony| ceremony.0.expose()).or(header);
    let Some(given) = given else {
        return Err(HandlerError::from(no_recovery(&ctx.info, text!("problem-no-recovery-title"))));
    };
    RecoveryToken::parse(given).ok_or_else(|| HandlerError::from(recovery_over(&ctx.info)))
}

/// 401: the same for all that is no recovery, or no longer.
fn recovery_over(info: &RequestInfo) -> Problem {
    no_recovery(info, text!("problem-recovery-over-title"))
}

fn no_recovery(info: &RequestInfo, title: String) -> Problem {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "ceremony_over", title);
    problem.challenged(format!("Bearer realm=\"{}\"", info.host))
}

/// 503: whether it comes right is not known yet.
fn under_way(ctx: &Context) -> Reply {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", text!("problem-recovery-under-way-title"));
    problem.retry(Duration::from_secs(2)).reply(&ctx.info).caused_by(Cause::Busy)
}

fn recovery_off() -> Problem {
    Problem::new(StatusCode::CONFLICT, "recovery_off", text!("problem-recovery-off-title"))
}

fn already_done() -> Problem {
    Problem::new(StatusCode::CONFLICT, "already_done", text!("problem-recovery-done-title"))
}

fn not_allowed() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "not_allowed", text!("problem-recovery-not-allowed-title"))
}
