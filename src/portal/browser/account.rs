//! Who one is here, and the way out.

use http::{HeaderValue, StatusCode};

use super::enroll::passkeys_offered;
use super::{ended_sessions, keep_sessions, notice, other_account, passkey_cards};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::proof::{Factor, Method};
use crate::auth::resource::Tolerances;
use crate::auth::session::{Session, SessionToken};
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::cookies;
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{AccountPage, AppCard, Errors, Link, LogoutPage};
use crate::portal::reply::{Reply, page, see_other, with_cookie};

pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx).await?;
    account(ctx, &who.session, AccountFeedback::default()).await
}

/// What the page says of what was sent before.
#[derive(Default)]
pub(super) struct AccountFeedback<'a> {
    pub(super) done: Option<String>,
    pub(super) errors: Errors,
    /// The passkey whose new name is wrong.
    pub(super) renaming: &'a str,
}

/// The page of an account.
pub(super) async fn account(
    ctx: &Context,
    session: &Session,
    shown: AccountFeedback<'_>,
) -> Result<Reply, HandlerError> {
    let flows = &ctx.state.flows;
    let methods = flows.methods_of(session).await?;
    let enrolled = flows.enrolled_of(session).await?;
    let left = flows.settings.session.ends_at(session).since(flows.ports.clock.now());
    let (shell, served) = (ctx.shell(), flows.settings.offer_at(&ctx.info.host).served);
    let groups: Vec<&str> = session.identity.groups.iter().map(|g| g.0.as_str()).collect();
    let of = form_owner::tag(ctx, &session.identity.username);
    let passkeys_on = passkeys_offered(ctx);
    let owned = if passkeys_on { flows.passkeys_of(&session.identity.id).await? } else { Vec::new() };
    let signals = if passkeys_on { passkey_cards::signals(ctx, session).await? } else { Vec::new() };
    let held = |m: &Method| *m != Method::BackupCode && matches!(m.factor(), Factor::Possession | Factor::Both);
    let holds = methods.iter().any(|m| held(&m));
    let status = if shown.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let account = AccountPage {
        shell: &shell,
        username: session.identity.username.as_str(),
        name: session.identity.name.as_deref(),
        email: session.identity.email.as_deref(),
        groups: groups.join(", "),
        previous: session.previous_login.map(format::moment),
        began: format::moment(session.created_at),
        ends_in: format::wait(left),
        app: methods.contains(Method::Totp),
        app_card: app_card(&enrolled),
        codes: flows.backup_codes_of(&session.identity.id).await?,
        renews: holds && flows.settings.backup_codes > 0,
        sends: [Method::EmailCode, Method::SmsCode].iter().any(|m| served.contains(*m)),
        passkeys_on,
        passkeys: passkey_cards::cards(ctx, &owned),
        keeps: keep_sessions::box_of(ctx, &session.identity.id, Some(session)).await?,
        signals,
        done: shown.done,
        errors: shown.errors,
        renaming: shown.renaming,
        host: &ctx.info.authority,
        of: &of,
    };
    Ok(page(status, "account", &account))
}

fn app_card(enrolled: &Enrolled) -> Option<AppCard> {
    let app = enrolled.totp.as_ref()?;
    Some(AppCard {
        name: enrolled.app_name().map(str::to_owned),
        created: format::moment(app.created_at),
        last_used: app.used_at.map(format::moment),
    })
}

/// Asks before signing out.
pub(crate) async fn ask(ctx: &Context) -> Result<Reply, HandlerError> {
    let destination = ctx.destination();
    let Some(who) = ctx.current_session(true).await? else {
        return Ok(see_other(&destination.page_url("signed-out"), "logout"));
    };
    let (shell, host) = (ctx.shell(), ctx.info.authority.as_str());
    let username = &who.session.identity.username;
    let stay = if destination.given { destination.next_url() } else { "/".to_owned() };
    let (of, username) = (form_owner::tag(ctx, username), username.as_str());
    Ok(page(StatusCode::OK, "logout", &LogoutPage { shell: &shell, username, host, stay: &stay, of: &of }))
}

/// Signs out, here or everywhere.
pub(crate) async fn logout(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let fields = ctx.form().await?;
    let everywhere = match fields.get("op") {
        "here" => false,
        "everywhere" => true,
        _ => return Err(HandlerError::Portal(PortalError::BadRequest)),
    };
    let destination = ctx.destination();
    let Some(who) = ctx.current_session(true).await? else {
        // Whose the other sessions are is known only after a sign-in.
        return Ok(match everywhere {
            true => see_other(&destination.with_action(RequestedAction::SignOut).page_url("login"), "logout"),
            false => out(&destination.page_url("signed-out")),
        });
    };
    if !form_owner::matches(ctx, &fields, &who.session.identity.username) {
        return Ok(other_account::session_of_another(ctx, &who.session.identity.username));
    }
    if everywhere {
        return out_everywhere(ctx, &destination, &who.token, &who.session).await;
    }
    ctx.record_events(ctx.state.flows.logout(&who.token, &who.session, false, &ctx.client()).await)?;
    Ok(signed_out_here(&destination))
}

/// The way out of this session, which has ended.
pub(super) fn signed_out_here(destination: &Destination) -> Reply {
    out(&destination.page_url("signed-out"))
}

/// Ends every session of somebody, and says how many there were.
pub(super) async fn out_everywhere(
    ctx: &mut Context,
    destination: &Destination,
    token: &SessionToken,
    session: &Session,
) -> Result<Reply, HandlerError> {
    let ended = ctx.record_events(ctx.state.flows.logout(token, session, true, &ctx.client()).await)?;
    let destination = Destination { action: None, ..destination.clone() };
    let page = destination.page_url("signed-out");
    let so = if page.contains('?') { '&' } else { '?' };
    Ok(out(&format!("{page}{so}ended={}", ended_sessions::encode(ctx, ended))))
}

/// The way out, and nothing that is kept of who was here.
fn out(to: &str) -> Reply {
    without_cookies(see_other(to, "logout"))
}

/// The same answer, by which a browser keeps nothing of who was here.
pub(super) fn without_cookies(mut answer: Reply) -> Reply {
    answer.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    answer = with_cookie(answer, cookies::clear_session());
    answer = with_cookie(answer, cookies::clear_ceremony());
    answer = with_cookie(answer, cookies::clear_holder());
    answer = with_cookie(answer, cookies::clear_slip());
    with_cookie(answer, cookies::clear_redirects())
}

/// Says that one is signed out, and leads back to where they were going, perhaps as somebody else.
pub(crate) async fn signed_out(ctx: &Context) -> Result<Reply, HandlerError> {
    if ctx.current_session(true).await?.is_some() {
        return Ok(see_other("/.stepgate/account", "signed-out"));
    }
    let destination = ctx.destination();
    let again = Link::to(destination.page_url("login"), text!("signed-out-again"));
    let host = &ctx.info.authority;
    let (heading, line, links) = match ended_sessions::decode(ctx) {
        Some(ended) => {
            let line = text!("signed-out-everywhere", all = ended, count = ended.saturating_sub(1));
            (text!("signed-out-everywhere-title"), line, vec![again])
        }
        None => {
            let everywhere = Link::to(
                destination.with_action(RequestedAction::SignOut).page_url("login"),
                text!("action-sign-out-everywhere"),
            );
            let line = text!("signed-out", host = host);
            (text!("signed-out-title"), line, vec![again, everywhere])
        }
    };
    Ok(notice(ctx, StatusCode::OK, "signed-out", heading, line, links))
}

pub(super) async fn require_session(ctx: &Context) -> Result<CurrentSession, HandlerError> {
    match ctx.current_session(false).await? {
        Some(who) => Ok(who),
        None => {
            // Without a destination, a sign-in leads to the account.
            Err(HandlerError::from(see_other(
                &Destination::from_query(&[], Tolerances::default()).page_url("login"),
                "account",
            )))
        }
    }
}
