//! The second step of a sign-in under way.

use http::StatusCode;

use super::{
    Out, arrived, busy, empty, last, led_on, locked, lost, out_of_reach, rejected, stale, start_again, wait, ways,
};
use crate::auth::ceremony::CeremonyToken;
use crate::flow::reply::{CeremonyView, LoginReply, OutOfReach};
use crate::portal::bound;
use crate::portal::cookies;
use crate::portal::ctx::{Answered, Ctx, Stop, page, see_other, with_cookie};
use crate::portal::goal::Goal;
use crate::portal::pages::{Code, Errors, Way};

/// Shows the form for the code.
pub(crate) async fn show(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal();
    if let Some(answer) = lost::cookie_check(&ctx, &goal, "second-factor") {
        return Ok(answer);
    }
    let (_, view) = under_way(&ctx, &goal).await?;
    Ok(form(&ctx, &goal, &view, "", Errors::none()))
}

/// Takes the code, or the wish for another way.
pub(crate) async fn submit(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal().checked();
    let fields = ctx.form().await?;
    if let Some(on) = led_on(&ctx, &goal, "second-factor", fields.get("op")) {
        return Ok(on);
    }
    let (token, view) = under_way(&ctx, &goal).await?;
    let username = &view.ceremony.username;
    if !bound::fits(&ctx, &fields, username) {
        return Ok(stale::sign_in_of_another(&ctx, username));
    }
    if fields.get("op") == "way" {
        return Ok(form(&ctx, &goal, &view, fields.get("way"), Errors::none()));
    }
    let Some((way, _)) = ways(view.methods, fields.get("method")) else { return Ok(start_again(&ctx)) };
    if fields.get("code").trim().is_empty() {
        return Ok(form(&ctx, &goal, &view, way.name, empty(way)));
    }
    let reply =
        ctx.heard(ctx.core.flows.second_factor(&token, way.method, fields.secret("code"), &ctx.client()).await)?;
    if let LoginReply::Opened(opened) = &reply {
        ctx.supersede(opened).await?;
    }
    Ok(told_of(&ctx, &goal, &view, way, reply))
}

fn told_of(ctx: &Ctx, goal: &Goal, view: &CeremonyView, way: Way, reply: LoginReply) -> Answered {
    let ttl = ctx.core.flows.settings.ceremony_ttl;
    match reply {
        LoginReply::Opened(opened) => arrived(ctx, goal, &opened),
        LoginReply::Next(next) => {
            let again = see_other(&goal.page("second-factor"), "second-factor");
            with_cookie(again, cookies::keep_ceremony(&next.ceremony, ttl))
        }
        LoginReply::Enroll(ceremony) => {
            let enroll = see_other(&goal.page("enroll"), "second-factor");
            with_cookie(enroll, cookies::keep_ceremony(&ceremony, ttl))
        }
        LoginReply::OutOfReach(OutOfReach { owned, .. }) => {
            out_of_reach(ctx, goal, Out { who: view.ceremony.username.as_str(), owned, signed_in: false })
        }
        LoginReply::Locked(off) if off.others.is_empty() => {
            locked::out(ctx, view.ceremony.username.as_str(), off.methods, false)
        }
        LoginReply::Locked(off) => {
            let (ceremony, digits) = (view.ceremony.clone(), view.digits);
            let view = CeremonyView { ceremony, methods: off.others, locked: off.methods, digits };
            form(ctx, goal, &view, "", Errors::none())
        }
        LoginReply::Rejected(rejection) => match rejected(way, rejection) {
            Some(errors) => form(ctx, goal, view, way.name, errors),
            None => start_again(ctx),
        },
        LoginReply::Wait(how_long) => {
            let others = ways(view.methods, way.name).map_or_else(Vec::new, |(_, others)| others);
            wait(ctx, how_long, others, bound::tag(ctx, &view.ceremony.username))
        }
        LoginReply::Busy => busy(ctx),
    }
}

/// The ceremony of this browser; without one, the way to a new one.
async fn under_way(ctx: &Ctx, goal: &Goal) -> Result<(CeremonyToken, CeremonyView), Stop> {
    if let Some(token) = cookies::ceremony_token(&ctx.facts.headers) {
        let view = ctx.core.flows.ceremony(&token, &ctx.client()).await.map_err(Stop::Store)?;
        match view {
            Some(view) if view.methods.is_empty() && !view.ceremony.locked.is_empty() => {
                let (who, off) = (view.ceremony.username.as_str(), view.ceremony.locked);
                return Err(Stop::Done(Box::new(locked::out(ctx, who, off, false))));
            }
            Some(view) if view.methods.is_empty() => {
                return Err(Stop::Done(Box::new(see_other(&goal.page("enroll"), "second-factor"))));
            }
            Some(view) => return Ok((token, view)),
            None => {}
        }
    }
    Err(Stop::Done(Box::new(super::enroll::nothing_under_way(ctx).await?)))
}

fn form(ctx: &Ctx, goal: &Goal, view: &CeremonyView, wanted: &str, errors: Errors) -> Answered {
    let Some((way, others)) = ways(view.methods, wanted) else { return start_again(ctx) };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (shell, place, way) = (ctx.shell(), ctx.place(goal), way.with_digits(view.digits));
    let username = view.ceremony.username.as_str();
    let heading = "Confirm it is you";
    let off = (!view.locked.is_empty()).then(|| locked::why(view.locked));
    let why = Some(off.as_deref().unwrap_or("Your password is one step. This is the second."));
    let last = last::last_time(view.ceremony.previous_login, ctx.core.flows.ports.clock.now());
    let (last, of) = (Some(last.as_str()), bound::tag(ctx, &view.ceremony.username));
    let (place, of) = (place.as_str(), of.as_str());
    let code = Code { shell: &shell, errors, heading, why, leave: None, last, place, username, way, others, of };
    page(status, "second-factor", &code)
}
