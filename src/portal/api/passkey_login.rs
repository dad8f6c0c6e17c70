//! Signing in by a passkey, for machines and scripts in pages.

use http::StatusCode;

use super::enrolling::enrolling;
use super::login::requirement;
use super::passkey_types::{PasskeyLoginBody, PasskeyLoginOptionsBody, PasskeyOptions};
use super::passkeys::{ceremony, gone, not_here};
use super::types::{LoginAnswer, ProblemBody};
use super::{body, json, login_reply, rejected};
use crate::flow::reply::AssertionAsked;
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies::SessionCredential;
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// Ask for a challenge: to sign in by a passkey alone; with `ceremony`, for the second factor of a sign-in; with a session,
/// for a step-up. What nobody is signed in for is stored nowhere.
#[utoipa::path(post, path = "/.stepgate/api/v1/login/passkey/options", request_body = PasskeyLoginOptionsBody, tag = "sign-in",
    security((), ("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = PasskeyOptions),
    (status = 401, description = "`not_signed_in` or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`no_passkeys_here`: they are off, or browsers know none at this host; `no_passkey`: the person has none", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn options(ctx: &Context) -> Result<Reply, HandlerError> {
    let given: PasskeyLoginOptionsBody = body(ctx)?;
    // A cookie that is left of a session asks for nothing; a token that is shown does.
    let signed_in = match ctx.info.cookies.session {
        SessionCredential::Bearer(_) => true,
        SessionCredential::Cookie(_) => ctx.current_session(true).await?.is_some(),
        SessionCredential::None | SessionCredential::Ambiguous => false,
    };
    if given.ceremony.is_none() && (given.username.is_some() || !signed_in) {
        let challenge = ctx.state.flows.sign_in_challenge(given.username.as_deref(), &ctx.script())?;
        let challenge = challenge.ok_or_else(|| HandlerError::from(not_here()))?;
        return Ok(json(&PasskeyOptions::new(challenge.state.expose().to_owned(), &challenge.options)?));
    }
    let (who, _) = enrolling(ctx, given.ceremony).await?;
    match ctx.state.flows.ask_assertion(&who, None, None, &ctx.script()).await? {
        AssertionAsked::Asked(options) => {
            Ok(json(&PasskeyOptions::new(ceremony(&who, options.challenge_name()), options.as_ref())?))
        }
        AssertionAsked::NoPasskey => {
            let problem = Problem::new(StatusCode::CONFLICT, "no_passkey", text!("problem-no-passkey-title"));
            Err(HandlerError::from(problem))
        }
        AssertionAsked::Gone => Err(HandlerError::from(rejected(&ctx.info, gone(&who)))),
    }
}

/// Sign in by a passkey alone.
#[utoipa::path(post, path = "/.stepgate/api/v1/login/passkey", request_body = PasskeyLoginBody, tag = "sign-in",
    params(("Stepgate-Device" = Option<String>, Header, description = "The `device` of an earlier sign-in")),
    responses(
    (status = 200, body = LoginAnswer),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_passkey`, with `unknown_credential: true` where nobody has it; or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn login(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: PasskeyLoginBody = body(ctx)?;
    let requirement = requirement(given.strength.as_deref())?;
    let (state, credential) = (&given.ceremony.0, &given.credential.0);
    let reply = ctx.state.flows.sign_in_by_passkey(state, credential, requirement, &ctx.script()).await;
    let reply = ctx.record_events(reply)?;
    Ok(login_reply(ctx, &reply, false))
}
