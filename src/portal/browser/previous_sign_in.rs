//! What people are told of their account's sign-ins before this one: when the last one was, and what was strange since.

use crate::auth::history::Notice;
use crate::auth::time::Timestamp;
use crate::portal::context::Context;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{Link, UnusualActivity};

/// How many strange sign-ins are told one by one.
const ONE_BY_ONE: usize = 3;

/// When the person signed in before. Shown once the first factor is proved; from where is told later.
pub(super) fn last_time(previous: Option<Timestamp>, now: Timestamp) -> String {
    match previous {
        Some(at) => text!("previous-sign-in", ago = format::ago(now.since(at)), moment = format::moment(at)),
        None => text!("previous-sign-in-none"),
    }
}

/// What was strange, in sentences; `whom`: who is to be told if it was somebody else.
pub(super) fn unusual_activity(ctx: &Context, notice: &Notice, user: &str, whom: &str) -> UnusualActivity {
    let since = text!("unusual-since", moment = format::moment(notice.since));
    let mut items = Vec::new();
    for sign_in in notice.strange.iter().take(ONE_BY_ONE) {
        let (moment, address) = (format::moment(sign_in.at), sign_in.ip.to_string());
        items.push(match ctx.state.flows.settings.risk {
            Some(_) => text!("unusual-sign-in-risk", user = user, moment = moment, address = address),
            None => text!("unusual-sign-in", user = user, moment = moment, address = address),
        });
    }
    match notice.strange.len().saturating_sub(ONE_BY_ONE) {
        0 => {}
        more => items.push(text!("unusual-more", count = more)),
    }
    items.extend(failed(notice, user));
    let advice = if !notice.strange.is_empty() || notice.knew_the_password() {
        text!("unusual-advice-known", support = whom)
    } else {
        text!("unusual-advice-guessed", support = whom)
    };
    UnusualActivity { since, items, advice, not_me: not_me(ctx) }
}

/// Where somebody is led who does not know a sign-in.
fn not_me(ctx: &Context) -> Link {
    match ctx.state.flows.settings.risk {
        Some(_) => Link::to("/.stepgate/not-me", text!("not-me-link")),
        None => Link::to("/.stepgate/logout", text!("action-not-me")),
    }
}

/// The failed attempts in one sentence.
fn failed(notice: &Notice, user: &str) -> Option<String> {
    let last = notice.failed.first()?;
    let (count, moment, address) = (notice.failed.len(), format::moment(last.at), last.ip.to_string());
    Some(if notice.knew_the_password() {
        text!("unusual-failed-knew", count = count, user = user, moment = moment, address = address)
    } else {
        text!("unusual-failed", count = count, user = user, moment = moment, address = address)
    })
}
