//! Who the caller is, and the way out.

use http::StatusCode;

use super::account_types::{LogoutBody, SessionsEnded};
use super::types::{ProblemBody, SessionBrief, WhoAmI};
use super::{body, json, require_session};
use crate::auth::proof::Strength;
use crate::auth::time::Timestamp;
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies;
use crate::portal::reply::{Reply, with_cookie};

/// Who am I.
#[utoipa::path(get, path = "/.stepgate/api/v1/whoami", tag = "session", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = WhoAmI),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn whoami(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let session = &who.session;
    Ok(json(&WhoAmI {
        username: session.identity.username.as_str().to_owned(),
        groups: session.identity.groups.iter().map(|g| g.0.clone()).collect(),
        amr: session.proofs.amr(),
        acr: Strength::of(session.proofs.methods()).map(Strength::acr),
        auth_time: session.proofs.latest().map(Timestamp::rfc3339),
    }))
}

/// The session in brief. Asking does not extend it.
#[utoipa::path(get, path = "/.stepgate/session", tag = "session", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = SessionBrief),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn brief(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, true).await?;
    let flows = &ctx.state.flows;
    let left = flows.settings.session.ends_at(&who.session).since(flows.ports.clock.now());
    Ok(json(&SessionBrief {
        username: who.session.identity.username.as_str().to_owned(),
        user: who.session.identity.username.as_str().to_owned(),
        strength: Strength::of(who.session.proofs.methods()).map(Strength::name),
        expires_in: left.as_secs(),
    }))
}

/// End the session, or every session of the person.
#[utoipa::path(post, path = "/.stepgate/api/v1/logout", request_body = LogoutBody, tag = "session", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "Ended, with `everywhere`", body = SessionsEnded),
    (status = 204, description = "Ended"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn logout(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, true).await?;
    let LogoutBody { everywhere } = body(ctx)?;
    let ended = ctx.record_events(ctx.state.flows.logout(&who.token, &who.session, everywhere, &ctx.script()).await)?;
    let reply = match everywhere {
        true => json(&SessionsEnded { ended }),
        false => Reply::empty(StatusCode::NO_CONTENT, "api"),
    };
    Ok(with_cookie(reply, cookies::clear_session().filter(|_| who.by_cookie)))
}
