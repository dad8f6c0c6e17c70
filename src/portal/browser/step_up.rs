//! Step-up: one more proof in a session, because the destination asks for it.

use http::StatusCode;

use super::{Out, arrived, busy, empty, led_on, locked, lost, notice, out_of_reach, rejected, stale, wait, ways};
use crate::auth::proof::{Lack, MethodSet};
use crate::flow::reply::{CodesAsked, EnrollReply, Enrolling, LoginReply, OutOfReach};
use crate::portal::bound;
use crate::portal::cookies;
use crate::portal::ctx::{Answered, Ctx, SignedIn, Stop, page, see_other, with_cookie};
use crate::portal::goal::{First, Goal};
use crate::portal::pages::{Code, Errors, Link, Way};
use crate::portal::words;

/// What is asked of whom, and why.
struct Ask {
    who: SignedIn,
    methods: MethodSet,
    /// Digits of the codes of their authenticator.
    digits: u8,
    heading: Option<String>,
    why: String,
}

/// Shows what is asked.
pub(crate) async fn show(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal();
    let ask = asked(&ctx, &goal).await?;
    Ok(form(&ctx, &goal, &ask, "", Errors::none()))
}

/// Takes the proof, or the wish for another way.
pub(crate) async fn submit(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal();
    let fields = ctx.form().await?;
    if let Some(on) = led_on(&ctx, &goal, "step-up", fields.get("op")) {
        return Ok(on);
    }
    let ask = asked(&ctx, &goal).await?;
    let username = &ask.who.session.identity.username;
    if !bound::fits(&ctx, &fields, username) {
        return Ok(stale::session_of_another(&ctx, username));
    }
    if fields.get("op") == "way" {
        return Ok(form(&ctx, &goal, &ask, fields.get("way"), Errors::none()));
    }
    let Some((way, _)) = ways(ask.methods, fields.get("method")) else {
        return Ok(form(&ctx, &goal, &ask, "", Errors::none()));
    };
    if fields.get("code").trim().is_empty() {
        return Ok(form(&ctx, &goal, &ask, way.name, empty(way)));
    }
    let who = &ask.who;
    let code = fields.secret("code");
    let reply = ctx.heard(ctx.core.flows.elevate(&who.token, &who.session, way.method, code, &ctx.client()).await)?;
    Ok(told_of(&ctx, &goal, &ask, way, reply))
}

fn told_of(ctx: &Ctx, goal: &Goal, ask: &Ask, way: Way, reply: LoginReply) -> Answered {
    let ttl = ctx.core.flows.settings.ceremony_ttl;
    match reply {
        LoginReply::Opened(opened) => arrived(ctx, goal, &opened),
        LoginReply::Next(_) => see_other(&goal.page("step-up"), "step-up"),
        LoginReply::Enroll(ceremony) => {
            with_cookie(see_other(&goal.page("enroll"), "step-up"), cookies::keep_ceremony(&ceremony, ttl))
        }
        LoginReply::OutOfReach(OutOfReach { owned, .. }) => {
            out_of_reach(ctx, goal, Out { who: ask.who.session.identity.username.as_str(), owned, signed_in: true })
        }
        LoginReply::Locked(off) => {
            let (who, left) = (&ask.who, ask.methods.minus(off.methods));
            if left.is_empty() {
                return locked::out(ctx, who.session.identity.username.as_str(), off.methods, true);
            }
            let why = locked::why(off.methods);
            form(
                ctx,
                goal,
                &Ask { who: who.clone(), methods: left, digits: ask.digits, heading: None, why },
                "",
                Errors::none(),
            )
        }
        LoginReply::Rejected(rejection) => match rejected(way, rejection) {
            Some(errors) => form(ctx, goal, ask, way.name, errors),
            None => see_other(&goal.page("login"), "step-up"),
        },
        LoginReply::Wait(how_long) => {
            let others = ways(ask.methods, way.name).map_or_else(Vec::new, |(_, others)| others);
            wait(ctx, how_long, others, bound::tag(ctx, &ask.who.session.identity.username))
        }
        LoginReply::Busy => busy(ctx),
    }
}

/// What the destination asks of this session. Stops with the way on where it asks nothing, or nothing at hand helps.
async fn asked(ctx: &Ctx, goal: &Goal) -> Result<Ask, Stop> {
    let Some(who) = ctx.signed_in(true).await? else {
        return Err(Stop::Done(Box::new(see_other(&goal.page("login"), "step-up"))));
    };
    let (owned, off) = ctx.core.flows.factors_of(&who.session).await.map_err(Stop::Store)?;
    match goal.first {
        Some(First::Enroll) => return before_enrolling(ctx, goal, who, (owned, off)).await,
        Some(First::BackupCodes) => return before_codes(ctx, goal, who, owned.minus(off)).await,
        Some(First::SignOut) | None => {}
    }
    let now = ctx.core.flows.ports.clock.now();
    let (core, facts) = (&ctx.core, &ctx.facts);
    let missing = goal.missing(&core.policy, &facts.host, facts.client_ip, &who.session.proofs, now);
    let Some((rule, requirement, shortfall)) = missing else {
        return Err(Stop::Done(Box::new(lost::sent_on(ctx, goal, &who.session, "step-up"))));
    };
    // Said before anything is asked: a code that cannot lead there would be spent for nothing.
    let reached_by = |more: MethodSet| requirement.would_be_met(&who.session.proofs, more, now);
    if !reached_by(owned.or(owned.enrollable())) {
        let username = who.session.identity.username.as_str();
        let answer = out_of_reach(ctx, goal, Out { who: username, owned, signed_in: true });
        return Err(Stop::Done(Box::new(answer)));
    }
    if let Some(answer) = lost::sent_round(ctx, goal) {
        return Err(Stop::Done(Box::new(answer)));
    }
    let usable = owned.minus(off);
    let methods = shortfall.methods.and(usable);
    if (methods.is_empty() || !reached_by(usable)) && !off.is_empty() {
        let answer = locked::out(ctx, who.session.identity.username.as_str(), off, true);
        return Err(Stop::Done(Box::new(answer)));
    }
    if methods.is_empty() || !reached_by(usable) {
        // Whoever else began to sign in in this browser meanwhile is not meant.
        let begun = cookies::ceremony_token(&facts.headers).is_some();
        let on = if begun { goal.as_session() } else { goal.clone() };
        return Err(Stop::Done(Box::new(see_other(&on.page("enroll"), "step-up"))));
    }
    let digits = ctx.core.flows.digits_of(&who.session.identity.id).await.map_err(Stop::Store)?;
    let heading = rule.explanation.as_ref().map(|what| format!("Confirm it is you: {what}"));
    let path = words::path(goal.to.target().split('?').next().unwrap_or("/"));
    let off = shortfall.methods.and(off);
    let why = match (shortfall.lack, requirement.max_age) {
        _ if !off.is_empty() => locked::why(off),
        (Lack::Fresher, Some(age)) => {
            format!("{path} asks for a second step that is not older than {}.", words::span(age))
        }
        _ => format!("{path} asks for a second step."),
    };
    Ok(Ask { who, methods, digits, heading, why })
}

/// What must be proved before backup codes may be replaced.
async fn before_codes(ctx: &Ctx, goal: &Goal, who: SignedIn, owned: MethodSet) -> Result<Ask, Stop> {
    let asked = ctx.core.flows.codes_asked(&who.token, &who.session, &ctx.client()).await.map_err(Stop::Store)?;
    let on = match asked {
        CodesAsked::ProveFirst(methods) if methods.and(owned).is_empty() => nothing_to_prove_with(ctx),
        CodesAsked::ProveFirst(methods) => {
            let why = "Before new backup codes are made, show that it is you.".to_owned();
            let digits = ctx.core.flows.digits_of(&who.session.identity.id).await.map_err(Stop::Store)?;
            return Ok(Ask { who, methods: methods.and(owned), digits, heading: None, why });
        }
        CodesAsked::Ready { .. } | CodesAsked::NoFactor => see_other(&goal.next(), "step-up"),
        CodesAsked::Gone => see_other(&goal.page("login"), "step-up"),
    };
    Err(Stop::Done(Box::new(on)))
}

/// What must be proved before an authenticator may be added.
async fn before_enrolling(
    ctx: &Ctx,
    goal: &Goal,
    who: SignedIn,
    (owned, off): (MethodSet, MethodSet),
) -> Result<Ask, Stop> {
    let usable = owned.minus(off);
    let enrolling = Enrolling::Session(who.token.clone(), who.session.clone());
    match ctx.core.flows.begin_totp(&enrolling, &ctx.client()).await.map_err(Stop::Store)? {
        EnrollReply::Pending(_) => Err(Stop::Done(Box::new(see_other(&goal.next(), "step-up")))),
        EnrollReply::Gone => Err(Stop::Done(Box::new(see_other(&goal.page("login"), "step-up")))),
        EnrollReply::ProveFirst(methods) if methods.and(usable).is_empty() && !methods.and(off).is_empty() => {
            let username = who.session.identity.username.as_str();
            Err(Stop::Done(Box::new(locked::out(ctx, username, methods.and(off), true))))
        }
        EnrollReply::ProveFirst(methods) if methods.and(usable).is_empty() => {
            Err(Stop::Done(Box::new(nothing_to_prove_with(ctx))))
        }
        EnrollReply::ProveFirst(methods) => {
            let why = "Before an authenticator is added, show that it is you.".to_owned();
            let digits = ctx.core.flows.digits_of(&who.session.identity.id).await.map_err(Stop::Store)?;
            Ok(Ask { who, methods: methods.and(usable), digits, heading: None, why })
        }
    }
}

/// The account has nothing that could be asked for here.
fn nothing_to_prove_with(ctx: &Ctx) -> Answered {
    let line =
        "This page asks for a way to sign in that your account does not have. Ask the people who run this service.";
    let links = vec![Link::to("/.stepgate/account", "Your account")];
    notice(ctx, StatusCode::FORBIDDEN, "step-up", "Another way to sign in is needed", line.to_owned(), links)
}

fn form(ctx: &Ctx, goal: &Goal, ask: &Ask, wanted: &str, errors: Errors) -> Answered {
    let Some((way, others)) = ways(ask.methods, wanted) else { return nothing_to_prove_with(ctx) };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (shell, place, way) = (ctx.shell(), ctx.place(goal), way.with_digits(ask.digits));
    let heading = ask.heading.as_deref().unwrap_or("Confirm it is you");
    let username = ask.who.session.identity.username.as_str();
    let (why, leave) = (Some(ask.why.as_str()), goal.page("logout"));
    let of = bound::tag(ctx, &ask.who.session.identity.username);
    let code = Code {
        shell: &shell,
        errors,
        heading,
        why,
        leave: Some(&leave),
        last: None,
        place: &place,
        username,
        way,
        others,
        of: &of,
    };
    page(status, "step-up", &code)
}
