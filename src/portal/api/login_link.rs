//! Sign-in by a link in a letter, for machines.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::enrolling::already_done;
use super::types::{LoginAnswer, ProblemBody, SecretField};
use super::{body, json_with, login_reply};
use crate::auth::link_token::LinkToken;
use crate::flow::reply::{LinkAsked, LinkFollowed};
use crate::flow::risk::SignInGoal;
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// Asks for a link.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com"}))]
pub(crate) struct SignInLinkBody {
    /// A mail address of the account.
    email: String,
}

/// A link is on its way, if there is somebody to send it to.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"expires_in": 600}))]
pub(crate) struct SignInLinkSent {
    /// Seconds for which it is good.
    expires_in: u64,
}

/// The token of a link in a letter.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"token": "sgl_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo"}))]
pub(crate) struct LinkTokenBody {
    /// As it stands in the address.
    #[schema(value_type = String)]
    pub(crate) token: SecretField,
}

/// Mail a link that begins a sign-in. The answer is the same whether or not anybody has the address, and whether or not too many
/// were asked for.
#[utoipa::path(post, path = "/.stepgate/api/v1/login/link", request_body = SignInLinkBody, tag = "sign-in", responses(
    (status = 202, description = "It is on its way, if there is somebody to send it to", body = SignInLinkSent),
    (status = 400, description = "`unusable_address`: no mail can be sent there", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`channel_off`: no links are sent here", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn send(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: SignInLinkBody = body(ctx)?;
    let asked = ctx.state.flows.send_sign_in_link(&given.email, "", &ctx.script()).await;
    Ok(match ctx.record_events(asked)? {
        LinkAsked::Sent { expires_in, .. } => {
            json_with(StatusCode::ACCEPTED, &SignInLinkSent { expires_in: expires_in.as_secs() })
        }
        LinkAsked::Malformed => {
            let title = text!("problem-address-malformed-title");
            Problem::new(StatusCode::BAD_REQUEST, "unusable_address", title).reply(&ctx.info)
        }
        LinkAsked::NotServed => {
            Problem::new(StatusCode::CONFLICT, "channel_off", text!("problem-links-off-title")).reply(&ctx.info)
        }
    })
}

/// Begin the sign-in of the link. It goes on with `login/second-factor`, the password first.
#[utoipa::path(post, path = "/.stepgate/api/v1/login/link/redeem", request_body = LinkTokenBody, tag = "sign-in", responses(
    (status = 200, body = LoginAnswer),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`link_over`: it is none, or is too old, or a browser asked for it", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`already_done`: this link has led on a moment ago", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn redeem(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let given: LinkTokenBody = body(ctx)?;
    let Some(token) = LinkToken::parse(given.token.0.expose()) else { return Ok(link_over(ctx)) };
    ctx.charge_token().await?;
    let followed = ctx.state.flows.follow_link(&token, None, SignInGoal::default(), &ctx.script()).await;
    Ok(match ctx.record_events(followed)? {
        LinkFollowed::On(reply) => login_reply(ctx, &reply, false),
        LinkFollowed::AlreadyDone => already_done().reply(&ctx.info),
        LinkFollowed::Over => link_over(ctx),
    })
}

/// 401: the same for all that is no link, or no longer.
pub(super) fn link_over(ctx: &Context) -> Reply {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "link_over", text!("problem-link-over-title"));
    problem.challenged(format!("Bearer realm=\"{}\"", ctx.info.host)).reply(&ctx.info)
}
