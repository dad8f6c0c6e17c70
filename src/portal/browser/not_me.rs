//! "This was not me": who is signed in says that a sign-in was not theirs. A link only leads to the page; the button says it.

use http::StatusCode;

use super::account::require_session;
use super::other_account;
use crate::auth::proof::RiskAction;
use crate::flow::risk::Disowned;
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies;
use crate::portal::destination::Destination;
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NotMePage, NoticePage};
use crate::portal::reply::{Reply, page, see_other, with_cookie, with_session};
use crate::portal::support_contact;

const ACCOUNT: &str = "/.stepgate/account";
const PASSWORD: &str = "/.stepgate/password";

/// Says what follows, and asks.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx).await?;
    let (shell, username) = (ctx.shell(), &who.session.identity.username);
    let whom = support_contact::whom(shell.support.as_ref());
    let consequences = [vec![text!("not-me-ends"), text!("not-me-outstanding")], consequences(ctx, &whom)].concat();
    let (of, username) = (form_owner::tag(ctx, username), username.as_str());
    Ok(page(StatusCode::OK, "not-me", &NotMePage { shell: &shell, username, consequences, of: &of }))
}

/// Takes their word.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let fields = ctx.form().await?;
    if fields.get("op") != "not-me" {
        return Err(HandlerError::Portal(PortalError::BadRequest));
    }
    let who = require_session(ctx).await?;
    let username = &who.session.identity.username;
    if fields.get("of").is_empty() {
        // It ends what is open everywhere: no form but ours does that.
        return Err(HandlerError::Portal(PortalError::BadRequest));
    }
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let (state, client) = (ctx.state.clone(), ctx.client());
    match ctx.record_events(state.flows.disown(&who.token, &who.session, &client).await)? {
        Disowned::Done { opened, ended } => {
            let shell = ctx.shell();
            let whom = support_contact::whom(shell.support.as_ref());
            let items = consequences(ctx, &whom);
            let (line, links) = match opened {
                Some(_) => (
                    text!("not-me-ended", count = ended),
                    vec![Link::to(PASSWORD, text!("password-title")), Link::to(ACCOUNT, text!("action-your-account"))],
                ),
                None => (text!("not-me-all-ended"), vec![Link::to(login_page(), text!("signed-out-again"))]),
            };
            let heading = NoticePage::new(&shell, text!("not-me-done-title"));
            let notice = NoticePage { lines: vec![line, text!("not-me-outstanding-ended")], items, links, ..heading };
            let answer = page(StatusCode::OK, "not-me", &notice);
            Ok(match opened {
                Some(opened) => with_session(answer, &opened, state.flows.settings.device_ttl),
                None => with_cookie(answer, cookies::clear_session()),
            })
        }
        Disowned::Ended => {
            let shell = ctx.shell();
            let items = vec![text!("not-me-needs-proof", support = support_contact::whom(shell.support.as_ref()))];
            let heading = NoticePage::new(&shell, text!("not-me-done-title"));
            let links = vec![Link::to(login_page(), text!("signed-out-again"))];
            let notice = NoticePage { lines: vec![text!("not-me-all-ended")], items, links, ..heading };
            Ok(with_cookie(page(StatusCode::OK, "not-me", &notice), cookies::clear_session()))
        }
        Disowned::Gone => Ok(see_other(&login_page(), "not-me")),
    }
}

fn login_page() -> String {
    Destination::from_query(&[], Default::default()).page_url("login")
}

/// What follows by the rules of this gateway, where they ask for nothing too.
pub(super) fn consequences(ctx: &Context, whom: &str) -> Vec<String> {
    let enforced = ctx.state.flows.settings.risk.as_ref().is_some_and(|risk| risk.enforces());
    let action = if enforced { ctx.state.destinations.at_high_risk() } else { RiskAction::Permit };
    let apps = match action {
        RiskAction::Permit => text!("not-me-asks-nothing", support = whom),
        RiskAction::StepUp => text!("not-me-asks-more", support = whom),
        RiskAction::Deny => text!("not-me-may-refuse", support = whom),
    };
    vec![apps, text!("not-me-password")]
}
