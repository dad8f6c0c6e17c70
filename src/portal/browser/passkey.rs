//! Setting up a passkey or a security key: in a sign-in that may enrol, or by somebody who is signed in.

use http::StatusCode;

use super::enroll::{Enrollee, app_would_do, enrolling, prove_first};
use super::passkey_dialogs::{self, DialogError, bound, json};
use super::steps::enter;
use super::{CONTINUE, backup_codes, busy, keep_sessions, previous_sign_in, start_again, wait};
use crate::auth::factor::passkey::PasskeyRecord;
use crate::flow::reply::{CeremonyRef, CreationAsked, NewPasskey, Opened, PasskeyAdded, PasskeyWish, Rejection};
use crate::portal::context::{Context, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::messages::text;
use crate::portal::pages::{
    BackupCodesPage, CodesOccasion, DialogPurpose, EnrollReason, Errors, Link, NoticePage, PasskeyPage,
};
use crate::portal::reply::{Reply, page, see_other, with_session};
use crate::portal::support_contact;

/// Says what will happen, and lets the browser ask.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "passkey").await?;
    let enrollee = enrolling(ctx, &destination).await?;
    form(ctx, &destination, &enrollee, Errors::none()).await
}

/// Takes what the browser made.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "passkey").await?;
    if fields.get("op") == backup_codes::DOWNLOAD {
        return backup_codes::download(ctx, &fields).await;
    }
    if fields.get("op") == "way" {
        return Ok(see_other(&destination.page_url("enroll"), "passkey"));
    }
    let enrollee = enrolling(ctx, &destination).await?;
    if !form_owner::matches(ctx, &fields, &enrollee.account) {
        return Ok(enrollee.of_another(ctx));
    }
    if let Some(error) = DialogError::of(&fields) {
        return form(ctx, &destination, &enrollee, error.errors()).await;
    }
    let credential = fields.secret("credential");
    let made = NewPasskey { name: None, credential: &credential, others: keep_sessions::others(&fields) };
    let added = ctx.state.flows.add_passkey(&enrollee.who, made, &ctx.client()).await;
    let reply = ctx.record_events(added)?;
    if let PasskeyAdded::Added { opened, .. } = &reply {
        ctx.supersede(opened).await?;
    }
    Ok(match reply {
        PasskeyAdded::Added { passkey, backup_codes, opened } => {
            let shown = if backup_codes.is_empty() {
                saved(ctx, &passkey)
            } else {
                codes(ctx, &destination, &backup_codes, &opened)
            };
            with_session(shown, &opened, ctx.state.flows.settings.device_ttl)
        }
        PasskeyAdded::AlreadyDone => see_other("/.stepgate/account", "passkey"),
        PasskeyAdded::Rejected(Rejection::CeremonyGone | Rejection::SessionGone) => start_again(ctx),
        PasskeyAdded::Rejected(_) => {
            let errors = Errors::one(passkey_dialogs::PASSKEY, text!("mistake-passkey-refused"));
            form(ctx, &destination, &enrollee, errors).await?
        }
        PasskeyAdded::Wait(how_long) => wait(ctx, how_long, Vec::new(), String::new()),
        PasskeyAdded::Busy => busy(ctx),
        PasskeyAdded::ProveFirst(methods) => {
            prove_first(ctx, &destination, &enrollee, methods, RequestedAction::Passkey)
        }
    })
}

/// What was set up, and where it is.
fn saved(ctx: &Context, passkey: &PasskeyRecord) -> Reply {
    let shell = ctx.shell();
    let kept = if passkey.backup_eligible { text!("passkey-synced") } else { text!("passkey-bound") };
    let lines = vec![text!("passkey-saved", name = &passkey.name), kept];
    let links = vec![Link::to("/.stepgate/account", text!("action-your-account"))];
    let go_on = Some((CONTINUE, text!("action-continue")));
    let notice = NoticePage { lines, go_on, links, ..NoticePage::new(&shell, text!("passkey-saved-title")) };
    page(StatusCode::OK, "passkey", &notice)
}

/// The first second factor comes with backup codes.
pub(super) fn codes(
    ctx: &Context,
    destination: &Destination,
    codes: &[crate::auth::secret::SecretText],
    opened: &Opened,
) -> Reply {
    let (shell, place) = (ctx.shell(), ctx.place(destination));
    let (user, host) = (opened.session.identity.username.as_str(), ctx.info.authority.as_str());
    let whom = support_contact::whom(shell.support.as_ref());
    let strange = opened.notice.as_ref().map(|notice| previous_sign_in::unusual_activity(ctx, notice, user, &whom));
    let occasion = CodesOccasion::Passkey;
    page(
        StatusCode::OK,
        "passkey",
        &BackupCodesPage { shell: &shell, strange, codes, place: &place, account: user, host, occasion },
    )
}

async fn form(
    ctx: &Context,
    destination: &Destination,
    enrollee: &Enrollee,
    errors: Errors,
) -> Result<Reply, HandlerError> {
    let flows = &ctx.state.flows;
    let wanted = match &enrollee.who {
        CeremonyRef::Session(_, session) if destination.given => {
            ctx.guards().wanted(&session.proofs, flows.ports.clock.now())
        }
        CeremonyRef::Session(..) | CeremonyRef::SignIn(_) => None,
    };
    let wish = PasskeyWish { wanted, ..PasskeyWish::default() };
    let options = match flows.ask_wished_passkey(&enrollee.who, wish, &ctx.client()).await? {
        CreationAsked::Asked(options) => json(&options)?,
        CreationAsked::ProveFirst(methods) => {
            return Ok(prove_first(ctx, destination, enrollee, methods, RequestedAction::Passkey));
        }
        CreationAsked::NotOffered => return Err(HandlerError::Portal(PortalError::NotFound)),
        CreationAsked::Gone => return Ok(start_again(ctx)),
    };
    let mut dialog = bound(ctx, DialogPurpose::Create, options, &enrollee.account);
    dialog.keeps = enrollee.keeps(ctx).await?;
    let (shell, place) = (ctx.shell(), ctx.place(destination));
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let why = match destination.given {
        true if enrollee.copied => EnrollReason::Uncounted,
        true => EnrollReason::Asked,
        false => EnrollReason::Wished,
    };
    let app = destination.given && !enrollee.has_app && app_would_do(ctx);
    let account = enrollee.account.as_str();
    let passkey = PasskeyPage { shell: &shell, errors, place: &place, why, account, dialog: &dialog, app };
    Ok(page(status, "passkey", &passkey))
}
