//! New backup codes, for somebody who is signed in.

use http::StatusCode;

use super::{CONTINUE, busy, led_on, stale};
use crate::auth::resource::Tolerances;
use crate::flow::reply::{CodesAsked, CodesRenewed};
use crate::portal::answers::Fault;
use crate::portal::bound;
use crate::portal::ctx::{Answered, Ctx, SignedIn, Stop, page, see_other};
use crate::portal::goal::{First, Goal};
use crate::portal::pages::{Codes, Link, Notice, RenewCodes};

/// Asks before the old codes are replaced.
pub(crate) async fn show(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal();
    let who = known(&ctx, &goal).await?;
    match ctx.core.flows.codes_asked(&who.token, &who.session, &ctx.client()).await.map_err(Stop::Store)? {
        CodesAsked::Ready { left, set } => Ok(question(&ctx, &goal, &who, left, &set)),
        asked => Ok(before(&goal, &asked)),
    }
}

/// Makes them, and shows them this once.
pub(crate) async fn submit(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal();
    let fields = ctx.form().await?;
    if let Some(on) = led_on(&ctx, &goal, "backup-codes", fields.get("op")) {
        return Ok(on);
    }
    if fields.get("op") != "make" {
        return Err(Stop::Fault(Fault::BadRequest));
    }
    let who = known(&ctx, &goal).await?;
    let username = &who.session.identity.username;
    if !bound::fits(&ctx, &fields, username) {
        return Ok(stale::session_of_another(&ctx, username));
    }
    let set = fields.get("set");
    let reply = ctx.heard(ctx.core.flows.renew_codes(&who.token, &who.session, set, &ctx.client()).await)?;
    Ok(match reply {
        CodesRenewed::Made(codes) => {
            let (shell, place) = (ctx.shell(), ctx.place(&goal));
            let (account, host) = (username.as_str(), ctx.facts.authority.as_str());
            let codes = Codes { shell: &shell, strange: None, codes: &codes, place: &place, account, host, anew: true };
            page(StatusCode::OK, "backup-codes", &codes)
        }
        CodesRenewed::Over => over(&ctx, &goal),
        CodesRenewed::Busy => busy(&ctx),
        CodesRenewed::Asked(asked) => before(&goal, &asked),
    })
}

async fn known(ctx: &Ctx, goal: &Goal) -> Result<SignedIn, Stop> {
    let login = || see_other(&goal.by_way_of(First::BackupCodes).page("login"), "backup-codes");
    ctx.signed_in(false).await?.ok_or_else(|| Stop::Done(Box::new(login())))
}

fn question(ctx: &Ctx, goal: &Goal, who: &SignedIn, left: u32, set: &str) -> Answered {
    let (shell, account) = (ctx.shell(), &who.session.identity.username);
    let (of, stay) = (bound::tag(ctx, account), goal.next());
    let (account, host) = (account.as_str(), ctx.facts.authority.as_str());
    let ask = RenewCodes { shell: &shell, account, host, left, set, of: &of, stay: &stay };
    page(StatusCode::OK, "backup-codes", &ask)
}

/// What comes before them.
fn before(goal: &Goal, asked: &CodesAsked) -> Answered {
    let to = match asked {
        CodesAsked::ProveFirst(_) => goal.by_way_of(First::BackupCodes).page("step-up"),
        CodesAsked::Gone => goal.by_way_of(First::BackupCodes).page("login"),
        // There is nothing that they could stand for; or it was made ready meanwhile.
        CodesAsked::NoFactor | CodesAsked::Ready { .. } => Goal::read(&[], Tolerances::default()).next(),
    };
    see_other(&to, "backup-codes")
}

/// They were made already: the form was sent twice, or by two windows.
fn over(ctx: &Ctx, goal: &Goal) -> Answered {
    let line = "New backup codes were made a moment ago, and they are shown only once. If you have not saved them, make \
                new ones again.";
    let (shell, lines, go_on) = (ctx.shell(), vec![line.to_owned()], Some((CONTINUE, "Continue")));
    let links = vec![Link::to(goal.page("backup-codes"), "Make new backup codes")];
    let told = Notice { lines, go_on, links, ..Notice::new(&shell, "Your backup codes are made") };
    page(StatusCode::OK, "already", &told)
}
