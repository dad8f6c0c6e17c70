//! Step-up: one more proof in a session, because the destination asks for it.

use http::StatusCode;

use super::passkey_dialogs::{self, DialogError, PASSKEY};
use super::sent_code::Sending;
use super::steps::{ceremony_redirect, enter};
use super::{
    after_sign_in, approval, busy, dead_ends, empty, locked_factor, nothing_to_prove_with, other_account, out_of_reach,
    proof_errors, sent_code, wait, ways,
};
use crate::auth::proof::{Lack, Method, MethodSet, SlipOrder};
use crate::flow::destination::{Guard, Person, Ways};
use crate::flow::reply::{CeremonyRef, CodesAsked, EnrollReply, LoginReply, OutOfReach, Submission};
use crate::portal::answers::out_of_reach::Unreached;
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::{Destination, RequestedAction};
use crate::portal::form_owner;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{CodePage, Errors, MethodPrompt, ShownRequest};
use crate::portal::reply::{Reply, page, see_other};

/// What is asked of whom, and why.
struct RequiredProof {
    who: CurrentSession,
    methods: MethodSet,
    /// What would do, whether they have it or not.
    wanted: MethodSet,
    /// Digits of the codes of their authenticator.
    digits: u8,
    heading: Option<String>,
    why: String,
    /// The one request that it is for, where its rule asks for that.
    slip: Option<SlipOrder>,
    /// What is about to be sent, where that is approved of.
    shown: Option<ShownRequest>,
}

impl RequiredProof {
    /// What is `wanted` before something of the account is changed, by what is `usable` of it.
    async fn before(
        ctx: &Context,
        who: CurrentSession,
        wanted: MethodSet,
        usable: MethodSet,
        why: String,
    ) -> Result<Self, HandlerError> {
        let digits = ctx.state.flows.digits_of(&who.session.identity.id).await?;
        Ok(Self { who, methods: wanted.and(usable), wanted, digits, heading: None, why, slip: None, shown: None })
    }
}

/// Shows what is asked.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "step-up").await?;
    let ask = required_proof(ctx, &destination).await?;
    form(ctx, &destination, &ask, "", Errors::none()).await
}

/// Takes the proof, or the wish for another way.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let (destination, fields) = enter(ctx, "step-up").await?;
    let ask = required_proof(ctx, &destination).await?;
    let username = &ask.who.session.identity.username;
    if !form_owner::matches(ctx, &fields, username) {
        return Ok(other_account::session_of_another(ctx, username));
    }
    let at = CeremonyRef::Session(ask.who.token.clone(), ask.who.session.clone());
    match sent_code::send(ctx, &at, ask.methods, &fields).await? {
        Sending::Sent { way, to } => return form_after(ctx, &destination, &ask, way, Errors::none(), Some(to)).await,
        Sending::UsedUp { way, errors } => return form(ctx, &destination, &ask, way, errors).await,
        Sending::Over => return Ok(see_other(&destination.page_url("login"), "step-up")),
        Sending::Other => {}
    }
    if matches!(fields.get("op"), "way" | "send") {
        return form(ctx, &destination, &ask, fields.get("way"), Errors::none()).await;
    }
    let wanted = if fields.get("op") == PASSKEY { PASSKEY } else { fields.get("method") };
    let Some((way, _)) = ways(ask.methods, wanted) else {
        return form(ctx, &destination, &ask, "", Errors::none()).await;
    };
    let errors = match way.is_passkey() {
        true => DialogError::of(&fields).map(DialogError::errors),
        // A code is for what was shown beside it, and for nothing else.
        false if ask.shown.as_ref().is_some_and(|shown| fields.get("transaction") != shown.digest) => {
            Some(Errors::one("code", text!("mistake-transaction-other")))
        }
        false => fields.get("code").trim().is_empty().then(|| empty(way)),
    };
    if let Some(errors) = errors {
        return form(ctx, &destination, &ask, way.name, errors).await;
    }
    let proof = fields.secret(way.field());
    let reply = ctx.record_events(
        ctx.state.flows.submit_for(&at, ask.slip.clone(), Submission::of(way.method, proof), &ctx.client()).await,
    )?;
    login_reply(ctx, &destination, &ask, way, reply).await
}

async fn login_reply(
    ctx: &Context,
    destination: &Destination,
    ask: &RequiredProof,
    way: MethodPrompt,
    reply: LoginReply,
) -> Result<Reply, HandlerError> {
    Ok(match reply {
        LoginReply::Opened(opened) => after_sign_in(ctx, destination, &opened),
        LoginReply::Next(_) => see_other(&destination.page_url("step-up"), "step-up"),
        LoginReply::Enroll(next) => ceremony_redirect(ctx, &destination.page_url("enroll"), "step-up", &next.ceremony),
        LoginReply::OutOfReach(OutOfReach { owned, unrecognised, .. }) => out_of_reach(
            ctx,
            destination,
            Unreached { who: ask.who.session.identity.username.as_str(), owned, signed_in: true, unrecognised },
        ),
        LoginReply::Locked(off) => {
            let (who, left) = (&ask.who, ask.methods.minus(off.methods));
            if left.is_empty() {
                return Ok(locked_factor::locked_out(ctx, who.session.identity.username.as_str(), off.methods, true));
            }
            let why = locked_factor::why(off.methods);
            let ask = RequiredProof {
                who: who.clone(),
                methods: left,
                wanted: ask.wanted,
                digits: ask.digits,
                heading: None,
                why,
                slip: ask.slip.clone(),
                shown: ask.shown.clone(),
            };
            form(ctx, destination, &ask, "", Errors::none()).await?
        }
        LoginReply::Rejected(rejection) => match proof_errors(way, rejection) {
            Some(errors) => form(ctx, destination, ask, way.name, errors).await?,
            None => see_other(&destination.page_url("login"), "step-up"),
        },
        LoginReply::Wait(how_long) => {
            let others = ways(ask.methods, way.name).map_or_else(Vec::new, |(_, others)| others);
            wait(ctx, how_long, others, form_owner::tag(ctx, &ask.who.session.identity.username))
        }
        LoginReply::Busy => busy(ctx),
    })
}

/// What the destination asks of this session. Stops with the way on where it asks nothing, or nothing at hand helps.
async fn required_proof(ctx: &Context, destination: &Destination) -> Result<RequiredProof, HandlerError> {
    let Some(who) = ctx.current_session(true).await? else {
        return Err(HandlerError::from(see_other(&destination.page_url("login"), "step-up")));
    };
    let (owned, off) = ctx.state.flows.factors_of(&who.session).await?;
    match destination.action {
        Some(RequestedAction::Enroll | RequestedAction::Passkey | RequestedAction::Passkeys) => {
            return proof_for_enrolling(ctx, destination, who, (owned, off)).await;
        }
        Some(RequestedAction::BackupCodes) => return proof_for_codes(ctx, destination, who, owned.minus(off)).await,
        Some(RequestedAction::Addresses) => return proof_for_addresses(ctx, destination, who, owned.minus(off)).await,
        Some(RequestedAction::TurnOff) => return proof_for_turning_off(ctx, destination, who, owned.minus(off)).await,
        Some(RequestedAction::Password | RequestedAction::Export | RequestedAction::Delete) => {
            return proof_for_change(ctx, destination, who, owned.minus(off)).await;
        }
        Some(RequestedAction::Sessions | RequestedAction::Activity | RequestedAction::SignOut) | None => {}
    }
    let username = who.session.identity.username.as_str();
    let person = Person { proofs: &who.session.proofs, owned, locked: off };
    let ways = ctx.guards_of(&who.session).await?.ways_on(person, ctx.state.flows.ports.clock.now());
    // Nobody is asked for a proof who was asked again and again.
    let looped = || dead_ends::redirect_loop(ctx, destination);
    let instead = match ways {
        Ways::Arrived => dead_ends::to_destination(ctx, destination, &who.session, "step-up"),
        Ways::OutOfReach(Guard { unrecognised, .. }) => {
            out_of_reach(ctx, destination, Unreached { who: username, owned, signed_in: true, unrecognised })
        }
        Ways::Locked(off) => looped().unwrap_or_else(|| locked_factor::locked_out(ctx, username, off, true)),
        Ways::Enrol => looped().unwrap_or_else(|| {
            // Whoever else began to sign in in this browser meanwhile is not meant.
            let begun = ctx.info.cookies.ceremony.is_some();
            let on = if begun { destination.as_session() } else { destination.clone() };
            see_other(&on.page_url("enroll"), "step-up")
        }),
        Ways::Prove { guard, lack, methods, locked } => match looped() {
            Some(answer) => answer,
            None => return ask(ctx, destination, who, &guard, (lack, methods, locked)).await,
        },
    };
    Err(HandlerError::from(instead))
}

/// What a guard of the destination asks, and why.
async fn ask(
    ctx: &Context,
    destination: &Destination,
    who: CurrentSession,
    guard: &Guard,
    (lack, methods, off): (Lack, MethodSet, MethodSet),
) -> Result<RequiredProof, HandlerError> {
    let digits = ctx.state.flows.digits_of(&who.session.identity.id).await?;
    let heading = guard.rule.explanation.as_ref().map(|what| text!("code-title-for", purpose = what));
    let path = format::path(destination.to.target().split('?').next().unwrap_or("/"));
    let approval = approval::of(ctx, destination, &who, lack).await?;
    let why = match (lack, guard.requirement.max_age) {
        _ if !off.is_empty() => locked_factor::why(off),
        (Lack::Recognition, _) => text!("step-up-risk"),
        (Lack::Once, _) => text!("step-up-once", path = path),
        // One proof does for the session and for what is sent.
        _ if approval.is_some() => text!("step-up-transaction", path = path),
        (Lack::Fresher, Some(age)) => {
            text!("step-up-fresher", path = path, span = format::span(age))
        }
        _ => text!("step-up-wanted", path = path),
    };
    let shortfall = guard.requirement.shortfall(&who.session.proofs, ctx.state.flows.ports.clock.now());
    let wanted = shortfall.map_or(methods, |shortfall| shortfall.methods);
    let order = ctx.guards().slip_order(approval.as_ref().map(|approval| approval.transaction));
    // What was not shown is not approved of.
    let unshown = approval.is_none() && ctx.guards().bound().is_some_and(Guard::binds_transactions);
    let slip = order.filter(|_| !unshown);
    let shown = approval.map(|approval| approval.shown);
    Ok(RequiredProof { who, methods, wanted, digits, heading, why, slip, shown })
}

/// What may be asked beside the password before the first factor, although it signs nobody in.
const BESIDE: MethodSet = MethodSet::EMPTY.with(Method::EmailCode).with(Method::SmsCode).with(Method::RecoveryCode);

/// What must be proved before backup codes may be replaced.
async fn proof_for_codes(
    ctx: &Context,
    destination: &Destination,
    who: CurrentSession,
    owned: MethodSet,
) -> Result<RequiredProof, HandlerError> {
    let asked = ctx.state.flows.codes_asked(&who.token, &who.session, &ctx.client()).await?;
    let on = match asked {
        CodesAsked::ProveFirst(methods) if methods.and(owned).is_empty() => nothing_to_prove_with(ctx),
        CodesAsked::ProveFirst(methods) => {
            let why = text!("step-up-before-codes");
            return RequiredProof::before(ctx, who, methods, owned, why).await;
        }
        CodesAsked::Ready { .. } | CodesAsked::NoFactor => see_other(&destination.next_url(), "step-up"),
        CodesAsked::Gone => see_other(&destination.page_url("login"), "step-up"),
    };
    Err(HandlerError::from(on))
}

/// What must be proved before addresses may be changed.
async fn proof_for_addresses(
    ctx: &Context,
    destination: &Destination,
    who: CurrentSession,
    owned: MethodSet,
) -> Result<RequiredProof, HandlerError> {
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let on = match ctx.state.flows.before_addresses(&at, &ctx.client()).await? {
        None => see_other(&destination.page_url("login"), "step-up"),
        Some(missing) if missing.is_empty() => see_other(&destination.next_url(), "step-up"),
        Some(missing) if missing.and(owned.or(BESIDE)).is_empty() => nothing_to_prove_with(ctx),
        Some(missing) => {
            let why = text!("step-up-before-addresses");
            return RequiredProof::before(ctx, who, missing, owned.or(BESIDE), why).await;
        }
    };
    Err(HandlerError::from(on))
}

/// What must be proved before the password is changed, what is held is given out, or the account is deleted.
async fn proof_for_change(
    ctx: &Context,
    destination: &Destination,
    who: CurrentSession,
    owned: MethodSet,
) -> Result<RequiredProof, HandlerError> {
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let missing = match destination.action {
        Some(RequestedAction::Delete) => ctx.state.flows.before_deletion(&at, &ctx.client()).await?,
        _ => ctx.state.flows.before_change(&at, &ctx.client()).await?,
    };
    let on = match missing {
        None => see_other(&destination.page_url("login"), "step-up"),
        Some(missing) if missing.is_empty() => see_other(&destination.next_url(), "step-up"),
        Some(missing) if missing.and(owned).is_empty() => nothing_to_prove_with(ctx),
        Some(missing) => {
            let why = match destination.action {
                Some(RequestedAction::Export) => text!("step-up-before-export"),
                Some(RequestedAction::Delete) => text!("step-up-before-account-deletion"),
                _ => text!("step-up-before-password"),
            };
            return RequiredProof::before(ctx, who, missing, owned, why).await;
        }
    };
    Err(HandlerError::from(on))
}

/// What must be proved before two-step sign-in may be turned off.
async fn proof_for_turning_off(
    ctx: &Context,
    destination: &Destination,
    who: CurrentSession,
    owned: MethodSet,
) -> Result<RequiredProof, HandlerError> {
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    let on = match ctx.state.flows.before_disabling(&at, &ctx.client()).await? {
        None => see_other(&destination.page_url("login"), "step-up"),
        Some((true, missing)) if !missing.is_empty() && missing.and(owned).is_empty() => nothing_to_prove_with(ctx),
        Some((true, missing)) if !missing.is_empty() => {
            let why = text!("step-up-before-turning-off");
            return RequiredProof::before(ctx, who, missing, owned, why).await;
        }
        Some(_) => see_other(&destination.next_url(), "step-up"),
    };
    Err(HandlerError::from(on))
}

/// What must be proved before an authenticator may be added or deleted.
async fn proof_for_enrolling(
    ctx: &Context,
    destination: &Destination,
    who: CurrentSession,
    (owned, off): (MethodSet, MethodSet),
) -> Result<RequiredProof, HandlerError> {
    let usable = owned.minus(off).or(BESIDE.minus(off));
    let enrolling = CeremonyRef::Session(who.token.clone(), who.session.clone());
    match ctx.state.flows.begin_totp(&enrolling, &ctx.client()).await? {
        EnrollReply::Pending(_) => Err(HandlerError::from(see_other(&destination.next_url(), "step-up"))),
        EnrollReply::Gone => Err(HandlerError::from(see_other(&destination.page_url("login"), "step-up"))),
        EnrollReply::ProveFirst(methods) if methods.and(usable).is_empty() && !methods.and(off).is_empty() => {
            let username = who.session.identity.username.as_str();
            Err(HandlerError::from(locked_factor::locked_out(ctx, username, methods.and(off), true)))
        }
        EnrollReply::ProveFirst(methods) if methods.and(usable).is_empty() => {
            Err(HandlerError::from(nothing_to_prove_with(ctx)))
        }
        EnrollReply::ProveFirst(methods) => {
            let why = match destination.action {
                Some(RequestedAction::Passkeys) => text!("step-up-before-deleting"),
                _ => text!("step-up-before-enrolling"),
            };
            RequiredProof::before(ctx, who, methods, usable, why).await
        }
    }
}

async fn form(
    ctx: &Context,
    destination: &Destination,
    ask: &RequiredProof,
    wanted: &str,
    errors: Errors,
) -> Result<Reply, HandlerError> {
    form_after(ctx, destination, ask, wanted, errors, None).await
}

/// The form, after a code was sent to that masked address.
async fn form_after(
    ctx: &Context,
    destination: &Destination,
    ask: &RequiredProof,
    wanted: &str,
    errors: Errors,
    to: Option<String>,
) -> Result<Reply, HandlerError> {
    let Some((way, others)) = ways(ask.methods, wanted) else { return Ok(nothing_to_prove_with(ctx)) };
    let dialog = if way.is_passkey() {
        let (token, session) = (ask.who.token.clone(), ask.who.session.clone());
        let (at, username) = (CeremonyRef::Session(token, session), &ask.who.session.identity.username);
        let approves = ask.slip.as_ref().and_then(|slip| slip.transaction);
        let dialog = passkey_dialogs::prove(ctx, &at, (Some(ask.wanted), approves), username).await?;
        Some(dialog.ok_or_else(|| HandlerError::from(nothing_to_prove_with(ctx)))?)
    } else {
        None
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (shell, place) = (ctx.shell(), ctx.place(destination));
    let (way, sent) = sent_code::shaped(ctx, way, ask.digits, to);
    let heading = ask.heading.clone().unwrap_or_else(|| text!("code-title"));
    let username = ask.who.session.identity.username.as_str();
    let (why, leave) = (Some(ask.why.clone()), destination.page_url("logout"));
    let of = form_owner::tag(ctx, &ask.who.session.identity.username);
    let code = CodePage {
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
        sent,
        dialog,
        recovery: ctx.state.flows.settings.recovery.is_some(),
        of: &of,
        shown: ask.shown.as_ref(),
    };
    Ok(page(status, "step-up", &code))
}
