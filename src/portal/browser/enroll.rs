//! The first authenticator: a picture to scan, a code to confirm it, backup codes shown once.

use http::StatusCode;

use super::{CONTINUE, busy, last, led_on, locked, lost, rejected, stale, start_again, wait};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::user::Username;
use crate::flow::reply::{ConfirmReply, EnrollReply, Enrolling, PendingTotp};
use crate::portal::answers::Fault;
use crate::portal::bound;
use crate::portal::cookies;
use crate::portal::ctx::{Answered, Ctx, Stop, page, see_other, with_session};
use crate::portal::goal::{First, Goal};
use crate::portal::pages::{Codes, Enroll, Errors, Link, Notice, Way, Why};
use crate::portal::{qr, words};

/// Shows the picture and the steps.
pub(crate) async fn show(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal();
    if let Some(answer) = lost::cookie_check(&ctx, &goal, "enroll") {
        return Ok(answer);
    }
    let enrollee = enrolling(&ctx, &goal).await?;
    form(&ctx, &goal, &enrollee, Errors::none()).await
}

/// Takes the confirming code.
pub(crate) async fn submit(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal().checked();
    let fields = ctx.form().await?;
    if let Some(on) = led_on(&ctx, &goal, "enroll", fields.get("op")) {
        return Ok(on);
    }
    let enrollee = enrolling(&ctx, &goal).await?;
    if !bound::fits(&ctx, &fields, &enrollee.account) {
        return Ok(match &enrollee.who {
            Enrolling::Ceremony(_) => stale::sign_in_of_another(&ctx, &enrollee.account),
            Enrolling::Session(..) => stale::session_of_another(&ctx, &enrollee.account),
        });
    }
    if fields.get("code").trim().is_empty() {
        return form(&ctx, &goal, &enrollee, Errors::one("code", "Enter the code")).await;
    }
    let reply = ctx.heard(ctx.core.flows.confirm_totp(&enrollee.who, fields.secret("code"), &ctx.client()).await)?;
    if let ConfirmReply::Enrolled { opened, .. } = &reply {
        ctx.supersede(opened).await?;
    }
    let answer = match reply {
        ConfirmReply::Enrolled { backup_codes, opened } => {
            let (shell, place) = (ctx.shell(), ctx.place(&goal));
            let user = opened.session.identity.username.as_str();
            let host = ctx.facts.authority.as_str();
            let whom = shell.support.as_ref().map(|s| s.text.as_str());
            let strange = opened.notice.as_ref().map(|notice| last::strange(notice, user, whom));
            let (codes, place) = (backup_codes.as_slice(), place.as_str());
            let codes = Codes { shell: &shell, strange, codes, place, account: user, host, anew: false };
            with_session(&ctx.core, page(StatusCode::OK, "enroll", &codes), &opened)
        }
        ConfirmReply::Rejected(rejection) => match Way::of(Method::Totp).and_then(|way| rejected(way, rejection)) {
            Some(errors) => form(&ctx, &goal, &enrollee, errors).await?,
            None => over(&ctx, &goal, &enrollee).await?,
        },
        ConfirmReply::Wait(how_long) => wait(&ctx, how_long, Vec::new(), String::new()),
        ConfirmReply::Busy => busy(&ctx),
        ConfirmReply::ProveFirst(methods) => prove_first(&ctx, &goal, &enrollee, methods),
    };
    Ok(answer)
}

/// Who enrols here.
struct Enrollee {
    who: Enrolling,
    account: Username,
    /// What the sign-in under way can still ask for.
    askable: MethodSet,
    /// What it could ask for, were it not switched off.
    locked: MethodSet,
    /// Whether there is an authenticator app already.
    has_app: bool,
}

async fn enrolling(ctx: &Ctx, goal: &Goal) -> Result<Enrollee, Stop> {
    let begun = cookies::ceremony_token(&ctx.facts.headers).filter(|_| !goal.as_session);
    if let Some(token) = begun {
        let view = ctx.core.flows.ceremony(&token, &ctx.client()).await.map_err(Stop::Store)?;
        if let Some(view) = view {
            let account = view.ceremony.username.clone();
            let (askable, locked) = (view.methods, view.ceremony.locked);
            let has_app = view.ceremony.enrolled.or(locked).contains(Method::Totp);
            return Ok(Enrollee { who: Enrolling::Ceremony(token), account, askable, locked, has_app });
        }
    }
    match ctx.signed_in(false).await? {
        Some(who) => {
            let account = who.session.identity.username.clone();
            let has_app = ctx.core.flows.methods_of(&who.session).await.map_err(Stop::Store)?.contains(Method::Totp);
            let (askable, locked) = (MethodSet::EMPTY, MethodSet::EMPTY);
            Ok(Enrollee { who: Enrolling::Session(who.token, who.session), account, askable, locked, has_app })
        }
        None => Err(Stop::Done(Box::new(nothing_under_way(ctx).await?))),
    }
}

/// A page of a sign-in was opened without one: who is signed in may go on, everybody else starts again.
pub(super) async fn nothing_under_way(ctx: &Ctx) -> Result<Answered, Stop> {
    let Some(who) = ctx.signed_in(true).await? else { return Ok(start_again(ctx)) };
    let other = Link::to(ctx.goal().page("logout"), "Use another account");
    let (shell, links) = (ctx.shell(), vec![Link::to("/.stepgate/account", "Your account"), other]);
    // Perhaps somebody else signed in meanwhile, in another window.
    let line = format!("You are signed in as {}. There is nothing more to do here.", who.session.identity.username);
    let (lines, go_on) = (vec![line], Some((CONTINUE, "Continue")));
    let told = Notice { lines, go_on, links, ..Notice::new(&shell, "You have already signed in") };
    Ok(page(StatusCode::OK, "already", &told))
}

/// Nothing waits for this code: it was sent twice (the page with the backup codes was loaded again), or too late.
async fn over(ctx: &Ctx, goal: &Goal, enrollee: &Enrollee) -> Result<Answered, Stop> {
    match (&enrollee.who, enrollee.has_app) {
        (Enrolling::Ceremony(_), _) => Ok(start_again(ctx)),
        (Enrolling::Session(..), false) => {
            let late = "That took too long. Remove the entry from your app, then scan the new picture";
            form(ctx, goal, enrollee, Errors::one("code", late)).await
        }
        (Enrolling::Session(..), true) => {
            let line = "Its backup codes are shown only once. If you have not saved them, set up your app once more: \
                        that makes new ones.";
            let links = vec![Link::to(goal.page("enroll"), "Set up my app once more")];
            let (shell, lines, go_on) = (ctx.shell(), vec![line.to_owned()], Some((CONTINUE, "Continue")));
            let told = Notice { lines, go_on, links, ..Notice::new(&shell, "Your authenticator app is set up") };
            Ok(page(StatusCode::OK, "already", &told))
        }
    }
}

async fn form(ctx: &Ctx, goal: &Goal, enrollee: &Enrollee, errors: Errors) -> Result<Answered, Stop> {
    match ctx.core.flows.begin_totp(&enrollee.who, &ctx.client()).await.map_err(Stop::Store)? {
        EnrollReply::Pending(pending) => steps(ctx, goal, enrollee, &pending, errors),
        EnrollReply::ProveFirst(methods) => Ok(prove_first(ctx, goal, enrollee, methods)),
        EnrollReply::Gone => Ok(start_again(ctx)),
    }
}

fn steps(ctx: &Ctx, goal: &Goal, enrollee: &Enrollee, pending: &PendingTotp, errors: Errors) -> Result<Answered, Stop> {
    let uri = pending.uri.expose();
    let picture = qr::svg(uri).ok_or(Stop::Fault(Fault::Unavailable))?;
    let key = words::grouped(pending.secret.expose());
    let (shell, place) = (ctx.shell(), ctx.place(goal));
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let digits = ctx.core.flows.settings.totp.digits;
    let why = match (enrollee.has_app, goal.given) {
        (true, _) => Why::Replaces,
        (false, true) => Why::Asked,
        (false, false) => Why::Wished,
    };
    let (account, of) = (enrollee.account.as_str(), bound::tag(ctx, &enrollee.account));
    let (place, qr, key, of) = (place.as_str(), picture.as_str(), key.as_str(), of.as_str());
    let enroll = Enroll { shell: &shell, errors, place, why, account, qr, uri, key, digits, of };
    Ok(page(status, "enroll", &enroll))
}

/// Something must be proved before a factor is added.
fn prove_first(ctx: &Ctx, goal: &Goal, enrollee: &Enrollee, methods: MethodSet) -> Answered {
    match &enrollee.who {
        Enrolling::Ceremony(_) if enrollee.askable.and(methods).iter().any(|m| Way::of(m).is_some()) => {
            see_other(&goal.page("second-factor"), "enroll")
        }
        Enrolling::Ceremony(_) if !enrollee.locked.is_empty() => {
            locked::out(ctx, enrollee.account.as_str(), enrollee.locked, false)
        }
        // The second-factor page would send the person straight back here.
        Enrolling::Ceremony(_) => start_again(ctx),
        Enrolling::Session(..) => see_other(&goal.by_way_of(First::Enroll).page("step-up"), "enroll"),
    }
}
