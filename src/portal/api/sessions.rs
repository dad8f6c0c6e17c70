//! The sessions and the known browsers of the caller, for machines.

use http::StatusCode;

use super::account_types::{ListedSession, SessionList, SessionsEnded};
use super::types::ProblemBody;
use super::{json, require_session};
use crate::auth::proof::Strength;
use crate::auth::session::Channel;
use crate::flow::reply::SessionOverview;
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies;
use crate::portal::error::PortalError;
use crate::portal::messages::text;
use crate::portal::reply::{Reply, with_cookie};

/// The sessions of the caller.
#[utoipa::path(get, path = "/.stepgate/api/v1/sessions", tag = "account", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = SessionList),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn list(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let sessions = ctx.state.flows.sessions_of(&who.session).await?;
    Ok(json(&SessionList { sessions: sessions.into_iter().map(listed).collect() }))
}

/// End a session of the caller, their own too. One of somebody else is not found, as one that never was.
#[utoipa::path(delete, path = "/.stepgate/api/v1/sessions/{id}", tag = "account",
    params(("id" = String, Path, description = "As the list tells it")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "Ended, on every host that shared it"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn revoke(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let id = ctx.path.rsplit('/').next().unwrap_or_default().to_owned();
    if !ctx.record_events(ctx.state.flows.revoke_session(&who.session, &id, &ctx.script()).await)? {
        return Err(HandlerError::Portal(PortalError::NotFound));
    }
    let own = who.by_cookie && id == who.session.id;
    Ok(with_cookie(Reply::empty(StatusCode::NO_CONTENT, "api"), cookies::clear_session().filter(|_| own)))
}

/// End every other session of the caller.
#[utoipa::path(delete, path = "/.stepgate/api/v1/sessions", tag = "account",
    params(("others" = bool, Query, description = "`true`: all but the one that asks")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = SessionsEnded),
    (status = 400, description = "`malformed_request`: without `others=true` it is not clear which", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn revoke_others(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let asked: Vec<&str> = ctx.query.iter().filter(|(name, _)| name == "others").map(|(_, v)| v.as_str()).collect();
    if asked != ["true"] {
        return Err(HandlerError::from(Problem::malformed(text!("problem-which-sessions-title"))));
    }
    let ended = ctx.record_events(ctx.state.flows.revoke_others(&who.session, &ctx.script()).await)?;
    Ok(json(&SessionsEnded { ended }))
}

/// Forget every browser that the caller is known by: from then on each counts as a new one.
#[utoipa::path(delete, path = "/.stepgate/api/v1/known-browsers", tag = "account",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "Forgotten"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn forget_browsers(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    ctx.record_events(ctx.state.flows.forget_browsers(&who.session, &ctx.script()).await)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT, "api"))
}

pub(super) fn listed(session: SessionOverview) -> ListedSession {
    ListedSession {
        current: session.is_current,
        hosts: session.hosts,
        created_at: session.created_at.rfc3339(),
        last_seen_at: session.seen_at.rfc3339(),
        expires_at: session.ends_at.rfc3339(),
        strength: session.strength.map(Strength::name),
        amr: session.amr,
        client_ip: session.address.to_string(),
        country: session.country,
        browser: session.agent.browser,
        system: session.agent.system,
        channel: match session.channel {
            Channel::Cookie => "cookie",
            Channel::Bearer => "bearer",
        },
        id: session.id,
    }
}
