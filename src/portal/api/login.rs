//! Login, second factor and step-up for machines.

use data_encoding::BASE64;
use http::header::AUTHORIZATION;

use super::enrolling::ceremony_given;
use super::passkeys::of_sign_in;
use super::proof_types::{CredentialField, ElevateBody, ElevateRequest, SecondFactorBody, SecondFactorRequest};
use super::types::{LoginAnswer, LoginBody, LoginRequest, Opening, ProblemBody, SecretField};
use super::{body, login_reply, request_to_come, require_session};
use crate::auth::factor::passkey::AuthenticationResponse;
use crate::auth::proof::{Method, Requirement, Strength};
use crate::auth::secret::SecretText;
use crate::auth::session::Channel;
use crate::flow::reply::{CeremonyRef, Credentials, Submission};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// Sign in.
#[utoipa::path(post, path = "/.stepgate/api/v1/login", request_body = LoginRequest, tag = "sign-in",
    params(("Stepgate-Device" = Option<String>, Header, description = "The `device` of an earlier sign-in: who sends it is not held up by attempts of others")),
    security((), ("basic" = [])), responses(
    (status = 200, body = LoginAnswer),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_credentials` or `wrong_otp`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`factor_locked`: switched off after too many wrong codes; `methods` says what would do instead", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn login(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: LoginBody = body(ctx)?;
    let requirement = requirement(given.strength.as_deref())?;
    let (username, password) = match (given.username, given.password, basic(ctx)) {
        (Some(username), Some(password), _) => (username, password.0),
        (None, None, Some(basic)) => basic,
        _ => return Err(bad(text!("problem-credentials-missing-title"))),
    };
    let credentials = Credentials { username, password, otp: given.otp.map(|o| o.0) };
    let reply =
        ctx.record_events(ctx.state.flows.begin(credentials, requirement, Channel::Bearer, &ctx.script()).await)?;
    Ok(login_reply(ctx, &reply, false))
}

/// Give the second factor of a sign-in under way. `Authorization: Ceremony <ceremony>` may stand in for the field.
#[utoipa::path(post, path = "/.stepgate/api/v1/login/second-factor", request_body = SecondFactorRequest, tag = "sign-in",
    params(("Stepgate-Device" = Option<String>, Header, description = "The `device` of an earlier sign-in: who sends it is not held up by attempts of others")),
    security((), ("ceremony" = [])), responses(
    (status = 200, body = LoginAnswer),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_otp` or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`factor_locked`: switched off after too many wrong codes; `methods` says what would do instead", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn second_factor(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: SecondFactorBody = body(ctx)?;
    let submission = submission(&given.method, given.code, given.assertion)?;
    let Some(token) = ceremony_given(ctx, given.ceremony.as_ref())? else {
        return Err(bad(text!("problem-proof-missing-title")));
    };
    let reply = ctx
        .record_events(ctx.state.flows.submit(&CeremonyRef::SignIn(token.clone()), submission, &ctx.script()).await)?;
    Ok(login_reply(ctx, &reply, false))
}

/// Step up: one more proof; the old token ends, a new one is given (as a cookie to callers by cookie).
///
/// With `for`, it also gives a `slip`: a proof for that one request, to be sent with it as `Stepgate-Slip`.
#[utoipa::path(post, path = "/.stepgate/api/v1/elevate", request_body = ElevateRequest, tag = "session",
    params(("Stepgate-Device" = Option<String>, Header, description = "The `device` of an earlier sign-in: who sends it is not held up by attempts of others")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Opening),
    (status = 400, description = "with `for`: `not_bound` (the session is enough for that request), `never_passes` (no proof lets it through) or `method_not_accepted`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`wrong_otp` or `not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`factor_locked`: switched off after too many wrong codes; `methods` says what would do instead", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`too_many_attempts`, with Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn elevate(ctx: &mut Context) -> Result<Reply, HandlerError> {
    // Who has no session learns nothing of bodies.
    let who = require_session(ctx, true).await?;
    let given: ElevateBody = body(ctx)?;
    if let Some(assertion) = &given.assertion {
        let answered = || AuthenticationResponse::parse(assertion.0.expose()).ok()?.claimed_challenge();
        of_sign_in(ctx, given.ceremony, answered)?;
    }
    let submission = submission(&given.method, given.code, given.assertion)?;
    let slip = given
        .request
        .as_ref()
        .map(|asked| request_to_come::order(ctx, asked, &submission, &who.session))
        .transpose()?;
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let reply = ctx.record_events(ctx.state.flows.submit_for(&at, slip, submission, &ctx.script()).await)?;
    Ok(login_reply(ctx, &reply, who.by_cookie))
}

/// What a caller asks for.
pub(super) fn requirement(strength: Option<&str>) -> Result<Option<Requirement>, HandlerError> {
    let named =
        |name| Strength::from_name(name).map(Requirement::of).ok_or_else(|| bad(text!("problem-strength-title")));
    strength.map(named).transpose()
}

/// What a caller gives: a code, or the assertion of a passkey.
pub(super) fn submission(
    method: &str,
    code: Option<SecretField>,
    assertion: Option<CredentialField>,
) -> Result<Submission, HandlerError> {
    match (method, code, assertion) {
        ("passkey" | "bound_passkey" | "security_key", None, Some(assertion)) => Ok(Submission::Assertion(assertion.0)),
        (name, Some(code), None) => Ok(Submission::of(code_method(name)?, code.0)),
        _ => Err(bad(text!("problem-proof-missing-title"))),
    }
}

fn bad(title: String) -> HandlerError {
    HandlerError::from(Problem::malformed(title))
}

/// The method of that name, if it is one that takes a code.
pub(super) fn code_method(name: &str) -> Result<Method, HandlerError> {
    let method = Method::from_name(name).or_else(|| (name == "otp").then_some(Method::Totp));
    method.filter(|m| !m.resists_phishing()).ok_or_else(|| bad(text!("problem-method-unknown-title")))
}

/// Name and password of HTTP Basic (RFC 7617), in UTF-8.
fn basic(ctx: &Context) -> Option<(String, SecretText)> {
    let mut values = ctx.info.headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = SecretText::new(String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?);
    let (name, password) = text.expose().split_once(':')?;
    Some((name.to_owned(), SecretText::new(password.to_owned())))
}
