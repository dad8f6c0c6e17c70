//! Who one is here, and the way out.

use http::{HeaderValue, StatusCode};

use super::notice;
use crate::auth::proof::Method;
use crate::auth::resource::Tolerances;
use crate::portal::answers::Fault;
use crate::portal::cookies;
use crate::portal::ctx::{Answered, Ctx, SignedIn, Stop, page, see_other, with_cookie};
use crate::portal::goal::Goal;
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
        host: &ctx.facts.authority,
    };
    Ok(page(StatusCode::OK, "account", &account))
}

/// Asks before signing out.
pub(crate) async fn ask(ctx: Ctx) -> Result<Answered, Stop> {
    let goal = ctx.goal();
    let Some(who) = ctx.signed_in(true).await? else { return Ok(see_other(&goal.page("signed-out"), "logout")) };
    let (shell, host) = (ctx.shell(), ctx.facts.authority.as_str());
    let username = who.session.identity.username.as_str();
    let stay = if goal.given { goal.next() } else { "/".to_owned() };
    Ok(page(StatusCode::OK, "logout", &Logout { shell: &shell, username, host, stay: &stay }))
}

/// Signs out, here or everywhere.
pub(crate) async fn logout(ctx: Ctx) -> Result<Answered, Stop> {
    let fields = ctx.form().await?;
    let everywhere = match fields.get("op") {
        "here" => false,
        "everywhere" => true,
        _ => return Err(Stop::Fault(Fault::BadRequest)),
    };
    if let Some(who) = ctx.signed_in(true).await? {
        ctx.heard(ctx.core.flows.logout(&who.token, &who.session, everywhere, &ctx.client()).await)?;
    }
    let mut answer = see_other(&ctx.goal().page("signed-out"), "logout");
    answer.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    answer = with_cookie(answer, cookies::forget_session());
    answer = with_cookie(answer, cookies::forget_ceremony());
    answer = with_cookie(answer, cookies::forget_turns());
    Ok(answer)
}

/// Says that one is signed out, and leads back to where they were going, perhaps as somebody else.
pub(crate) async fn signed_out(ctx: Ctx) -> Result<Answered, Stop> {
    if ctx.signed_in(true).await?.is_some() {
        return Ok(see_other("/.stepgate/account", "signed-out"));
    }
    let links = vec![Link::to(ctx.goal().page("login"), "Sign in again")];
    let line = format!("Your session on {} has ended.", ctx.facts.authority);
    Ok(notice(&ctx, StatusCode::OK, "signed-out", "You are signed out", line, links))
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
