//! Who one is here, and the way out.

use http::{HeaderValue, StatusCode};

use super::{notice, stale, told};
use crate::auth::proof::Method;
use crate::auth::resource::Tolerances;
use crate::auth::session::{Session, SessionToken};
use crate::portal::answers::Fault;
use crate::portal::bound;
use crate::portal::cookies;
use crate::portal::ctx::{Answered, Ctx, SignedIn, Stop, page, see_other, with_cookie};
use crate::portal::goal::{First, Goal};
use crate::portal::pages::{Account, Link, Logout};
use crate::portal::words;

/// Shows the account.
pub(crate) async fn show(ctx: Ctx) -> Result<Answered, Stop> {
    let who = known(&ctx).await?;
    let flows = &ctx.core.flows;
    let methods = flows.methods_of(&who.session).await.map_err(Stop::Store)?;
    let session = &who.session;
    let left = flows.settings.session.ends_at(session).since(flows.ports.clock.now());
    let shell = ctx.shell();
    let groups: Vec<&str> = session.identity.groups.iter().map(|g| g.0.as_str()).collect();
    let of = bound::tag(&ctx, &session.identity.username);
    let account = Account {
        shell: &shell,
        username: session.identity.username.as_str(),
        name: session.identity.name.as_deref(),
        email: session.identity.email.as_deref(),
        groups: groups.join(", "),
        previous: session.previous_login.map(words::moment),
        began: words::moment(session.created_at),
        ends_in: words::wait(left),
        app: methods.contains(Method::Totp),
        codes: flows.backup_codes_of(&session.identity.id).await.map_err(Stop::Store)?,
        renews: methods.contains(Method::Totp) && flows.settings.backup_codes > 0,
        host: &ctx.facts.authority,
        of: &of,
    };
    Ok(page(StatusCode::OK, "account", &account))
}

/// Asks before signing out.
pub(crate) async fn ask(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal();
    let Some(who) = ctx.signed_in(true).await? else { return Ok(see_other(&goal.page("signed-out"), "logout")) };
    let (shell, host) = (ctx.shell(), ctx.facts.authority.as_str());
    let username = &who.session.identity.username;
    let stay = if goal.given { goal.next() } else { "/".to_owned() };
    let (of, username) = (bound::tag(&ctx, username), username.as_str());
    Ok(page(StatusCode::OK, "logout", &Logout { shell: &shell, username, host, stay: &stay, of: &of }))
}

/// Signs out, here or everywhere.
pub(crate) async fn logout(ctx: Ctx) -> Result<Answered, Stop> {
    let fields = ctx.form().await?;
    let everywhere = match fields.get("op") {
        "here" => false,
        "everywhere" => true,
        _ => return Err(Stop::Fault(Fault::BadRequest)),
    };
    let goal = ctx.goal();
    let Some(who) = ctx.signed_in(true).await? else {
        // Whose the other sessions are is known only after a sign-in.
        return Ok(match everywhere {
            true => see_other(&goal.by_way_of(First::SignOut).page("login"), "logout"),
            false => out(&goal.page("signed-out")),
        });
    };
    if !bound::fits(&ctx, &fields, &who.session.identity.username) {
        return Ok(stale::session_of_another(&ctx, &who.session.identity.username));
    }
    if everywhere {
        return out_everywhere(&ctx, &goal, &who.token, &who.session).await;
    }
    ctx.heard(ctx.core.flows.logout(&who.token, &who.session, false, &ctx.client()).await)?;
    Ok(out(&goal.page("signed-out")))
}

/// Ends every session of somebody, and says how many there were.
pub(super) async fn out_everywhere(
    ctx: &Ctx,
    goal: &Goal,
    token: &SessionToken,
    session: &Session,
) -> Result<Answered, Stop> {
    let ended = ctx.heard(ctx.core.flows.logout(token, session, true, &ctx.client()).await)?;
    let goal = Goal { first: None, ..goal.clone() };
    let page = goal.page("signed-out");
    let so = if page.contains('?') { '&' } else { '?' };
    Ok(out(&format!("{page}{so}ended={}", told::written(ctx, ended))))
}

/// The way out, and nothing that is kept of who was here.
fn out(to: &str) -> Answered {
    let mut answer = see_other(to, "logout");
    answer.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    answer = with_cookie(answer, cookies::forget_session());
    answer = with_cookie(answer, cookies::forget_ceremony());
    with_cookie(answer, cookies::forget_turns())
}

/// Says that one is signed out, and leads back to where they were going, perhaps as somebody else.
pub(crate) async fn signed_out(ctx: Ctx) -> Result<Answered, Stop> {
    if ctx.signed_in(true).await?.is_some() {
        return Ok(see_other("/.stepgate/account", "signed-out"));
    }
    let goal = ctx.goal();
    let again = Link::to(goal.page("login"), "Sign in again");
    let host = &ctx.facts.authority;
    let (heading, line, links) = match told::read(&ctx) {
        Some(ended) => {
            let line = match ended {
                0 | 1 => "1 session ended: this one. There was no other.".to_owned(),
                2 => "2 sessions ended: this one and 1 other.".to_owned(),
                n => format!("{n} sessions ended: this one and {} others.", n - 1),
            };
            ("You are signed out everywhere", line, vec![again])
        }
        None => {
            let everywhere = Link::to(goal.by_way_of(First::SignOut).page("login"), "Sign out everywhere");
            let line = format!(
                "Nobody is signed in on {host} in this browser. Where you signed in with other browsers or devices, you \
                 still are."
            );
            ("You are signed out", line, vec![again, everywhere])
        }
    };
    Ok(notice(&ctx, StatusCode::OK, "signed-out", heading, line, links))
}

async fn known(ctx: &Ctx) -> Result<SignedIn, Stop> {
    match ctx.signed_in(false).await? {
        Some(who) => Ok(who),
        None => {
            // Without a destination, a sign-in leads to the account.
            Err(Stop::Done(Box::new(see_other(&Goal::read(&[], Tolerances::default()).page("login"), "account"))))
        }
    }
}
