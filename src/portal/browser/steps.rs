//! The steps that the pages of a sign-in begin with, and the ways between them.

use http::Method;

use super::dead_ends::cookie_not_kept;
use super::{AGAIN, CONTINUE, RESTART};
use crate::auth::ceremony::CeremonyToken;
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies;
use crate::portal::destination::Destination;
use crate::portal::forms::FormFields;
use crate::portal::reply::{Reply, see_other, with_cookie};

/// Where the person is going, and the form that was posted; none of it where the page is only shown.
///
/// Stops with what comes before the page: the look whether the browser kept the cookie that it was given a moment ago,
/// where our own redirect asks for one; and where a button of a notice leads.
pub(super) async fn enter(ctx: &Context, page: &'static str) -> Result<(Destination, FormFields), HandlerError> {
    let asked = ctx.destination();
    let destination = asked.without_cookie_check();
    if ctx.info.method == Method::POST {
        let fields = ctx.form().await?;
        return match button_redirect(ctx, &destination, page, fields.get("op")) {
            Some(redirect) => Err(redirect.into()),
            None => Ok((destination, fields)),
        };
    }
    if asked.check_cookies && !ctx.info.cookies.any {
        return Err(cookie_not_kept(ctx).into());
    }
    // On to the plain address, so that a later look at the same page asks nothing. Sign-in leads on by itself.
    if asked.check_cookies && page != "login" {
        return Err(see_other(&destination.page_url(page), "cookies").into());
    }
    Ok((destination, FormFields::default()))
}

/// Where a button of a notice on `page` leads. A redirect, for a browser takes the fragment along (RFC 9110 §10.2.2).
fn button_redirect(ctx: &Context, destination: &Destination, page: &'static str, op: &str) -> Option<Reply> {
    let to = match op {
        CONTINUE => next_url(ctx, destination),
        AGAIN => destination.page_url(page),
        RESTART => destination.page_url("login"),
        _ => return None,
    };
    Some(see_other(&to, page))
}

/// Where somebody goes who is signed in now: to the destination, or, in a browser that has not shown a cookie of ours
/// yet, by way of a look whether it keeps them.
pub(super) fn next_url(ctx: &Context, destination: &Destination) -> String {
    if ctx.info.cookies.any { open_url(ctx, destination) } else { destination.with_cookie_check().page_url("login") }
}

/// Where the destination opens. A request with a body that was not kept is sent again from where it was sent before, if each
/// request needs a proof: were its address opened here, that would use the proof up.
pub(super) fn open_url(ctx: &Context, destination: &Destination) -> String {
    if waits_elsewhere(ctx, destination) { destination.page_url("done") } else { destination.next_url() }
}

/// Whether what is proved is for a request that another window sends.
pub(super) fn waits_elsewhere(ctx: &Context, destination: &Destination) -> bool {
    destination.is_to_be_resent() && ctx.guards().bound().is_some()
}

/// On to another page of the sign-in under way. `kind`: the page where it goes on from.
pub(super) fn ceremony_redirect(ctx: &Context, to: &str, kind: &'static str, ceremony: &CeremonyToken) -> Reply {
    with_cookie(see_other(to, kind), cookies::set_ceremony(ceremony, ctx.state.flows.settings.ceremony_ttl))
}
