//! An account that somebody makes for themselves, by pages. Looking at a link changes nothing, whoever looks: its page has a
//! button, and asks who it is that reached the address.

use http::StatusCode;

use super::{busy, charged_link_token, link_token, login, notice, wait};
use crate::auth::link_token::LinkToken;
use crate::flow::sign_up::{
    ClaimedBy, Confirmation, ReachedBy, SIGN_UP_LIVES, SignUpBegun, SignUpConfirmed, SignUpForm, SignUpMistake,
    WaitingSignUp,
};
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies;
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::new_password;
use crate::portal::pages::{Errors, Link, SignUpConfirmPage, SignUpPage};
use crate::portal::reply::{Reply, page, with_cookie};

/// Its name among our pages.
const PAGE: &str = "signup";

/// What the forms ask for.
const BEGIN: &str = "begin";
const BY_CODE: &str = "code";
const BY_LINK: &str = "confirm";

/// Asks for an address and a password, or is the page of a link.
pub(crate) async fn show(ctx: &mut Context) -> Result<Reply, HandlerError> {
    if let Some(token) = charged_link_token(ctx).await? {
        return by_link_form(ctx, token.as_ref(), None, Errors::none()).await;
    }
    switched_on(ctx)?;
    Ok(form(ctx, &FormFields::default(), Errors::none()))
}

/// Takes what was given, a code, or the button of a link.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let fields = ctx.form().await?;
    match (fields.get("op"), presented(ctx, fields.get("token"))) {
        (BY_LINK, Some(Some(token))) => by_link(ctx, &token, &fields).await,
        (_, Some(_)) => Ok(over(ctx)),
        (BEGIN, None) => begin(ctx, &fields).await,
        (BY_CODE, None) => by_code(ctx, &fields).await,
        _ => Err(HandlerError::Portal(PortalError::BadRequest)),
    }
}

/// Where nobody makes accounts there is no form for it; the links of invitations have their page all the same.
fn switched_on(ctx: &Context) -> Result<(), HandlerError> {
    match ctx.state.flows.settings.sign_up.is_on() {
        true => Ok(()),
        false => Err(HandlerError::Portal(PortalError::NotFound)),
    }
}

/// The token in the form or the address, if there is any; an inner `None`: it is none of ours. A form posts to where it stands,
/// which after a code is no link.
fn presented(ctx: &Context, field: &str) -> Option<Option<LinkToken>> {
    if !field.is_empty() {
        return Some(LinkToken::parse(field));
    }
    link_token(ctx)
}

async fn begin(ctx: &mut Context, fields: &FormFields) -> Result<Reply, HandlerError> {
    let browser = match &ctx.info.cookies.binding {
        Some(browser) => browser.clone(),
        None => ctx.state.flows.mint_binding()?,
    };
    let sign_up = SignUpForm {
        username: Some(fields.get("username")),
        email: fields.get("email"),
        password: fields.secret("password"),
        enable_mfa: fields.get("enable_mfa") == "yes",
        browser: Some(&browser),
    };
    let begun = ctx.record_events(ctx.state.flows.begin_sign_up(sign_up, &ctx.client()).await)?;
    match begun {
        SignUpBegun::Sent { email, .. } => {
            let answer = code_form(ctx, &email, None, Errors::none(), false);
            Ok(with_cookie(answer, cookies::set_binding(&browser, SIGN_UP_LIVES)))
        }
        SignUpBegun::Unusable(mistakes) => Ok(form(ctx, fields, errors(&mistakes))),
        SignUpBegun::Wait(how_long) => Ok(wait(ctx, how_long, Vec::new(), String::new())),
        SignUpBegun::Busy => Ok(busy(ctx)),
        SignUpBegun::Off => Err(HandlerError::Portal(PortalError::NotFound)),
    }
}

async fn by_code(ctx: &mut Context, fields: &FormFields) -> Result<Reply, HandlerError> {
    let (email, code) = (fields.get("email"), fields.secret("code"));
    let mut missing = missing_password(ctx, fields);
    let asks = !missing.is_empty() || !fields.get("password").is_empty();
    if code.expose().trim().is_empty() {
        missing.add("code", text!("mistake-no-code"));
    }
    if !missing.is_empty() {
        return Ok(code_form(ctx, email, None, missing, asks));
    }
    let confirmed = confirm(ctx, ReachedBy::Code { email, code: &code }, fields).await?;
    match confirmed {
        SignUpConfirmed::Wrong | SignUpConfirmed::Over => {
            let wrong = if asks { text!("sign-up-code-wrong") } else { text!("sign-up-code-wrong-here") };
            Ok(code_form(ctx, email, None, Errors::one("code", wrong), asks))
        }
        SignUpConfirmed::Unusable(mistake) => {
            Ok(code_form(ctx, email, Some(fields.get("username")), errors(&[mistake]), asks))
        }
        other => confirmed_reply(ctx, other, fields).await,
    }
}

async fn by_link(ctx: &mut Context, token: &LinkToken, fields: &FormFields) -> Result<Reply, HandlerError> {
    let name = Some(fields.get("username")).filter(|name| !name.is_empty());
    let missing = missing_password(ctx, fields);
    if !missing.is_empty() {
        ctx.charge_token().await?;
        return by_link_form(ctx, Some(token), name, missing).await;
    }
    let confirmed = confirm(ctx, ReachedBy::Link(token), fields).await?;
    match confirmed {
        SignUpConfirmed::Wrong => {
            let wrong = Errors::one("password", text!("sign-up-password-wrong"));
            by_link_form(ctx, Some(token), name, wrong).await
        }
        SignUpConfirmed::Unusable(mistake) => by_link_form(ctx, Some(token), name, errors(&[mistake])).await,
        other => confirmed_reply(ctx, other, fields).await,
    }
}

async fn confirm(
    ctx: &mut Context,
    reached: ReachedBy<'_>,
    fields: &FormFields,
) -> Result<SignUpConfirmed, HandlerError> {
    let username = Some(fields.get("username"));
    let typed = fields.secret("password");
    let by = match ctx.info.cookies.binding.clone().filter(|_| typed.expose().is_empty()) {
        Some(browser) => ClaimedBy::Browser(browser),
        None => ClaimedBy::Password(typed),
    };
    let goal = ctx.guards().goal();
    let given = Confirmation { reached, by, username, enable_mfa: None };
    let confirmed = ctx.state.flows.confirm_sign_up(given, goal, &ctx.client()).await;
    ctx.record_events(confirmed)
}

/// What is the same for code and link.
async fn confirmed_reply(
    ctx: &mut Context,
    confirmed: SignUpConfirmed,
    fields: &FormFields,
) -> Result<Reply, HandlerError> {
    match confirmed {
        SignUpConfirmed::Made { who, reply } => {
            let destination = ctx.destination();
            login::login_reply(ctx, &destination, who.username.as_str(), reply).await
        }
        SignUpConfirmed::UsernameTaken(token) => {
            let taken = Errors::one("username", text!("problem-username-taken-title"));
            by_link_form(ctx, Some(&token), Some(fields.get("username")), taken).await
        }
        SignUpConfirmed::Wait(how_long) => Ok(wait(ctx, how_long, Vec::new(), String::new())),
        SignUpConfirmed::Busy => Ok(busy(ctx)),
        SignUpConfirmed::AlreadyDone => {
            let links = vec![sign_in(ctx)];
            let heading = text!("problem-already-done-title");
            Ok(notice(ctx, StatusCode::CONFLICT, PAGE, heading, text!("sign-up-done"), links))
        }
        SignUpConfirmed::Over | SignUpConfirmed::Wrong | SignUpConfirmed::Unusable(_) => Ok(over(ctx)),
    }
}

/// The browser that began need not say again who it is.
fn missing_password(ctx: &Context, fields: &FormFields) -> Errors {
    match fields.get("password").is_empty() && ctx.info.cookies.binding.is_none() {
        true => Errors::one("password", text!("mistake-no-password")),
        false => Errors::none(),
    }
}

fn errors(mistakes: &[SignUpMistake]) -> Errors {
    let mut errors = Errors::none();
    for mistake in mistakes {
        match mistake {
            SignUpMistake::Email => errors.add("email", text!("mistake-mail-address")),
            SignUpMistake::Domain => errors.add("email", text!("mistake-sign-up-domain")),
            SignUpMistake::Username => errors.add("username", text!("mistake-username-unusable")),
            SignUpMistake::Password(unfit) => errors.add("password", new_password::reason(*unfit)),
        }
    }
    errors
}

fn status(errors: &Errors) -> StatusCode {
    if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
}

fn form(ctx: &Context, fields: &FormFields, errors: Errors) -> Reply {
    let (shell, status) = (ctx.shell(), status(&errors));
    let rule = new_password::hint(ctx.state.flows.password_rule());
    let shown = SignUpPage {
        shell: &shell,
        errors,
        host: &ctx.info.authority,
        email: fields.get("email"),
        username: fields.get("username"),
        enable_mfa: fields.get("enable_mfa") == "yes",
        password_rule: &rule,
        login: &ctx.destination().page_url("login"),
    };
    page(status, PAGE, &shown)
}

fn code_form(ctx: &Context, email: &str, username: Option<&str>, errors: Errors, asks_password: bool) -> Reply {
    let (shell, status) = (ctx.shell(), status(&errors));
    let span = format::span(SIGN_UP_LIVES);
    let shown = SignUpConfirmPage {
        shell: &shell,
        errors,
        host: &ctx.info.authority,
        token: None,
        op: BY_CODE,
        email,
        waiting: Some(&span),
        username,
        asks_password,
        password_rule: None,
        again: &ctx.destination().page_url(PAGE),
    };
    page(status, PAGE, &shown)
}

/// The page of a link that waits. `username`: what was typed, where one is to be chosen.
async fn by_link_form(
    ctx: &Context,
    token: Option<&LinkToken>,
    username: Option<&str>,
    errors: Errors,
) -> Result<Reply, HandlerError> {
    let Some(token) = token else { return Ok(over(ctx)) };
    let waiting = ctx.state.flows.waiting_sign_up(token, ctx.info.cookies.binding.as_ref()).await?;
    let (email, invited, is_own) = match waiting {
        Some(WaitingSignUp::Claimed { email, is_own }) => (email, false, is_own),
        Some(WaitingSignUp::Invited { email }) => (email, true, false),
        None => return Ok(over(ctx)),
    };
    let rule = invited.then(|| new_password::hint(ctx.state.flows.password_rule()));
    let (shell, status) = (ctx.shell(), status(&errors));
    let shown = SignUpConfirmPage {
        shell: &shell,
        errors,
        host: &ctx.info.authority,
        token: Some(token.expose()),
        op: BY_LINK,
        email: &email,
        waiting: None,
        username: username.or_else(|| invited.then_some("")),
        asks_password: !is_own,
        password_rule: rule.as_deref(),
        again: &ctx.destination().page_url(PAGE),
    };
    Ok(page(status, PAGE, &shown))
}

/// Back to the sign-in, on the way to the same place.
fn sign_in(ctx: &Context) -> Link {
    Link::to(ctx.destination().page_url("login"), text!("sign-up-login"))
}

/// The same for all that is no link, or no longer.
fn over(ctx: &Context) -> Reply {
    let links = vec![sign_in(ctx)];
    notice(ctx, StatusCode::GONE, PAGE, text!("login-link-over-title"), text!("sign-up-over"), links)
}
