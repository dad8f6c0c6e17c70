//! The JSON API: the same flows for machines. Types here are the documentation (OpenAPI 3.1).

pub(super) mod codes;
pub(super) mod login;
pub(super) mod openapi;
pub(super) mod session;
pub(super) mod totp;
pub(super) mod types;

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answers::{Cause, Facts};
use super::cookies;
use super::ctx::{Answered, Ctx, SignedIn, Stop, with_cookie};
use super::headers::Kind;
use super::problem::Problem;
use super::words;
use crate::auth::proof::Method;
use crate::flow::reply::{Locked, LoginReply, Opened, OutOfReach, Rejection};
use types::{Enroll, Next, Opening};

/// Reads a JSON object; an empty body counts as `{}`. Unknown fields are ignored.
fn body<T: DeserializeOwned>(ctx: &Ctx) -> Result<T, Stop> {
    if ctx.body.is_empty() {
        return serde_json::from_slice(b"{}").map_err(|cause| malformed(&cause));
    }
    let kinds: Vec<&HeaderValue> = ctx.facts.headers.get_all(CONTENT_TYPE).iter().collect();
    let [kind] = kinds.as_slice() else { return Err(Stop::WrongType) };
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/json" && !essence.ends_with("+json") {
        return Err(Stop::WrongType);
    }
    // The parser would read an array as the fields in their order.
    if !ctx.body.trim_ascii_start().starts_with(b"{") {
        return Err(Stop::Problem(Box::new(Problem::malformed("The body is not a JSON object."))));
    }
    serde_json::from_slice(&ctx.body).map_err(|cause| malformed(&cause))
}

/// 400 with the place of the mistake; the words of the parser could repeat what was sent.
fn malformed(cause: &serde_json::Error) -> Stop {
    let what = if cause.is_data() { "A field is missing or of the wrong type" } else { "The body is not JSON" };
    let title = format!("{what} (line {}, column {}).", cause.line(), cause.column());
    Stop::Problem(Box::new(Problem::malformed(title)))
}

/// 200 with a JSON body.
fn json(value: &impl Serialize) -> Answered {
    let Ok(text) = serde_json::to_vec(value) else {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return answer;
    };
    let mut answer = Response::new(Bytes::from(text));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.extensions_mut().insert(Kind("api"));
    answer
}

/// The live session, or 401.
async fn signed_in(ctx: &Ctx, quiet: bool) -> Result<SignedIn, Stop> {
    ctx.signed_in(quiet).await?.ok_or_else(|| Stop::Problem(Box::new(Problem::not_signed_in(&ctx.facts))))
}

/// The body of a session just opened. Callers by cookie get the new token as a cookie, never in the body.
fn opening(ctx: &Ctx, opened: &Opened, by_cookie: bool) -> Opening {
    let now = ctx.core.flows.ports.clock.now();
    Opening {
        status: "ok",
        access_token: (!by_cookie).then(|| opened.token.expose().to_owned()),
        token_type: (!by_cookie).then_some("Bearer"),
        expires_in: opened.ends_at.since(now).as_secs(),
        last_login_at: opened.session.previous_login.map(words::rfc3339),
        backup_codes_left: opened.backup_codes_left,
        device: opened.device.as_ref().filter(|_| !by_cookie).map(|mark| mark.expose().to_owned()),
        locked: super::challenge::offered(opened.locked),
        unlocked: super::challenge::offered(opened.unlocked),
    }
}

/// Adds the rotated cookie for callers by cookie.
fn delivered(ctx: &Ctx, answer: Answered, opened: &Opened, by_cookie: bool) -> Answered {
    if !by_cookie {
        return answer;
    }
    let answer = with_cookie(answer, cookies::keep_session(&opened.token));
    let device = opened.device.as_ref().and_then(|d| cookies::keep_device(d, ctx.core.flows.settings.device_ttl));
    with_cookie(answer, device)
}

/// The answer to a login, a second factor or a step-up.
fn told(ctx: &Ctx, reply: &LoginReply, by_cookie: bool) -> Answered {
    match reply {
        LoginReply::Opened(opened) => {
            let answer = json(&opening(ctx, opened, by_cookie));
            delivered(ctx, answer, opened, by_cookie)
        }
        LoginReply::Next(next) => json(&Next {
            status: "second_factor_required",
            ceremony: next.ceremony.expose().to_owned(),
            methods: super::challenge::offered(next.methods),
            locked: super::challenge::offered(next.locked),
        }),
        LoginReply::Enroll(ceremony) => json(&Enroll {
            status: "enrollment_required",
            ceremony: ceremony.expose().to_owned(),
            methods: vec![Method::Totp.name()],
        }),
        LoginReply::OutOfReach(OutOfReach { ceremony, .. }) => {
            json(&Enroll { status: "enrollment_required", ceremony: ceremony.expose().to_owned(), methods: Vec::new() })
        }
        LoginReply::Locked(locked) => factor_locked(*locked).answer(&ctx.facts),
        LoginReply::Rejected(rejection) => rejected(&ctx.facts, *rejection).answer(&ctx.facts),
        LoginReply::Wait(wait) => Problem::too_many(*wait).answer(&ctx.facts),
        LoginReply::Busy => busy(ctx),
    }
}

/// 403: a factor is switched off.
fn factor_locked(Locked { methods, others }: Locked) -> Problem {
    let title = if others.is_empty() {
        "This factor is switched off after too many wrong codes. An administrator can switch it on again."
    } else {
        "This factor is switched off after too many wrong codes. Another one of `methods` switches it on again."
    };
    Problem::new(StatusCode::FORBIDDEN, "factor_locked", title)
        .with("locked", super::challenge::offered(methods))
        .with("methods", super::challenge::offered(others))
}

/// 503: many people sign in at this moment.
fn busy(ctx: &Ctx) -> Answered {
    let title = "Many people are signing in at this moment.";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", title).retry(Duration::from_secs(2));
    let mut answer = problem.answer(&ctx.facts);
    answer.extensions_mut().insert(Cause::Busy);
    answer
}

/// 401 for a wrong proof.
fn rejected(facts: &Facts, rejection: Rejection) -> Problem {
    let (code, title) = match rejection {
        Rejection::WrongCredentials => ("wrong_credentials", "The user name or the password is not correct."),
        Rejection::WrongCode => ("wrong_otp", "The code is not correct."),
        Rejection::ClockOff { .. } => ("wrong_otp", "The clock of the authenticator is off."),
        Rejection::CeremonyGone => ("ceremony_over", "The ceremony is over; begin with a login."),
        Rejection::SessionGone => return Problem::not_signed_in(facts),
    };
    let problem = Problem::new(StatusCode::UNAUTHORIZED, code, title);
    let problem = problem.challenged(format!("Bearer realm=\"{}\"", facts.host));
    match rejection {
        Rejection::ClockOff { seconds } => problem.with("clock_off_seconds", seconds),
        _ => problem,
    }
}
