//! Codes that are sent, for machines.

use http::StatusCode;

use super::address_types::{CodeBody, CodeSent};
use super::enrolling::enrolling;
use super::types::ProblemBody;
use super::{body, json_with, rejected};
use crate::auth::factor::authenticator::AddressKind;
use crate::flow::reply::{CeremonyRef, CodeReply, Rejection};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// Send a code to the address of who signs in or is signed in. The answer is the same whether or not there is one, and
/// whether or not too many were asked for or given wrong. `Authorization: Ceremony <ceremony>` may stand in for the field.
#[utoipa::path(post, path = "/.stepgate/api/v1/codes", request_body = CodeBody, tag = "sign-in",
    security(("bearer" = []), ("cookie" = []), ("ceremony" = [])), responses(
    (status = 202, description = "It is on its way, if there is somebody to send it to", body = CodeSent),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`not_signed_in` or `ceremony_over`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`channel_off`: no codes are sent that way here", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn send(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: CodeBody = body(ctx)?;
    let kind = channel(&given.channel)?;
    let (at, _) = enrolling(ctx, given.ceremony).await?;
    let sent = ctx.record_events(ctx.state.flows.send_code(&at, kind, &ctx.script()).await)?;
    Ok(match sent {
        CodeReply::Sent { sent_to, expires_in } | CodeReply::UsedUp { sent_to, expires_in } => {
            json_with(StatusCode::ACCEPTED, &CodeSent { expires_in: expires_in.as_secs(), sent_to })
        }
        CodeReply::NotServed => channel_off().reply(&ctx.info),
        CodeReply::Gone => {
            let gone =
                if matches!(at, CeremonyRef::Session(..)) { Rejection::SessionGone } else { Rejection::CeremonyGone };
            rejected(&ctx.info, gone).reply(&ctx.info)
        }
    })
}

/// The kind of address of that name.
pub(super) fn channel(name: &str) -> Result<AddressKind, HandlerError> {
    let unknown = || HandlerError::from(Problem::malformed(text!("problem-channel-unknown-title")));
    AddressKind::from_name(name).ok_or_else(unknown)
}

/// 409: no codes are sent that way.
pub(super) fn channel_off() -> Problem {
    Problem::new(StatusCode::CONFLICT, "channel_off", text!("problem-channel-off-title"))
}
