//! Sign-in with user name and password.

use http::StatusCode;

use super::account::out_everywhere;
use super::{Out, arrived, busy, led_on, locked, lost, out_of_reach, wait};
use crate::auth::proof::MethodSet;
use crate::auth::session::{Channel, Standing};
use crate::flow::reply::{Credentials, LoginReply, OutOfReach};
use crate::portal::cookies::{self, Presented};
use crate::portal::ctx::{Answered, Ctx, Stop, page, see_other, with_cookie};
use crate::portal::goal::{First, Goal};
use crate::portal::pages::{Errors, Login};
use crate::portal::words;

/// Shows the form; who is signed in already goes on.
pub(crate) async fn show(ctx: Ctx) -> Result<Answered, Stop> {
    let mut goal = ctx.goal();
    if goal.check_cookies && cookies::any_of_ours(&ctx.facts.headers) {
        goal = goal.checked();
    } else if let Some(answer) = lost::cookie_check(&ctx, &goal, "login") {
        return Ok(answer);
    }
    if let Some(who) = ctx.signed_in(true).await? {
        let core = &ctx.core;
        let now = core.flows.ports.clock.now();
        let host = &ctx.facts.host;
        let missing = goal.missing(&core.policy, host, ctx.facts.client_ip, &who.session.proofs, now);
        return Ok(match missing {
            Some(_) => see_other(&goal.page("step-up"), "login"),
            None => lost::sent_on(&ctx, &goal, &who.session, "login"),
        });
    }
    if let Some(answer) = lost::sent_round(&ctx, &goal) {
        return Ok(answer);
    }
    let ended = ended(&ctx).await?;
    Ok(form(&ctx, &goal, "", Errors::none(), ended))
}

/// What became of the session that this browser had, if it had one. Whose it was is nobody's business here.
async fn ended(ctx: &Ctx) -> Result<Option<String>, Stop> {
    let Presented::Cookie(token) = cookies::session_token(&ctx.facts.headers) else { return Ok(None) };
    let lifetimes = ctx.core.flows.settings.session;
    let ended = ctx.core.flows.ended(&token).await.map_err(Stop::Store)?;
    Ok(Some(match ended {
        Some(Standing::Idle) => format!("You were signed out after {} without use.", words::span(lifetimes.idle)),
        Some(Standing::Expired) => {
            format!("You were signed out: a sign-in lasts no longer than {}.", words::span(lifetimes.absolute))
        }
        Some(Standing::Live) | None => "You were signed out.".to_owned(),
    }))
}

/// Takes user name and password.
pub(crate) async fn submit(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal().checked();
    let fields = ctx.form().await?;
    if let Some(on) = led_on(&ctx, &goal, "login", fields.get("op")) {
        return Ok(on);
    }
    let username = fields.get("username");
    let mut errors = Errors::none();
    if username.trim().is_empty() {
        errors.add("username", "Enter your user name");
    }
    if fields.get("password").is_empty() {
        errors.add("password", "Enter your password");
    }
    if !errors.is_empty() {
        return Ok(form(&ctx, &goal, username, errors, None));
    }
    let given = Credentials { username: username.to_owned(), password: fields.secret("password"), otp: None };
    let needed = goal.requirement(&ctx.core.policy, &ctx.facts.host, ctx.facts.client_ip);
    let reply = ctx.heard(ctx.core.flows.login(given, Some(needed), Channel::Cookie, &ctx.client()).await)?;
    if let LoginReply::Opened(opened) = &reply {
        ctx.supersede(opened).await?;
    }
    let ttl = ctx.core.flows.settings.ceremony_ttl;
    // What follows needs the cookie of this answer. A browser that has shown none of ours yet may keep none.
    let on = if cookies::any_of_ours(&ctx.facts.headers) { goal.clone() } else { goal.checking() };
    let answer = match reply {
        LoginReply::Next(next) => {
            with_cookie(see_other(&on.page("second-factor"), "login"), cookies::keep_ceremony(&next.ceremony, ttl))
        }
        LoginReply::Enroll(ceremony) => {
            with_cookie(see_other(&on.page("enroll"), "login"), cookies::keep_ceremony(&ceremony, ttl))
        }
        LoginReply::OutOfReach(OutOfReach { owned, .. }) => {
            let username = username.trim();
            out_of_reach(&ctx, &goal, Out { who: username, owned, signed_in: false })
        }
        LoginReply::Locked(off) => locked::out(&ctx, username.trim(), off.methods, false),
        LoginReply::Opened(opened) if goal.first == Some(First::SignOut) => {
            out_everywhere(&ctx, &goal, &opened.token, &opened.session).await?
        }
        LoginReply::Opened(opened) => arrived(&ctx, &goal, &opened),
        LoginReply::Rejected(_) => {
            let errors = Errors::one("username", "The user name or the password is not correct. Try again");
            form(&ctx, &goal, username, errors, None)
        }
        LoginReply::Wait(how_long) => wait(&ctx, how_long, Vec::new(), String::new()),
        LoginReply::Busy => busy(&ctx),
    };
    Ok(answer)
}

fn form(ctx: &Ctx, goal: &Goal, username: &str, errors: Errors, ended: Option<String>) -> Answered {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let guards = goal.guards(&ctx.core.policy, &ctx.facts.host, ctx.facts.client_ip);
    let hopeless = guards.first().is_some_and(|(_, requirement)| !requirement.is_within(MethodSet::SERVED));
    let notice = if matches!(cookies::session_token(&ctx.facts.headers), Presented::Ambiguous) {
        Some("Your browser sent several sign-in cookies for this site. Delete the cookies of this site, then sign in.")
    } else {
        hopeless.then_some("The page you want asks for more than can be proved here. Signing in will not open it.")
    };
    let (shell, place) = (ctx.shell(), ctx.place(goal));
    let login = Login {
        shell: &shell,
        errors,
        notice: notice.map(str::to_owned).or(ended),
        purpose: (goal.first == Some(First::SignOut))
            .then_some("Sign in once more to end all your sessions, in every browser and on every device."),
        username,
        place: &place,
        host: &ctx.facts.authority,
    };
    page(status, "login", &login)
}
