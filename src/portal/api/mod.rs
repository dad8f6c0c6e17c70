//! The JSON API: the same flows for machines. Types here are the documentation (OpenAPI 3.1).

pub(super) mod account;
pub(super) mod account_types;
pub(super) mod address_types;
pub(super) mod addresses;
pub(super) mod backup_codes;
pub(super) mod codes;
pub(super) mod deletion;
mod enrolling;
pub(super) mod export;
pub(super) mod export_types;
pub(super) mod login;
pub(super) mod login_link;
pub(super) mod mfa;
pub(super) mod mfa_types;
pub(super) mod openapi;
pub(super) mod passkey_login;
pub(super) mod passkey_types;
pub(super) mod passkeys;
pub(super) mod proof_types;
pub(super) mod recover;
pub(super) mod recover_types;
mod request_to_come;
pub(super) mod session;
pub(super) mod sessions;
pub(super) mod sign_up;
pub(super) mod sign_up_types;
pub(super) mod totp;
pub(super) mod types;

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answers::problem::Problem;
use super::context::{Context, CurrentSession, HandlerError};
use super::cookies;
use super::pages::method_names;
use super::reply::{Reply, with_cookie};
use crate::auth::proof::SLIP_LIVES;
use crate::auth::time::Timestamp;
use crate::flow::reply::{Locked, LoginReply, Opened, OutOfReach, Rejection};
use crate::portal::error::PortalError;
use crate::portal::messages::text;
use crate::portal::reply::Cause;
use crate::portal::request_info::RequestInfo;
use types::{Enroll, Next, Opening};

/// Reads a JSON object; an empty body counts as `{}`. Unknown fields are ignored.
fn body<T: DeserializeOwned>(ctx: &Context) -> Result<T, HandlerError> {
    if ctx.body.is_empty() {
        return serde_json::from_slice(b"{}").map_err(|cause| malformed(&cause));
    }
    let kinds: Vec<&HeaderValue> = ctx.info.headers.get_all(CONTENT_TYPE).iter().collect();
    let [kind] = kinds.as_slice() else { return Err(HandlerError::Portal(PortalError::UnsupportedMediaType)) };
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/json" && !essence.ends_with("+json") {
        return Err(HandlerError::Portal(PortalError::UnsupportedMediaType));
    }
    // The parser would read an array as the fields in their order.
    if !ctx.body.trim_ascii_start().starts_with(b"{") {
        return Err(HandlerError::from(Problem::malformed(text!("problem-not-an-object-title"))));
    }
    serde_json::from_slice(&ctx.body).map_err(|cause| malformed(&cause))
}

/// 400 with the place of the mistake; the words of the parser could repeat what was sent.
fn malformed(cause: &serde_json::Error) -> HandlerError {
    // What a struct of ours lacks: no word of the sender.
    let told = cause.to_string();
    if let Some((field, _)) = told.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        return missing_field(field);
    }
    let title = if cause.is_data() {
        text!("problem-field-title", line = cause.line(), column = cause.column())
    } else {
        text!("problem-not-json-title", line = cause.line(), column = cause.column())
    };
    HandlerError::from(Problem::malformed(title))
}

/// 400: a field that must be there is not.
fn missing_field(field: &str) -> HandlerError {
    HandlerError::from(Problem::malformed(text!("problem-missing-field-title", field = field)))
}

/// 200 with a JSON body.
fn json(value: &impl Serialize) -> Reply {
    json_with(StatusCode::OK, value)
}

/// A JSON body.
fn json_with(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(text) => Reply::new(status, "api", "application/json", text),
        Err(_) => Reply::empty(StatusCode::INTERNAL_SERVER_ERROR, "error"),
    }
}

/// The live session, or 401.
async fn require_session(ctx: &Context, quiet: bool) -> Result<CurrentSession, HandlerError> {
    ctx.current_session(quiet).await?.ok_or_else(|| HandlerError::from(Problem::not_signed_in(&ctx.info)))
}

/// The body of a session just opened. Callers by cookie get the new token as a cookie, never in the body.
fn opening(ctx: &Context, opened: &Opened, by_cookie: bool) -> Opening {
    let now = ctx.state.flows.ports.clock.now();
    Opening {
        status: "ok",
        access_token: (!by_cookie).then(|| opened.token.expose().to_owned()),
        token_type: (!by_cookie).then_some("Bearer"),
        expires_in: opened.ends_at.since(now).as_secs(),
        last_login_at: opened.session.previous_login.map(Timestamp::rfc3339),
        backup_codes_left: opened.aftermath.backup_codes_left,
        device: opened.device.as_ref().filter(|_| !by_cookie).map(|mark| mark.expose().to_owned()),
        slip: opened.slip.as_ref().map(|slip| slip.expose().to_owned()),
        slip_expires_in: opened.slip.as_ref().map(|_| SLIP_LIVES.as_secs()),
        locked: method_names(opened.locked),
        unlocked: method_names(opened.unlocked),
    }
}

/// Adds the rotated cookie for callers by cookie.
fn delivered(ctx: &Context, answer: Reply, opened: &Opened, by_cookie: bool) -> Reply {
    if !by_cookie {
        return answer;
    }
    let answer = with_cookie(answer, cookies::set_session(&opened.token));
    let device = opened.device.as_ref().and_then(|d| cookies::set_device(d, ctx.state.flows.settings.device_ttl));
    with_cookie(answer, device)
}

/// The answer to a login, a second factor or a step-up.
fn login_reply(ctx: &Context, reply: &LoginReply, by_cookie: bool) -> Reply {
    match reply {
        LoginReply::Opened(opened) => {
            let answer = json(&opening(ctx, opened, by_cookie));
            delivered(ctx, answer, opened, by_cookie)
        }
        LoginReply::Next(next) => json(&Next {
            status: "second_factor_required",
            ceremony: next.ceremony.expose().to_owned(),
            methods: method_names(next.methods),
            locked: method_names(next.locked),
        }),
        LoginReply::Enroll(next) => json(&Enroll {
            status: "enrollment_required",
            ceremony: next.ceremony.expose().to_owned(),
            methods: method_names(next.methods),
        }),
        LoginReply::OutOfReach(OutOfReach { unrecognised: true, .. }) => {
            Problem::new(StatusCode::FORBIDDEN, "refused", text!("refusal-risk"))
                .with("reason", "risk")
                .reply(&ctx.info)
        }
        LoginReply::OutOfReach(OutOfReach { ceremony, .. }) => {
            json(&Enroll { status: "enrollment_required", ceremony: ceremony.expose().to_owned(), methods: Vec::new() })
        }
        LoginReply::Locked(locked) => factor_locked(*locked).reply(&ctx.info),
        LoginReply::Rejected(rejection) => rejected(&ctx.info, *rejection).reply(&ctx.info),
        LoginReply::Wait(wait) => Problem::too_many(*wait).reply(&ctx.info),
        LoginReply::Busy => busy(ctx),
    }
}

/// 403: a factor is switched off.
fn factor_locked(Locked { methods, others }: Locked) -> Problem {
    let title = if others.is_empty() { text!("problem-locked-title") } else { text!("problem-locked-others-title") };
    Problem::new(StatusCode::FORBIDDEN, "factor_locked", title)
        .with("locked", method_names(methods))
        .with("methods", method_names(others))
}

/// 503: many people sign in at this moment.
fn busy(ctx: &Context) -> Reply {
    let title = text!("problem-busy-title");
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", title).retry(Duration::from_secs(2));
    problem.reply(&ctx.info).caused_by(Cause::Busy)
}

/// 401 for a wrong proof of who is signed in: no name was given.
fn own_rejected(info: &RequestInfo, rejection: Rejection) -> Problem {
    match rejection {
        Rejection::WrongCredentials => {
            let title = text!("problem-wrong-password-title");
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "wrong_credentials", title);
            problem.challenged(format!("Bearer realm=\"{}\"", info.host))
        }
        other => rejected(info, other),
    }
}

/// 401 for a wrong proof.
fn rejected(info: &RequestInfo, rejection: Rejection) -> Problem {
    let (code, title) = match rejection {
        Rejection::WrongCredentials => ("wrong_credentials", text!("problem-wrong-credentials-title")),
        Rejection::WrongCode => ("wrong_otp", text!("problem-wrong-code-title")),
        Rejection::ClockOff { .. } => ("wrong_otp", text!("problem-clock-title")),
        Rejection::NoCode => ("no_code", text!("problem-no-code-title")),
        Rejection::CodeUsedUp => ("code_used_up", text!("problem-code-used-up-title")),
        Rejection::WrongPasskey { .. } => ("wrong_passkey", text!("problem-wrong-passkey-title")),
        Rejection::CeremonyGone => ("ceremony_over", text!("problem-ceremony-over-title")),
        Rejection::SessionGone => return Problem::not_signed_in(info),
    };
    let problem = Problem::new(StatusCode::UNAUTHORIZED, code, title);
    let problem = problem.challenged(format!("Bearer realm=\"{}\"", info.host));
    match rejection {
        Rejection::ClockOff { seconds } => problem.with("clock_off_seconds", seconds),
        Rejection::WrongPasskey { unknown: true } => problem.with("unknown_credential", true),
        _ => problem,
    }
}
