//! Who enrols a factor by a call, what is asked of them first, and what says that it is done.

use http::StatusCode;
use http::header::AUTHORIZATION;

use super::types::SecretField;
use super::{rejected, require_session};
use crate::auth::ceremony::CeremonyToken;
use crate::auth::proof::MethodSet;
use crate::flow::reply::{CeremonyRef, Rejection};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::pages::method_names;

/// Who enrols, and whether they came by cookie.
pub(super) async fn enrolling(
    ctx: &Context,
    ceremony: Option<SecretField>,
) -> Result<(CeremonyRef, bool), HandlerError> {
    if let Some(token) = ceremony_given(ctx, ceremony.as_ref())? {
        return Ok((CeremonyRef::SignIn(token), false));
    }
    let who = require_session(ctx, false).await?;
    Ok((CeremonyRef::Session(who.token, who.session), who.by_cookie))
}

/// The sign-in under way that a caller goes on with: in the body, or as `Authorization: Ceremony …`.
pub(super) fn ceremony_given(
    ctx: &Context,
    field: Option<&SecretField>,
) -> Result<Option<CeremonyToken>, HandlerError> {
    let header = ctx.info.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
    let header = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("ceremony")).map(|(_, token)| token.trim());
    let given = field.map(|field| field.0.expose()).or(header);
    given.map(|text| CeremonyToken::parse(text).ok_or_else(|| expired(ctx, Rejection::CeremonyGone))).transpose()
}

/// 409: it was done a moment ago. What was shown then is shown no more.
pub(super) fn already_done() -> Problem {
    Problem::new(StatusCode::CONFLICT, "already_done", text!("problem-already-done-title"))
}

pub(super) fn expired(ctx: &Context, rejection: Rejection) -> HandlerError {
    HandlerError::from(rejected(&ctx.info, rejection))
}

pub(super) fn prove_first(methods: MethodSet) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "proof_required", text!("problem-prove-first-title"))
        .with("methods", method_names(methods))
}
