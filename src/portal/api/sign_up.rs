//! Sign-up for machines: an address and a password, and the confirmation by what was mailed.

use http::StatusCode;
use serde_json::json as value;

use super::sign_up_types::{
    ConfirmBody, ConfirmRequest, SignUpAnswer, SignUpBody, SignUpSent, SignedUp, SignedUpStuck,
};
use super::types::ProblemBody;
use super::{body, busy, delivered, json, json_with, login_reply, opening};
use crate::auth::link_token::LinkToken;
use crate::auth::proof::Method;
use crate::flow::reply::{CeremonyRef, EnrollReply, LoginReply};
use crate::flow::risk::SignInGoal;
use crate::flow::sign_up::{
    ClaimedBy, Confirmation, ReachedBy, SignUpBegun, SignUpConfirmed, SignUpForm, SignUpMistake,
};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::messages::text;
use crate::portal::pages::method_names;
use crate::portal::reply::Reply;
use crate::portal::{new_password, qr};

/// Begin to make an account. The answer is the same whoever has the address: a letter says the rest.
#[utoipa::path(post, path = "/.stepgate/api/v1/signup", request_body = SignUpBody, tag = "sign-up", responses(
    (status = 202, description = "A letter with a link and a code is on its way; there is no account yet", body = SignUpSent),
    (status = 403, description = "`sign_up_off`: nobody makes accounts here, or whom an operator invited", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "`unusable_input`: `errors` says of each field why: `malformed`, `domain_not_allowed`, or of a password `too_short`, `too_long`, `is_username`, `is_name_or_address`, `is_service_name`, `common`, `breached`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`: 100 an hour from one network; with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn begin(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: SignUpBody = body(ctx)?;
    let form = SignUpForm {
        browser: None,
        username: given.username.as_deref(),
        email: &given.email,
        password: given.password.0,
        enable_mfa: given.enable_mfa,
    };
    let begun = ctx.record_events(ctx.state.flows.begin_sign_up(form, &ctx.script()).await)?;
    Ok(match begun {
        SignUpBegun::Sent { expires_in, .. } => {
            let sent = SignUpSent { status: "confirmation_sent", expires_in: expires_in.as_secs() };
            json_with(StatusCode::ACCEPTED, &sent)
        }
        SignUpBegun::Unusable(mistakes) => unusable(&mistakes).reply(&ctx.info),
        SignUpBegun::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        SignUpBegun::Busy => busy(ctx),
        SignUpBegun::Off => off().reply(&ctx.info),
    })
}

/// Confirm a sign-up by the link or the code of the letter and the password that was given, or accept an invitation by its link
/// and a new password. The account exists from then on.
#[utoipa::path(post, path = "/.stepgate/api/v1/signup/confirm", request_body = ConfirmRequest, tag = "sign-up", responses(
    (status = 200, body = SignUpAnswer),
    (status = 401, description = "`wrong_otp`: the code or the password is not right, or nothing waits; `wrong_credentials`: not the password of the sign-up; `link_over`: the link is none, or is too old", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`already_done`, or `username_taken`: the address is confirmed, and `token` confirms it again with another `username`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "`unusable_input`: `errors` says of each field why", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn confirm(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: ConfirmBody = body(ctx)?;
    let token = given.token.as_ref().map(|token| LinkToken::parse(token.0.expose()));
    let (reached, by_link) = match (&token, &given.email, &given.code) {
        (Some(Some(token)), None, None) => (ReachedBy::Link(token), true),
        (Some(None), None, None) => return Ok(over().reply(&ctx.info)),
        (None, Some(email), Some(code)) => (ReachedBy::Code { email, code: &code.0 }, false),
        _ => return Err(HandlerError::from(Problem::malformed(text!("problem-sign-up-proof-title")))),
    };
    let confirmation = Confirmation {
        reached,
        by: ClaimedBy::Password(given.password.0),
        username: given.username.as_deref(),
        enable_mfa: given.enable_mfa,
    };
    let confirmed = ctx.state.flows.confirm_sign_up(confirmation, SignInGoal::default(), &ctx.script()).await;
    Ok(match ctx.record_events(confirmed)? {
        SignUpConfirmed::Made { reply, .. } => signed_up(ctx, reply).await?,
        SignUpConfirmed::UsernameTaken(token) => conflict("username_taken", text!("problem-username-taken-title"))
            .with("token", token.expose())
            .reply(&ctx.info),
        SignUpConfirmed::AlreadyDone => conflict("already_done", text!("problem-already-done-title")).reply(&ctx.info),
        SignUpConfirmed::Unusable(mistake) => unusable(&[mistake]).reply(&ctx.info),
        SignUpConfirmed::Wrong if by_link => {
            unauthorized("wrong_credentials", text!("problem-sign-up-password-title")).reply(&ctx.info)
        }
        SignUpConfirmed::Over if by_link => over().reply(&ctx.info),
        SignUpConfirmed::Wrong | SignUpConfirmed::Over => {
            unauthorized("wrong_otp", text!("problem-sign-up-code-title")).reply(&ctx.info)
        }
        SignUpConfirmed::Wait(wait) => Problem::too_many(wait).reply(&ctx.info),
        SignUpConfirmed::Busy => busy(ctx),
    })
}

/// What the owner of a new account is told: signed in, or what is to be set up first.
async fn signed_up(ctx: &mut Context, reply: LoginReply) -> Result<Reply, HandlerError> {
    let (ceremony, methods) = match &reply {
        LoginReply::Opened(opened) => {
            let open = SignedUp { mfa_enabled: false, opening: opening(ctx, opened, false) };
            return Ok(delivered(ctx, json(&SignUpAnswer::SignedUp(open)), opened, false));
        }
        LoginReply::Enroll(next) => (&next.ceremony, next.methods),
        _ => return Ok(login_reply(ctx, &reply, false)),
    };
    let mut stuck = SignedUpStuck {
        mfa_enabled: true,
        status: "enrollment_required",
        methods: method_names(methods),
        ceremony: ceremony.expose().to_owned(),
        secret: None,
        otpauth_uri: None,
        qr_svg: None,
    };
    let at = CeremonyRef::SignIn(ceremony.clone());
    if methods.contains(Method::Totp)
        && let EnrollReply::Pending(pending) = ctx.state.flows.begin_totp(&at, &ctx.script()).await?
    {
        let uri = pending.uri.expose();
        stuck.secret = Some(pending.secret.expose().to_owned());
        stuck.qr_svg = Some(qr::svg(uri).ok_or(HandlerError::Portal(PortalError::Unavailable))?);
        stuck.otpauth_uri = Some(uri.to_owned());
    }
    Ok(json(&SignUpAnswer::SignedUpStuck(stuck)))
}

/// 422: what is wrong with each field.
fn unusable(mistakes: &[SignUpMistake]) -> Problem {
    let errors: Vec<_> = mistakes
        .iter()
        .map(|mistake| {
            let (field, code, detail) = match mistake {
                SignUpMistake::Email => ("email", "malformed", text!("mistake-mail-address")),
                SignUpMistake::Domain => ("email", "domain_not_allowed", text!("mistake-sign-up-domain")),
                SignUpMistake::Username => ("username", "malformed", text!("mistake-username-unusable")),
                SignUpMistake::Password(unfit) => ("password", unfit.code(), new_password::reason(*unfit)),
            };
            value!({ "field": field, "code": code, "detail": detail })
        })
        .collect();
    let title = text!("problem-unusable-input-title");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable_input", title).with("errors", errors)
}

fn off() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "sign_up_off", text!("problem-sign-up-off-title"))
}

/// The same for all that is no link, or no longer.
fn over() -> Problem {
    unauthorized("link_over", text!("problem-link-over-title"))
}

fn unauthorized(code: &'static str, title: String) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, title)
}

fn conflict(code: &'static str, title: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, title)
}
