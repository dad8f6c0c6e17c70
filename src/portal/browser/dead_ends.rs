//! Pages for browsers that would else be asked again and again: one that keeps no cookie of ours, and one that is sent
//! to a destination which sends it back each time. Both say what is known, and for whom the rest is.

use http::StatusCode;

use super::{CONTINUE, RESTART};
use crate::auth::session::Session;
use crate::portal::answers::Noted;
use crate::portal::cookies;
use crate::portal::ctx::{Answered, Ctx, page, see_other, with_cookie};
use crate::portal::goal::Goal;
use crate::portal::pages::{Link, Notice};
use crate::portal::support;
use crate::portal::turns;
use crate::portal::words;

/// Looks whether a browser kept the cookie that it was given a moment ago, where our own redirect asks to. On with the
/// plain address if it did, so that a later look at the same page asks nothing.
pub(super) fn cookie_check(ctx: &Ctx, goal: &Goal, page: &str) -> Option<Answered> {
    if !goal.check_cookies {
        return None;
    }
    let kept = cookies::any_of_ours(&ctx.facts.headers);
    Some(if kept { see_other(&goal.checked().page(page), "cookies") } else { not_kept(ctx) })
}

/// 400: the browser does not send our cookie back.
fn not_kept(ctx: &Ctx) -> Answered {
    let (shell, facts) = (ctx.shell(), &ctx.facts);
    let mut lines = vec![
        "A sign-in needs a cookie, and your browser did not send it back. Until it does, signing in again leads here \
         again."
            .to_owned(),
    ];
    if facts.scheme == "http" {
        let host = facts.host.as_str();
        lines.push(match is_local(host) {
            true => "This address begins with http://. Some browsers keep this cookie for https:// only, even on your \
                     own machine. Try another browser."
                .to_owned(),
            false => format!("This address begins with http://. Browsers keep this cookie for https:// only. Open https://{host} instead."),
        });
    }
    lines.push(format!(
        "In the settings of your browser, allow cookies for {}. If an extension or a private window blocks them, switch \
         it off for this site.",
        facts.host
    ));
    let now = ctx.core.flows.ports.clock.now();
    let shown = vec![
        ("Cookie", cookies::SESSION.to_owned()),
        ("Site", format!("{}://{}", facts.scheme, facts.authority)),
        ("Time here", words::moment(now)),
    ];
    let notice = Notice {
        lines,
        facts: shown,
        go_on: Some((RESTART, "Try again")),
        ..Notice::new(&shell, "Your browser did not keep our cookie")
    };
    noted(page(StatusCode::BAD_REQUEST, "cookies", &notice), "cookie_not_kept")
}

/// On to the destination, for which nothing is missing; unless that was done again and again just now.
pub(super) fn sent_on(ctx: &Ctx, goal: &Goal, session: &Session, kind: &'static str) -> Answered {
    if let Some(round) = sent_round(ctx, goal) {
        return round;
    }
    with_cookie(see_other(&goal.next(), kind), super::counted(ctx, goal, session))
}

/// 409: where the browser came back too often, says so. Nothing was wrong with what the person did. The count begins
/// anew after that, so whoever tries again can.
pub(super) fn sent_round(ctx: &Ctx, goal: &Goal) -> Option<Answered> {
    let now = ctx.core.flows.ports.clock.now();
    if !turns::too_many(&ctx.facts.headers, goal, now) {
        return None;
    }
    let (shell, facts) = (ctx.shell(), &ctx.facts);
    let place = ctx.place(goal);
    let whom = support::whom(&shell);
    let lines = vec![
        format!(
            "You were sent to {place} {} times in a row, and each time it sent you back here to sign in.",
            turns::MOST
        ),
        "We stopped, so that this does not go on for ever. You did nothing wrong, and a new password or code does not \
         help."
            .to_owned(),
        format!("Tell {whom}, with the reference below."),
    ];
    let guards = goal.guards(&ctx.core.policy, &facts.host, facts.client_ip);
    let mut shown: Vec<(&str, String)> =
        guards.first().map(|(rule, _)| ("Rule", rule.id.0.to_string())).into_iter().collect();
    shown.push(("Time here", words::moment(now)));
    shown.push(("Reference", facts.request_id.clone()));
    let notice = Notice {
        lines,
        facts: shown,
        go_on: Some((CONTINUE, "Try once more")),
        links: vec![Link::to("/.stepgate/account", "Your account")],
        ..Notice::new(&shell, "This page keeps asking you to sign in")
    };
    let answer = page(StatusCode::CONFLICT, "loop", &notice);
    Some(noted(with_cookie(answer, turns::forget(&facts.headers, goal, now)), "redirect_loop"))
}

/// Adds the word for the log.
fn noted(mut answer: Answered, word: &'static str) -> Answered {
    answer.extensions_mut().insert(Noted(word));
    answer
}

/// Whether a host is the machine of the browser itself.
fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
