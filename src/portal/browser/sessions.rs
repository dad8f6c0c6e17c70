//! The sessions of somebody who is signed in, and the browsers that they are known by.

use http::StatusCode;

use super::account::signed_out_here;
use super::other_account;
use super::password::sign_in;
use super::steps::enter;
use crate::auth::proof::Strength;
use crate::flow::reply::{BrowserOverview, SessionOverview};
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{BrowserLine, SessionCard, SessionsPage};
use crate::portal::reply::{Reply, page};

pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "sessions").await?;
    let who = owner(ctx, &destination).await?;
    listed(ctx, &who, None, false).await
}

/// Ends one or all others, or forgets the browsers.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "sessions").await?;
    let who = owner(ctx, &destination).await?;
    let username = &who.session.identity.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let (state, client) = (ctx.state.clone(), ctx.client());
    let done = match fields.get("op") {
        "end" => {
            let id = fields.get("session");
            let ended = ctx.record_events(state.flows.revoke_session(&who.session, id, &client).await)?;
            if ended && id == who.session.id {
                return Ok(signed_out_here(&destination));
            }
            if ended { text!("sessions-ended") } else { text!("sessions-ended-before") }
        }
        "end-others" => {
            let ended = ctx.record_events(state.flows.revoke_others(&who.session, &client).await)?;
            text!("sessions-others-ended", count = ended)
        }
        "forget-browsers" => {
            ctx.record_events(state.flows.forget_browsers(&who.session, &client).await)?;
            text!("browsers-forgotten")
        }
        _ => return Err(HandlerError::Portal(PortalError::BadRequest)),
    };
    // The trail tells of it a moment later.
    let forgot = fields.get("op") == "forget-browsers";
    listed(ctx, &who, Some(done), forgot).await
}

async fn owner(ctx: &Context, destination: &Destination) -> Result<CurrentSession, HandlerError> {
    ctx.current_session(false).await?.ok_or_else(|| sign_in(destination, RequestedAction::Sessions))
}

async fn listed(
    ctx: &Context,
    who: &CurrentSession,
    done: Option<String>,
    forgot: bool,
) -> Result<Reply, HandlerError> {
    let (flows, session) = (&ctx.state.flows, &who.session);
    let now = flows.ports.clock.now();
    let card = |session: SessionOverview| SessionCard {
        current: session.is_current,
        agent: format::agent(session.agent),
        hosts: format::all_of(&session.hosts),
        place: format::address(session.address, session.country.as_deref()),
        strength: strength(session.strength),
        since: format::moment(session.created_at),
        seen: format::ago(now.since(session.seen_at)),
        id: session.id,
    };
    let line = |browser: BrowserOverview| BrowserLine {
        current: browser.is_current,
        agent: format::agent(browser.agent),
        last: format::moment(browser.last_at),
        place: format::address(browser.address, browser.country.as_deref()),
    };
    let sessions = flows.sessions_of(session).await?.into_iter().map(card).collect();
    let known = if forgot { Vec::new() } else { flows.browsers_of(session, &ctx.client()).await? };
    let browsers = known.into_iter().map(line).collect();
    let (shell, username) = (ctx.shell(), &session.identity.username);
    let of = form_owner::tag(ctx, username);
    let shown = SessionsPage { shell: &shell, account: username.as_str(), done, sessions, browsers, of: &of };
    Ok(page(StatusCode::OK, "sessions", &shown))
}

/// What was proved for a session.
fn strength(strength: Option<Strength>) -> String {
    match strength {
        None | Some(Strength::OneFactor) => text!("session-one-factor"),
        Some(Strength::TwoSteps) => text!("session-two-steps"),
        Some(Strength::TwoFactor) => text!("session-two-factor"),
        Some(Strength::PhishingResistant) => text!("session-phishing-resistant"),
    }
}
