//! Pages for browsers that would else be asked again and again: one that keeps no cookie of ours, and one that is sent
//! to a destination which sends it back each time. Both say what is known, and for whom the rest is.

use http::StatusCode;

use super::{CONTINUE, RESTART};
use crate::auth::session::Session;
use crate::portal::context::Context;
use crate::portal::cookies;
use crate::portal::destination::Destination;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::redirect_guard;
use crate::portal::reply::{Note, Reply, page, see_other, with_cookie};
use crate::portal::support_contact;

/// 400: the browser does not send our cookie back.
pub(super) fn cookie_not_kept(ctx: &Context) -> Reply {
    let (shell, info) = (ctx.shell(), &ctx.info);
    let mut lines = vec![text!("cookie-needed")];
    if info.scheme == "http" {
        let host = info.host.as_str();
        lines.push(match is_local(host) {
            true => text!("cookie-local-http"),
            false => text!("cookie-http", host = host),
        });
    }
    lines.push(text!("cookie-allow", host = &info.host));
    let now = ctx.state.flows.ports.clock.now();
    let shown = vec![
        (text!("fact-cookie"), cookies::SESSION.to_owned()),
        (text!("fact-site"), format!("{}://{}", info.scheme, info.authority)),
        (text!("fact-time"), format::moment(now)),
    ];
    let notice = NoticePage {
        lines,
        details: shown,
        go_on: Some((RESTART, text!("action-try-again"))),
        ..NoticePage::new(&shell, text!("cookie-title"))
    };
    page(StatusCode::BAD_REQUEST, "cookies", &notice).noted(Note::CookieNotKept)
}

/// On to the destination, for which nothing is missing; unless that was done again and again just now.
pub(super) fn to_destination(ctx: &Context, destination: &Destination, session: &Session, kind: &'static str) -> Reply {
    if let Some(round) = redirect_loop(ctx, destination) {
        return round;
    }
    with_cookie(see_other(&destination.next_url(), kind), super::redirect_cookie(ctx, destination, session))
}

/// 409: where the browser came back too often, says so. Nothing was wrong with what the person did. The count begins
/// anew after that, so whoever tries again can.
pub(super) fn redirect_loop(ctx: &Context, destination: &Destination) -> Option<Reply> {
    loop_page(ctx, destination, Some((CONTINUE, text!("loop-once-more"))), Vec::new())
}

/// The same, with a link on, where a button would send what was sent before.
pub(super) fn redirect_loop_by_link(ctx: &Context, destination: &Destination, on: &str) -> Option<Reply> {
    loop_page(ctx, destination, None, vec![Link::to(on, text!("loop-once-more"))])
}

fn loop_page(
    ctx: &Context,
    destination: &Destination,
    go_on: Option<(&'static str, String)>,
    mut links: Vec<Link>,
) -> Option<Reply> {
    let now = ctx.state.flows.ports.clock.now();
    if !redirect_guard::is_loop(&ctx.info.cookies, destination, now) {
        return None;
    }
    let (shell, info) = (ctx.shell(), &ctx.info);
    let place = ctx.place(destination);
    let whom = support_contact::whom(shell.support.as_ref());
    let lines = vec![
        text!("loop-sent-round", place = place, count = redirect_guard::MAX_REDIRECTS),
        text!("loop-stopped"),
        text!("loop-tell", support = whom),
    ];
    let mut shown: Vec<(String, String)> =
        ctx.guards().strongest().map(|guard| (text!("fact-rule"), guard.rule.id.0.to_string())).into_iter().collect();
    shown.push((text!("fact-time"), format::moment(now)));
    shown.push((text!("fact-reference"), info.request_id.clone()));
    links.push(Link::to("/.stepgate/account", text!("action-your-account")));
    let notice = NoticePage { lines, details: shown, go_on, links, ..NoticePage::new(&shell, text!("loop-title")) };
    let answer = page(StatusCode::CONFLICT, "loop", &notice);
    Some(with_cookie(answer, redirect_guard::reset_cookie(&info.cookies, destination, now)).noted(Note::RedirectLoop))
}

/// Whether a host is the machine of the browser itself.
fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
