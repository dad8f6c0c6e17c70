//! Away to the host of an app with a ticket, and the arrival there (ADR 0024).

use http::StatusCode;

use super::{dead_ends, notice, redirect_cookie, steps};
use crate::auth::event::TicketFault;
use crate::auth::handoff::TicketToken;
use crate::flow::handoff::{Arrival, Presented};
use crate::flow::reply::Opened;
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies::{self, SessionCredential};
use crate::portal::destination::Destination;
use crate::portal::error::PortalError;
use crate::portal::handoff::origin_of;
use crate::portal::messages::text;
use crate::portal::pages::Link;
use crate::portal::reply::{Note, Reply, see_other, with_cookie, with_session};

/// Sends who has proved what their destination asks back to it, with a ticket.
pub(crate) async fn depart(ctx: &mut Context) -> Result<Reply, HandlerError> {
    if !ctx.state.is_portal(&ctx.info.host) {
        return Err(PortalError::NotFound.into());
    }
    let destination = ctx.destination();
    let Some(opened) = destination.handoff.clone() else { return Ok(see_other("/", "depart")) };
    let Some(who) = ctx.current_session(false).await? else {
        return Ok(see_other(&destination.page_url("login"), "depart"));
    };
    if !who.by_cookie {
        // A ticket is for a browser; to sign in, where a session is at hand already, would lead back here again and again.
        let problem = Problem::new(StatusCode::FORBIDDEN, "cookie_required", text!("problem-cookie-required-title"));
        return Ok(problem.reply(&ctx.info));
    }
    if !ctx.guards_of(&who.session).await?.are_met(&who.session.proofs, ctx.state.flows.ports.clock.now()) {
        return Ok(see_other(&destination.page_url("step-up"), "depart"));
    }
    let app = origin_of(&ctx.info, &opened.handoff.host);
    let slip = cookies::slip_token(&ctx.info.headers, &ctx.info.cookies.session);
    Ok(match ctx.state.flows.issue_ticket(&opened.handoff, &who.session, slip.as_ref()).await? {
        Some(ticket) => {
            see_other(&format!("{app}/.stepgate/arrive?ticket={}", ticket.expose()), "depart").noted(Note::TicketIssued)
        }
        // It is too late for this one, or it was used: the app leads here again with another, if it needs to.
        None => see_other(&format!("{app}{}", destination.at_app().next_url()), "depart").noted(Note::HandoffSpent),
    })
}

/// Takes a ticket, and goes on to where the browser came from.
pub(crate) async fn arrive(ctx: &mut Context) -> Result<Reply, HandlerError> {
    if ctx.state.portal_of(&ctx.info.host).is_none() {
        return Err(PortalError::NotFound.into());
    }
    let mut tickets = ctx.query.iter().filter(|(name, _)| name == "ticket").map(|(_, value)| value.as_str());
    let ticket = tickets.next().filter(|_| tickets.next().is_none()).and_then(TicketToken::parse);
    let Some(ticket) = ticket else { return Ok(rejected(ctx, TicketFault::Absent)) };
    let held = match &ctx.info.cookies.session {
        SessionCredential::Cookie(token) => Some(token.clone()),
        SessionCredential::Bearer(_) | SessionCredential::None | SessionCredential::Ambiguous => None,
    };
    let presented = Presented { ticket: &ticket, binding: ctx.info.cookies.binding.as_ref(), held: held.as_ref() };
    let arrival = ctx.state.flows.arrive(presented, &ctx.client()).await;
    match ctx.record_events(arrival)? {
        Arrival::Rejected(fault) => Ok(rejected(ctx, fault)),
        Arrival::Opened { opened, handoff } => {
            ctx.supersede(&opened).await?;
            let tolerate = ctx.state.destinations.tolerances(&ctx.info.host);
            ctx.go_to(Destination::of_handoff(&handoff, tolerate));
            Ok(arrived(ctx, &opened))
        }
    }
}

/// On to the destination; unless that was done again and again just now.
fn arrived(ctx: &Context, opened: &Opened) -> Reply {
    let destination = ctx.destination();
    let on = steps::open_url(ctx, &destination);
    let answer = match dead_ends::redirect_loop_by_link(ctx, &destination, &on) {
        Some(round) => round,
        None => with_cookie(see_other(&on, "arrive"), redirect_cookie(ctx, &destination, &opened.session))
            .noted(Note::Arrived),
    };
    with_session(answer, opened, ctx.state.flows.settings.device_ttl)
}

/// 403: a ticket that is not for this browser, on this host, now. It is used up by this.
fn rejected(ctx: &Context, fault: TicketFault) -> Reply {
    let line = match fault {
        TicketFault::Absent => text!("arrive-absent"),
        TicketFault::OtherHost | TicketFault::OtherBrowser => text!("arrive-other"),
        TicketFault::NoSession => text!("arrive-ended"),
    };
    let links = vec![Link::to("/", text!("action-start-page"))];
    notice(ctx, StatusCode::FORBIDDEN, "arrive", text!("arrive-title"), line, links).noted(Note::TicketRejected)
}
