//! Sign-in with user name and password.

use http::StatusCode;

use super::account::out_everywhere;
use super::passkey_dialogs::{self, DialogError, PASSKEY};
use super::passkey_upgrade::UPGRADE;
use super::steps::{ceremony_redirect, enter};
use super::{busy, dead_ends, locked_factor, login_link, out_of_reach, passkey_upgrade, start_again, wait};
use crate::auth::session::{Channel, Standing};
use crate::flow::reply::{Credentials, LoginReply, OutOfReach, Rejection};
use crate::portal::answers::out_of_reach::Unreached;
use crate::portal::context::{Context, HandlerError};
use crate::portal::cookies::SessionCredential;
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::format;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::pages::{Errors, LoginPage, PasskeySignal};
use crate::portal::reply::{Reply, page, see_other};

/// Shows the form; who is signed in already goes on.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "login").await?;
    if let Some(who) = ctx.current_session(true).await? {
        return Ok(
            match ctx.guards_of(&who.session).await?.are_met(&who.session.proofs, ctx.state.flows.ports.clock.now()) {
                false => see_other(&destination.page_url("step-up"), "login"),
                true => dead_ends::to_destination(ctx, &destination, &who.session, "login"),
            },
        );
    }
    if let Some(answer) = dead_ends::redirect_loop(ctx, &destination) {
        return Ok(answer);
    }
    let ended = ended(ctx).await?;
    form(ctx, &destination, LoginFeedback { ended, ..LoginFeedback::default() })
}

/// What became of the session that this browser had, if it had one. Whose it was is nobody's business here.
async fn ended(ctx: &Context) -> Result<Option<String>, HandlerError> {
    let SessionCredential::Cookie(token) = &ctx.info.cookies.session else { return Ok(None) };
    let lifetimes = ctx.state.flows.settings.session;
    let ended = ctx.state.flows.ended(token).await?;
    Ok(Some(match ended {
        Some(Standing::Idle) => text!("login-was-idle", span = format::span(lifetimes.idle)),
        Some(Standing::Expired) => {
            text!("login-was-expired", span = format::span(lifetimes.absolute))
        }
        Some(Standing::Live) | None => text!("login-was-ended"),
    }))
}

/// What the form shows of what was sent before.
#[derive(Default)]
struct LoginFeedback<'a> {
    username: &'a str,
    errors: Errors,
    ended: Option<String>,
    signals: Vec<PasskeySignal>,
}

/// Takes user name and password, or what the browser's dialog for passkeys ended with.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "login").await?;
    if fields.get("op") == UPGRADE {
        return passkey_upgrade::submit(ctx, &destination, &fields).await;
    }
    if fields.get("op") == PASSKEY {
        return by_passkey(ctx, &destination, &fields).await;
    }
    let username = fields.get("username");
    let mut errors = Errors::none();
    if username.trim().is_empty() {
        errors.add("username", text!("mistake-no-user-name"));
    }
    if fields.get("password").is_empty() {
        errors.add("password", text!("mistake-no-password"));
    }
    if !errors.is_empty() {
        return form(ctx, &destination, LoginFeedback { username, errors, ..LoginFeedback::default() });
    }
    let given = Credentials { username: username.to_owned(), password: fields.secret("password"), otp: None };
    let goal = ctx.guards().goal();
    let reply = ctx.record_events(ctx.state.flows.begin(given, goal, Channel::Cookie, &ctx.client()).await)?;
    if matches!(reply, LoginReply::Rejected(_)) {
        let errors = Errors::one("username", text!("mistake-credentials"));
        return form(ctx, &destination, LoginFeedback { username, errors, ..LoginFeedback::default() });
    }
    login_reply(ctx, &destination, username.trim(), reply).await
}

/// Takes a passkey: nobody has said who they are.
async fn by_passkey(ctx: &mut Context, destination: &Destination, fields: &FormFields) -> Result<Reply, HandlerError> {
    if let Some(error) = DialogError::of(fields) {
        return form(ctx, destination, LoginFeedback { errors: error.errors(), ..LoginFeedback::default() });
    }
    let (state, assertion) = (fields.secret("state"), fields.secret("assertion"));
    let goal = ctx.guards().goal();
    let signed_in = ctx.state.flows.sign_in_by_passkey(&state, &assertion, goal, &ctx.client()).await;
    let reply = ctx.record_events(signed_in)?;
    let LoginReply::Rejected(rejection) = reply else {
        let username = match &reply {
            LoginReply::OutOfReach(OutOfReach { ceremony, .. }) => {
                ctx.state.flows.view(ceremony, &ctx.client()).await?.map(|view| view.username)
            }
            _ => None,
        };
        let username = username.as_ref().map_or("", |name| name.as_str());
        return login_reply(ctx, destination, username, reply).await;
    };
    let (text, signal) = match rejection {
        Rejection::WrongPasskey { unknown: true } => {
            (text!("mistake-passkey-unknown"), passkey_dialogs::unknown(ctx, fields.get("assertion")))
        }
        Rejection::CeremonyGone => (text!("mistake-passkey-late"), None),
        _ => (text!("mistake-passkey-wrong"), None),
    };
    let errors = Errors::one(PASSKEY, text);
    form(ctx, destination, LoginFeedback { errors, signals: signal.into_iter().collect(), ..LoginFeedback::default() })
}

pub(super) async fn login_reply(
    ctx: &mut Context,
    destination: &Destination,
    username: &str,
    reply: LoginReply,
) -> Result<Reply, HandlerError> {
    if let LoginReply::Opened(opened) = &reply {
        ctx.supersede(opened).await?;
    }
    // What follows needs the cookie of this answer. A browser that has shown none of ours yet may keep none.
    let on = if ctx.info.cookies.any { destination.clone() } else { destination.with_cookie_check() };
    let answer = match reply {
        LoginReply::Next(next) => ceremony_redirect(ctx, &on.page_url("second-factor"), "login", &next.ceremony),
        LoginReply::Enroll(next) => ceremony_redirect(ctx, &on.page_url("enroll"), "login", &next.ceremony),
        LoginReply::OutOfReach(OutOfReach { owned, unrecognised, .. }) => {
            out_of_reach(ctx, destination, Unreached { who: username, owned, signed_in: false, unrecognised })
        }
        LoginReply::Locked(off) => locked_factor::locked_out(ctx, username, off.methods, false),
        LoginReply::Opened(opened) if destination.action == Some(RequestedAction::SignOut) => {
            out_everywhere(ctx, destination, &opened.token, &opened.session).await?
        }
        LoginReply::Opened(opened) => passkey_upgrade::or_on(ctx, destination, &opened).await?,
        LoginReply::Rejected(_) => start_again(ctx),
        LoginReply::Wait(how_long) => wait(ctx, how_long, Vec::new(), String::new()),
        LoginReply::Busy => busy(ctx),
    };
    Ok(answer)
}

fn form(ctx: &Context, destination: &Destination, shown: LoginFeedback<'_>) -> Result<Reply, HandlerError> {
    let LoginFeedback { username, errors, ended, signals } = shown;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let notice = if matches!(ctx.info.cookies.session, SessionCredential::Ambiguous) {
        Some(text!("login-several-cookies"))
    } else {
        (!ctx.guards().can_be_met()).then(|| text!("login-unattainable"))
    };
    let (shell, place) = (ctx.shell(), ctx.place(destination));
    let login = LoginPage {
        shell: &shell,
        errors,
        notice: notice.or(ended),
        purpose: (destination.action == Some(RequestedAction::SignOut)).then(|| text!("login-to-end-all-sessions")),
        username,
        place: &place,
        host: &ctx.info.authority,
        dialog: passkey_dialogs::sign_in(ctx)?,
        signals,
        mailed_link: ctx.state.flows.settings.email_link.then(|| destination.page_url(login_link::PAGE)),
        sign_up: ctx.state.flows.settings.sign_up.is_on().then(|| destination.page_url("signup")),
        recovery: ctx.state.flows.settings.recovery.is_some(),
    };
    Ok(page(status, "login", &login))
}
