//! The pages people see: one handler for showing, one for what is sent back.

pub(super) mod account;
pub(super) mod activity;
pub(super) mod addresses;
mod approval;
pub(super) mod apps;
pub(super) mod backup_codes;
mod dead_ends;
pub(super) mod delete;
pub(super) mod done;
mod ended_sessions;
pub(super) mod enroll;
pub(super) mod export;
pub(super) mod handoff;
pub(super) mod held_form;
mod keep_sessions;
pub(super) mod letter_notice;
mod locked_factor;
pub(super) mod login;
pub(super) mod login_link;
pub(super) mod not_me;
mod other_account;
pub(super) mod passkey;
mod passkey_cards;
mod passkey_dialogs;
mod passkey_upgrade;
pub(super) mod passkeys;
pub(super) mod password;
mod previous_sign_in;
pub(super) mod recover;
pub(super) mod recover_stop;
pub(super) mod second_factor;
mod sent_code;
pub(super) mod sessions;
pub(super) mod sign_up;
pub(super) mod step_up;
mod steps;
pub(super) mod turn_off;
pub(super) mod well_known;

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::answers::out_of_reach::{self, Unreached};
use super::context::{Context, HandlerError};
use super::destination::Destination;
use super::format;
use super::messages::text;
use super::pages::{Errors, FEW, Link, MethodPrompt, NoticePage, codes_left};
use super::redirect_guard;
use super::reply::{Reply, page, see_other, with_cookie, with_session};
use super::support_contact;
use crate::auth::history::Notice as HistoryNotice;
use crate::auth::link_token::LinkToken;
use crate::auth::proof::MethodSet;
use crate::auth::session::{Session, Standing};
use crate::flow::reply::{Opened, Rejection};
use crate::portal::error::PortalError;
use crate::portal::reply::Cause;

/// A style sheet, script or logo.
pub(crate) async fn asset(ctx: &Context) -> Result<Reply, HandlerError> {
    let name = ctx.path.rsplit('/').next().unwrap_or_default();
    ctx.state.theme.asset(name, &ctx.info.headers).ok_or(HandlerError::Portal(PortalError::NotFound))
}

/// The script by which scripts of an app ask for what a 401 lacks, on the hosts of apps that want it.
pub(crate) async fn step_up_script(ctx: &Context) -> Result<Reply, HandlerError> {
    let served = ctx.state.scripts.get(&ctx.info.host).is_some_and(|scripts| scripts.step_up_script);
    match served {
        true => Ok(ctx.state.theme.step_up_script(&ctx.info.headers)),
        false => Err(HandlerError::Portal(PortalError::NotFound)),
    }
}

/// The token of a link in the address, if there is any; an inner `None`: it is none of ours, or one of several.
fn link_token(ctx: &Context) -> Option<Option<LinkToken>> {
    let mut tokens = ctx.query.iter().filter(|(name, _)| name == "token").map(|(_, token)| LinkToken::parse(token));
    let first = tokens.next()?;
    Some(first.filter(|_| tokens.next().is_none()))
}

/// As [`link_token`], charged before anybody looks at what it leads to.
async fn charged_link_token(ctx: &mut Context) -> Result<Option<Option<LinkToken>>, HandlerError> {
    let token = link_token(ctx);
    if token.as_ref().is_some_and(Option::is_some) {
        ctx.charge_token().await?;
    }
    Ok(token)
}

/// A page that says something, with links.
fn notice(
    ctx: &Context,
    status: StatusCode,
    kind: &'static str,
    heading: String,
    line: String,
    links: Vec<Link>,
) -> Reply {
    let shell = ctx.shell();
    page(status, kind, &NoticePage { lines: vec![line], links, ..NoticePage::new(&shell, heading) })
}

/// What a button of a notice asks for: on to the destination, back to the form, or to a new sign-in.
const CONTINUE: &str = "continue";
const AGAIN: &str = "again";
const RESTART: &str = "restart";

/// 429: how long to wait, and what else one can do; then back to the form, so that what was proved before need not be
/// proved again. `others`: the other ways, whose attempts are counted for themselves; `of`: for whom they are.
fn wait(ctx: &Context, wait: Duration, others: Vec<MethodPrompt>, of: String) -> Reply {
    let shell = ctx.shell();
    let mut lines = vec![text!("wait-attempts", duration = format::wait(wait))];
    let mut items = Vec::new();
    if !others.is_empty() {
        items.push(text!("wait-other-way"));
    }
    items.push(text!("wait-known-browser"));
    items.push(text!("wait-not-you", support = support_contact::whom(shell.support.as_ref())));
    lines.push(text!("wait-nothing-lost"));
    let (list, go_on) = (Some(text!("wait-meanwhile")), Some((AGAIN, text!("action-try-again"))));
    let heading = NoticePage::new(&shell, text!("wait-title"));
    let notice = NoticePage { lines, list, items, go_on, ways: others, of, ..heading };
    let mut answer = page(StatusCode::TOO_MANY_REQUESTS, "wait", &notice);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(format::wait_seconds(wait)));
    answer
}

/// 503: many people sign in at this moment.
fn busy(ctx: &Context) -> Reply {
    let lines = vec![text!("busy")];
    let (shell, go_on) = (ctx.shell(), Some((AGAIN, text!("action-try-again"))));
    let notice = NoticePage { lines, go_on, ..NoticePage::new(&shell, text!("busy-title")) };
    let mut answer = page(StatusCode::SERVICE_UNAVAILABLE, "wait", &notice);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(2));
    answer.caused_by(Cause::Busy)
}

/// The sign-in under way is over, or was never begun in this browser.
fn start_again(ctx: &Context) -> Reply {
    let lines = vec![text!("over")];
    let (shell, go_on) = (ctx.shell(), Some((RESTART, text!("action-start-again"))));
    page(StatusCode::OK, "start-again", &NoticePage { lines, go_on, ..NoticePage::new(&shell, text!("over-title")) })
}

/// 403: the destination asks for more than this person has or could set up.
fn out_of_reach(ctx: &Context, destination: &Destination, person: Unreached<'_>) -> Reply {
    let guard = ctx.guards().out_of_reach(person.owned).or_else(|| ctx.guards().strongest());
    let requirement = guard.map_or_else(|| ctx.guards().requirement(), |guard| guard.requirement);
    let asked = format!("{} {}", destination.method, ctx.place(destination));
    out_of_reach::page_reply(
        &ctx.state,
        &ctx.info,
        guard.map(|guard| guard.rule.summary()),
        requirement,
        person,
        &asked,
    )
}

/// The session is open: on to the destination, by way of what must be said first.
fn after_sign_in(ctx: &Context, destination: &Destination, opened: &Opened) -> Reply {
    let answer = match (&opened.notice, opened.aftermath.backup_codes_left) {
        (None, None) if opened.locked.or(opened.unlocked).is_empty() => {
            see_other(&steps::next_url(ctx, destination), "login")
        }
        (notice, left) => interstitial(ctx, destination, opened, notice.as_ref(), left),
    };
    let answer = with_cookie(answer, redirect_cookie(ctx, destination, &opened.session));
    with_session(answer, opened, ctx.state.flows.settings.device_ttl)
}

/// `Set-Cookie` that counts one more turn to a destination that this session opens. It counts for as long as the
/// destination would not ask anew by its own rules: a proof that grew old since is no loop.
fn redirect_cookie(ctx: &Context, destination: &Destination, session: &Session) -> Option<HeaderValue> {
    let (state, info) = (&ctx.state, &ctx.info);
    let now = state.flows.ports.clock.now();
    let guards = ctx.guards();
    let holds = |later: &u64| {
        let then = now.plus(Duration::from_secs(*later));
        state.flows.settings.session.standing(session, then) == Standing::Live && guards.are_met(&session.proofs, then)
            // What asks anew each time is meant to.
            && guards.bound().is_none()
    };
    let counts = (1..=redirect_guard::WINDOW.as_secs()).take_while(holds).last().unwrap_or(0);
    redirect_guard::counting_cookie(&info.cookies, destination, Duration::from_secs(counts), now)
}

/// A page between the sign-in and the destination, only where there is something to say: what was strange since the
/// person was here last, and how many backup codes are left after one was used.
fn interstitial(
    ctx: &Context,
    destination: &Destination,
    opened: &Opened,
    notice: Option<&HistoryNotice>,
    left: Option<u32>,
) -> Reply {
    let shell = ctx.shell();
    let user = opened.session.identity.username.as_str();
    let (mut lines, mut more) = (Vec::new(), Vec::new());
    if let Some(left) = left {
        lines.push(if left == 0 { text!("codes-used-last") } else { codes_left(left) });
        lines.push(text!("codes-used"));
        if left <= FEW && ctx.state.flows.settings.backup_codes > 0 {
            lines.push(text!("codes-make-new"));
            more.push(Link::to(destination.page_url("backup-codes"), text!("action-new-backup-codes")));
        }
    }
    lines.extend(locked_factor::lines(opened));
    let notice = match notice {
        Some(notice) => {
            let whom = support_contact::whom(shell.support.as_ref());
            let strange = previous_sign_in::unusual_activity(ctx, notice, user, &whom);
            lines.push(strange.since);
            more.insert(0, strange.not_me);
            let (items, after) = (strange.items, Some(strange.advice));
            NoticePage { items, after, ..NoticePage::new(&shell, text!("unusual-title")) }
        }
        None if left.is_some() => NoticePage::new(&shell, text!("codes-used-title")),
        None => NoticePage::new(&shell, text!("locked-entered-title")),
    };
    page(
        StatusCode::OK,
        "notice",
        &NoticePage { lines, go_on: Some((CONTINUE, text!("action-continue"))), links: more, ..notice },
    )
}

/// The ways of `methods`: the wanted one, else the first; and the others.
fn ways(methods: MethodSet, wanted: &str) -> Option<(MethodPrompt, Vec<MethodPrompt>)> {
    let mut all: Vec<MethodPrompt> = methods.iter().map(MethodPrompt::of).collect();
    // One way for every kind of passkey.
    all.dedup();
    let chosen = all.iter().find(|w| w.name == wanted).or_else(|| {
        // The password is offered last: where a code would do too, it is the better proof.
        all.iter().find(|w| !w.is_password()).or_else(|| all.first())
    });
    let chosen = *chosen?;
    Some((chosen, all.into_iter().filter(|w| *w != chosen).collect()))
}

/// What to do about a wrong proof, in the words of its field. `None`: there is nothing left to try it on.
fn proof_errors(way: MethodPrompt, rejection: Rejection) -> Option<Errors> {
    let text = match rejection {
        Rejection::CeremonyGone | Rejection::SessionGone => return None,
        Rejection::ClockOff { seconds } => text!("mistake-clock", off = format::clock_off(seconds)),
        Rejection::WrongPasskey { .. } => {
            return Some(Errors::one(passkey_dialogs::PASSKEY, text!("mistake-passkey-wrong")));
        }
        Rejection::WrongCredentials => text!("mistake-password"),
        Rejection::NoCode => text!("mistake-no-sent-code"),
        Rejection::CodeUsedUp => text!("mistake-code-used-up"),
        Rejection::WrongCode if way.is_password() => text!("mistake-password"),
        Rejection::WrongCode if way.is_sent() => text!("mistake-sent-code"),
        Rejection::WrongCode if way.is_digits() => text!("mistake-totp"),
        Rejection::WrongCode => text!("mistake-backup-code"),
    };
    Some(Errors::one("code", text))
}

/// The mistake of an empty field.
fn empty(way: MethodPrompt) -> Errors {
    Errors::one("code", if way.is_password() { text!("mistake-no-password") } else { text!("mistake-no-code") })
}

/// The account has nothing that could be asked for here.
fn nothing_to_prove_with(ctx: &Context) -> Reply {
    let links = vec![Link::to("/.stepgate/account", text!("action-your-account"))];
    notice(ctx, StatusCode::FORBIDDEN, "step-up", text!("step-up-nothing-title"), text!("step-up-nothing"), links)
}
