//! The first authenticator: a picture to scan, a code to confirm it, backup codes shown once.

use http::StatusCode;

use super::steps::enter;
use super::{
    CONTINUE, RESTART, backup_codes, busy, keep_sessions, locked_factor, nothing_to_prove_with, other_account,
    previous_sign_in, proof_errors, start_again, wait,
};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::user::{UserId, Username};
use crate::flow::reply::{CeremonyRef, ConfirmReply, EnrollReply, PendingTotp};
use crate::portal::context::{Context, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::messages::text;
use crate::portal::pages::{
    BackupCodesPage, CodesOccasion, EnrollPage, EnrollReason, Errors, Link, MethodPrompt, NoticePage,
};
use crate::portal::reply::{Reply, page, see_other, with_session};
use crate::portal::support_contact;
use crate::portal::{format, qr};

/// Shows the picture and the steps.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "enroll").await?;
    let enrollee = enrolling(ctx, &destination).await?;
    if passkeys_offered(ctx) && !app_would_do(ctx) {
        return Ok(see_other(&destination.page_url("passkey"), "enroll"));
    }
    form(ctx, &destination, &enrollee, Errors::none()).await
}

/// Takes the confirming code.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "enroll").await?;
    if fields.get("op") == backup_codes::DOWNLOAD {
        return backup_codes::download(ctx, &fields).await;
    }
    if fields.get("op") == "way" {
        return Ok(see_other(&destination.page_url("passkey"), "enroll"));
    }
    let enrollee = enrolling(ctx, &destination).await?;
    if !form_owner::matches(ctx, &fields, &enrollee.account) {
        return Ok(enrollee.of_another(ctx));
    }
    if fields.get("code").trim().is_empty() {
        return form(ctx, &destination, &enrollee, Errors::one("code", text!("mistake-no-code"))).await;
    }
    let reply = ctx.record_events(
        ctx.state
            .flows
            .confirm_totp(&enrollee.who, fields.secret("code"), keep_sessions::others(&fields), &ctx.client())
            .await,
    )?;
    if let ConfirmReply::Enrolled { opened, .. } = &reply {
        ctx.supersede(opened).await?;
    }
    let answer = match reply {
        ConfirmReply::Enrolled { backup_codes, opened } => {
            let (shell, place) = (ctx.shell(), ctx.place(&destination));
            let user = opened.session.identity.username.as_str();
            let host = ctx.info.authority.as_str();
            let whom = support_contact::whom(shell.support.as_ref());
            let strange =
                opened.notice.as_ref().map(|notice| previous_sign_in::unusual_activity(ctx, notice, user, &whom));
            let (codes, place) = (backup_codes.as_slice(), place.as_str());
            let occasion = CodesOccasion::App;
            let codes = BackupCodesPage { shell: &shell, strange, codes, place, account: user, host, occasion };
            with_session(page(StatusCode::OK, "enroll", &codes), &opened, ctx.state.flows.settings.device_ttl)
        }
        ConfirmReply::Rejected(rejection) => match proof_errors(MethodPrompt::of(Method::Totp), rejection) {
            Some(errors) => form(ctx, &destination, &enrollee, errors).await?,
            None => already_done(ctx, &destination, &enrollee).await?,
        },
        ConfirmReply::AlreadyDone => already_done(ctx, &destination, &enrollee).await?,
        ConfirmReply::Wait(how_long) => wait(ctx, how_long, Vec::new(), String::new()),
        ConfirmReply::Busy => busy(ctx),
        ConfirmReply::ProveFirst(methods) => {
            prove_first(ctx, &destination, &enrollee, methods, RequestedAction::Enroll)
        }
    };
    Ok(answer)
}

/// Who enrols here.
pub(super) struct Enrollee {
    pub(super) who: CeremonyRef,
    pub(super) account: Username,
    user: Option<UserId>,
    /// What the sign-in under way can still ask for.
    askable: MethodSet,
    /// What it could ask for, were it not switched off.
    locked: MethodSet,
    /// Whether there is an authenticator app already.
    pub(super) has_app: bool,
    /// Whether there is a passkey, and the destination counts none that may be copied.
    pub(super) copied: bool,
}

impl Enrollee {
    /// Whether they wish to stay signed in elsewhere, where they are.
    pub(super) async fn keeps(&self, ctx: &Context) -> Result<Option<bool>, HandlerError> {
        let Some(user) = &self.user else { return Ok(None) };
        let own = match &self.who {
            CeremonyRef::SignIn(_) => None,
            CeremonyRef::Session(_, session) => Some(session.as_ref()),
        };
        keep_sessions::box_of(ctx, user, own).await
    }

    /// The answer to a form that was filled in for somebody else.
    pub(super) fn of_another(&self, ctx: &Context) -> Reply {
        match &self.who {
            CeremonyRef::SignIn(_) => other_account::sign_in_of_another(ctx, &self.account),
            CeremonyRef::Session(..) => other_account::session_of_another(ctx, &self.account),
        }
    }
}

/// Whether passkeys are set up on this host.
pub(super) fn passkeys_offered(ctx: &Context) -> bool {
    ctx.state.flows.settings.offer_at(&ctx.info.host).enrollable.contains(Method::Passkey)
}

/// Whether an authenticator app beside the password opens the destination.
pub(super) fn app_would_do(ctx: &Context) -> bool {
    ctx.guards().are_within(MethodSet::EMPTY.with(Method::Password).with(Method::Totp))
}

pub(super) async fn enrolling(ctx: &Context, destination: &Destination) -> Result<Enrollee, HandlerError> {
    let begun = ctx.info.cookies.ceremony.clone().filter(|_| !destination.as_session);
    if let Some(token) = begun {
        let view = ctx.state.flows.view(&token, &ctx.client()).await?;
        if let Some(view) = view {
            let account = view.username.clone();
            let (askable, locked) = (view.methods, view.ceremony.locked);
            let owned = view.ceremony.enrolled.or(locked);
            let (has_app, copied) = (owned.contains(Method::Totp), leave_out(ctx, destination, owned));
            let (who, user) = (CeremonyRef::SignIn(token), view.ceremony.who.user().cloned());
            return Ok(Enrollee { who, account, user, askable, locked, has_app, copied });
        }
    }
    match ctx.current_session(false).await? {
        Some(who) => {
            let (account, user) = (who.session.identity.username.clone(), Some(who.session.identity.id.clone()));
            let owned = ctx.state.flows.methods_of(&who.session).await?;
            let (has_app, copied) = (owned.contains(Method::Totp), leave_out(ctx, destination, owned));
            let (askable, locked) = (MethodSet::EMPTY, MethodSet::EMPTY);
            let who = CeremonyRef::Session(who.token, who.session);
            Ok(Enrollee { who, account, user, askable, locked, has_app, copied })
        }
        None => Err(HandlerError::from(no_ceremony(ctx).await?)),
    }
}

/// Whether the destination counts no passkey that may be copied, as one of these is.
fn leave_out(ctx: &Context, destination: &Destination, owned: MethodSet) -> bool {
    destination.given && ctx.guards().leave_out_copies(owned)
}

/// A page of a sign-in was opened without one: who is signed in may go on, everybody else starts again.
pub(super) async fn no_ceremony(ctx: &Context) -> Result<Reply, HandlerError> {
    let Some(who) = ctx.current_session(true).await? else { return Ok(start_again(ctx)) };
    let other = Link::to(ctx.destination().page_url("logout"), text!("action-other-account"));
    let (shell, links) = (ctx.shell(), vec![Link::to("/.stepgate/account", text!("action-your-account")), other]);
    // Perhaps somebody else signed in meanwhile, in another window.
    let line = text!("already-signed-in", user = who.session.identity.username.as_str());
    let (lines, go_on) = (vec![line], Some((CONTINUE, text!("action-continue"))));
    let notice = NoticePage { lines, go_on, links, ..NoticePage::new(&shell, text!("already-signed-in-title")) };
    Ok(page(StatusCode::OK, "already", &notice))
}

/// Nothing waits for this code: it was sent twice (the page with the backup codes was loaded again), or too late.
async fn already_done(ctx: &Context, destination: &Destination, enrollee: &Enrollee) -> Result<Reply, HandlerError> {
    match (&enrollee.who, enrollee.has_app) {
        (CeremonyRef::SignIn(_), _) => Ok(start_again(ctx)),
        (CeremonyRef::Session(..), false) => {
            let late = text!("mistake-late");
            form(ctx, destination, enrollee, Errors::one("code", late)).await
        }
        (CeremonyRef::Session(..), true) => {
            let links = vec![Link::to(destination.page_url("enroll"), text!("enrolled-once-more"))];
            let (lines, go_on) = (vec![text!("enrolled")], Some((CONTINUE, text!("action-continue"))));
            let shell = ctx.shell();
            let notice = NoticePage { lines, go_on, links, ..NoticePage::new(&shell, text!("enrolled-title")) };
            Ok(page(StatusCode::OK, "already", &notice))
        }
    }
}

async fn form(
    ctx: &Context,
    destination: &Destination,
    enrollee: &Enrollee,
    errors: Errors,
) -> Result<Reply, HandlerError> {
    match ctx.state.flows.begin_totp(&enrollee.who, &ctx.client()).await? {
        EnrollReply::Pending(pending) => {
            let keeps = enrollee.keeps(ctx).await?;
            steps(ctx, destination, enrollee, (&pending, keeps), errors)
        }
        EnrollReply::ProveFirst(methods) => {
            Ok(prove_first(ctx, destination, enrollee, methods, RequestedAction::Enroll))
        }
        EnrollReply::Gone => Ok(start_again(ctx)),
    }
}

fn steps(
    ctx: &Context,
    destination: &Destination,
    enrollee: &Enrollee,
    (pending, keeps): (&PendingTotp, Option<bool>),
    errors: Errors,
) -> Result<Reply, HandlerError> {
    let uri = pending.uri.expose();
    let picture = qr::svg(uri).ok_or(HandlerError::Portal(PortalError::Unavailable))?;
    let key = format::grouped(pending.secret.expose());
    let (shell, place) = (ctx.shell(), ctx.place(destination));
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let digits = ctx.state.flows.settings.totp.digits;
    let why = match (enrollee.has_app, destination.given) {
        (true, _) => EnrollReason::Replaces,
        (false, true) if enrollee.copied => EnrollReason::Uncounted,
        (false, true) => EnrollReason::Asked,
        (false, false) => EnrollReason::Wished,
    };
    let passkey = !enrollee.has_app && passkeys_offered(ctx);
    let (account, of) = (enrollee.account.as_str(), form_owner::tag(ctx, &enrollee.account));
    let (place, qr, key, of) = (place.as_str(), picture.as_str(), key.as_str(), of.as_str());
    let enroll = EnrollPage { shell: &shell, errors, place, why, account, qr, uri, key, digits, passkey, keeps, of };
    Ok(page(status, "enroll", &enroll))
}

/// Something must be proved before a factor is added.
pub(super) fn prove_first(
    ctx: &Context,
    destination: &Destination,
    enrollee: &Enrollee,
    methods: MethodSet,
    action: RequestedAction,
) -> Reply {
    match &enrollee.who {
        CeremonyRef::SignIn(_) if !enrollee.askable.and(methods).is_empty() => {
            see_other(&destination.page_url("second-factor"), "enroll")
        }
        CeremonyRef::SignIn(_) if !enrollee.locked.is_empty() => {
            locked_factor::locked_out(ctx, enrollee.account.as_str(), enrollee.locked, false)
        }
        // The second-factor page would send the person straight back here.
        CeremonyRef::SignIn(_) if methods.contains(Method::Password) => start_again(ctx),
        CeremonyRef::SignIn(_) if enrollee.copied => passkey_first(ctx),
        // What is asked for is a passkey of another host.
        CeremonyRef::SignIn(_) => nothing_to_prove_with(ctx),
        CeremonyRef::Session(..) => see_other(&destination.with_action(action).page_url("step-up"), "enroll"),
    }
}

/// The passkey that there is does not do, and lets nobody set up another before it is used itself.
fn passkey_first(ctx: &Context) -> Reply {
    let lines = vec![text!("passkey-uncounted"), text!("passkey-uncounted-first")];
    let (shell, go_on) = (ctx.shell(), Some((RESTART, text!("action-start-again"))));
    let notice = NoticePage { lines, go_on, ..NoticePage::new(&shell, text!("passkey-title")) };
    page(StatusCode::OK, "enroll", &notice)
}
