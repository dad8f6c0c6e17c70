//! The front page of the host where people sign in: the apps that they may open.

use http::StatusCode;

use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::handoff::{authority_of, origin_of};
use crate::portal::pages::{AppLink, AppsPage};
use crate::portal::reply::{Reply, page, see_other};

/// Lists the apps, by their rules alone: no app is asked.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    if !ctx.state.is_portal(&ctx.info.host) {
        return Err(PortalError::NotFound.into());
    }
    let Some(who) = ctx.current_session(false).await? else { return Ok(see_other("/.stepgate/login", "apps")) };
    let (info, now) = (&ctx.info, ctx.state.flows.ports.clock.now());
    let open = ctx.state.destinations.open_to(&who.session, info.client_ip, now);
    let link = |host: &str| AppLink {
        name: authority_of(info, host).into_owned(),
        href: format!("{}/", origin_of(info, host)),
    };
    let (shell, username) = (ctx.shell(), who.session.identity.username.as_str());
    let apps = open.into_iter().map(link).collect();
    Ok(page(StatusCode::OK, "apps", &AppsPage { shell: &shell, username, apps }))
}
