//! "I cannot sign in": a letter, what is proved, what is set. Each form brings along what the one before has given, and nobody
//! is signed in by any of them.

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::passkey_dialogs::{self, DialogError, PASSKEY};
use super::{AGAIN, busy, proof_errors, wait};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::SecretText;
use crate::flow::reply::{
    AssertionAsked, RecoveredTotp, RecoveryCode, RecoveryProof, RecoveryReply, Rejection, Renewal, RenewalReply,
    ShownGrant, Submission,
};
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::new_password;
use crate::portal::pages::{
    DialogPurpose, Errors, MethodPrompt, NoticePage, PasskeyDialog, RecoverAgainPage, RecoverCodePage, RecoverPage,
    RecoverResetPage, RecoverSecondPage, RecoveredPage, ShownApp,
};
use crate::portal::qr;
use crate::portal::reply::{Cause, Reply, page};
use crate::portal::support_contact;

const KIND: &str = "recover";

/// Asks who cannot sign in; with a code, whether to go on with it. Nothing is looked up for a link that is only opened.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let given = |name: &str| ctx.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    Ok(match (given("token"), given("step")) {
        (Some(code), _) => code_form(ctx, code, Errors::none()),
        (None, Some("code")) => code_form(ctx, "", Errors::none()),
        (None, _) => whom(ctx, "", Errors::none()),
    })
}

/// Takes one step.
pub(crate) async fn submit(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let fields = ctx.form().await?;
    match fields.get("op") {
        "ask" => ask(ctx, fields.get("username")).await,
        "issued" => issued(ctx, &fields).await,
        "code" => prove(ctx, &fields, None, false).await,
        "wait" => prove(ctx, &fields, None, true).await,
        "second" => {
            let method = Method::from_name(fields.get("method")).ok_or(PortalError::BadRequest)?;
            prove(ctx, &fields, Some(Submission::of(method, fields.secret("code"))), false).await
        }
        PASSKEY if DialogError::of(&fields).is_some() => prove(ctx, &fields, None, false).await,
        PASSKEY => prove(ctx, &fields, Some(Submission::Assertion(fields.secret("assertion"))), false).await,
        "finish" => finish(ctx, &fields).await,
        "resume" => match RecoveryToken::parse(fields.get("ceremony")) {
            Some(token) => reset_form(ctx, &token, Errors::none()).await,
            None => Ok(over(ctx)),
        },
        AGAIN => show(ctx).await,
        _ => Err(HandlerError::Portal(PortalError::BadRequest)),
    }
}

fn by_mail(ctx: &Context) -> bool {
    ctx.state.flows.settings.recovery.is_some()
}

fn whom(ctx: &Context, username: &str, errors: Errors) -> Reply {
    let (shell, host) = (ctx.shell(), ctx.info.authority.as_str());
    let support = support_contact::whom(shell.support.as_ref());
    let status = status(&errors);
    let whom = RecoverPage { shell: &shell, errors, username, host, by_mail: by_mail(ctx), support: &support };
    page(status, KIND, &whom)
}

fn status(errors: &Errors) -> StatusCode {
    if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
}

fn code_form(ctx: &Context, code: &str, errors: Errors) -> Reply {
    let shell = ctx.shell();
    let span = format::span(crate::flow::settings::RecoverySettings::CODE_LIVES);
    let status = status(&errors);
    let form = RecoverCodePage { shell: &shell, errors, code, host: &ctx.info.authority, span: &span };
    page(status, KIND, &form)
}

/// Whoever asks sees the same page.
async fn ask(ctx: &mut Context, username: &str) -> Result<Reply, HandlerError> {
    if username.trim().is_empty() {
        return Ok(whom(ctx, "", Errors::one("username", text!("mistake-no-user-name"))));
    }
    match ctx.record_events(ctx.state.flows.ask_recovery(username, &ctx.client()).await)? {
        Some(_) => Ok(code_form(ctx, "", Errors::none())),
        None => Ok(whom(ctx, username, Errors::none())),
    }
}

async fn issued(ctx: &mut Context, fields: &FormFields) -> Result<Reply, HandlerError> {
    let username = fields.get("username").to_owned();
    let code = RecoveryCode::Issued { username: username.clone(), code: fields.secret("code") };
    let proof = RecoveryProof { code, second: None, wait: false };
    let reply = ctx.record_events(ctx.state.flows.verify_recovery(proof, &ctx.client()).await)?;
    match reply {
        RecoveryReply::Granted(grant) => reset_form(ctx, &grant.token, Errors::none()).await,
        RecoveryReply::Wait(how_long) => Ok(wait(ctx, how_long, Vec::new(), String::new())),
        RecoveryReply::Busy => Ok(busy(ctx)),
        RecoveryReply::Done => Ok(whom(ctx, &username, Errors::one("issued", text!("recover-issued-used")))),
        _ => Ok(whom(ctx, &username, Errors::one("issued", text!("recover-issued-wrong")))),
    }
}

async fn prove(
    ctx: &mut Context,
    fields: &FormFields,
    second: Option<Submission>,
    waits: bool,
) -> Result<Reply, HandlerError> {
    // The dialog for passkeys carries the code as its state.
    let code = if fields.get("token").is_empty() { fields.secret("state") } else { fields.secret("token") };
    let errors = DialogError::of(fields).map_or_else(Errors::none, DialogError::errors);
    let method = second.as_ref().map(Submission::method);
    let mailed = RecoveryCode::Mailed(SecretText::new(code.expose().to_owned()));
    let proof = RecoveryProof { code: mailed, second, wait: waits };
    let reply = ctx.record_events(ctx.state.flows.verify_recovery(proof, &ctx.client()).await)?;
    let errors = match (&reply, method.map(MethodPrompt::of)) {
        // What is wrong is the second proof: the code is as good as before.
        (RecoveryReply::Rejected(rejection), Some(way)) if *rejection != Rejection::NoCode => {
            proof_errors(way, *rejection).unwrap_or_else(Errors::none)
        }
        (RecoveryReply::Locked(_), _) => Errors::one("code", text!("recover-locked")),
        _ => return answer(ctx, &code, reply, errors).await,
    };
    let mailed = RecoveryCode::Mailed(SecretText::new(code.expose().to_owned()));
    let proof = RecoveryProof { code: mailed, second: None, wait: false };
    let again = ctx.record_events(ctx.state.flows.verify_recovery(proof, &ctx.client()).await)?;
    answer(ctx, &code, again, errors).await
}

async fn answer(ctx: &Context, code: &SecretText, reply: RecoveryReply, errors: Errors) -> Result<Reply, HandlerError> {
    match reply {
        RecoveryReply::Granted(grant) => reset_form(ctx, &grant.token, Errors::none()).await,
        RecoveryReply::Ask { methods, wait } => {
            let wait = wait.map(format::span);
            second_form(ctx, Second { code, methods, wait, ready_at: None, errors }).await
        }
        RecoveryReply::Waiting { ready_at, methods } => {
            let ready_at = Some(format::moment(ready_at));
            second_form(ctx, Second { code, methods, wait: None, ready_at, errors }).await
        }
        RecoveryReply::Rejected(_) | RecoveryReply::Locked(_) => {
            Ok(code_form(ctx, "", Errors::one("code", text!("recover-code-wrong"))))
        }
        RecoveryReply::Done => Ok(code_form(ctx, "", Errors::one("code", text!("recover-code-used")))),
        RecoveryReply::Wait(how_long) => Ok(wait(ctx, how_long, Vec::new(), String::new())),
        RecoveryReply::Busy => Ok(busy(ctx)),
    }
}

/// What the page of a second proof shows.
struct Second<'a> {
    code: &'a SecretText,
    methods: MethodSet,
    wait: Option<String>,
    ready_at: Option<String>,
    errors: Errors,
}

async fn second_form(ctx: &Context, shown: Second<'_>) -> Result<Reply, HandlerError> {
    let Second { code, methods, wait, ready_at, errors } = shown;
    let shell = ctx.shell();
    let support = support_contact::whom(shell.support.as_ref());
    let digits = ctx.state.flows.settings.totp.digits;
    let method = match (methods.contains(Method::Totp), methods.contains(Method::BackupCode)) {
        (true, true) => Some((Method::Totp.name(), text!("recover-second-either", digits = digits))),
        (true, false) => Some((Method::Totp.name(), text!("prompt-totp-hint", digits = digits))),
        (false, true) => Some((Method::BackupCode.name(), text!("prompt-backup-code-hint"))),
        (false, false) => None,
    };
    let dialog = match methods.and(MethodSet::PASSKEYS).is_empty() {
        true => None,
        false => match ctx.state.flows.ask_recovery_assertion(code, &ctx.client()).await? {
            AssertionAsked::Asked(options) => Some(PasskeyDialog {
                purpose: DialogPurpose::Prove,
                options: passkey_dialogs::json(options.as_ref())?,
                state: Some(code.expose().to_owned()),
                keeps: None,
                of: None,
            }),
            AssertionAsked::NoPasskey | AssertionAsked::Gone => None,
        },
    };
    let (status, code) = (status(&errors), code.expose());
    let second = RecoverSecondPage {
        shell: &shell,
        errors,
        code,
        method,
        dialog,
        wait: wait.as_deref(),
        ready_at: ready_at.as_deref(),
        support: &support,
    };
    Ok(page(status, KIND, &second))
}

async fn reset_form(ctx: &Context, token: &RecoveryToken, errors: Errors) -> Result<Reply, HandlerError> {
    let flows = &ctx.state.flows;
    let (username, can) = match flows.shown_grant(token, &ctx.client()).await? {
        ShownGrant::Open { username, can } => (username, can),
        ShownGrant::UnderWay => return Ok(again(ctx, token, text!("recover-under-way"))),
        ShownGrant::Over => return Ok(over(ctx)),
    };
    let pending = match flows.recovery_totp(token, &ctx.client()).await? {
        RecoveredTotp::Pending(pending) => Some(pending),
        RecoveredTotp::Forbidden => None,
        RecoveredTotp::UnderWay => return Ok(again(ctx, token, text!("recover-under-way"))),
        RecoveredTotp::Done | RecoveredTotp::Gone => return Ok(over(ctx)),
    };
    let picture = pending.as_ref().and_then(|pending| qr::svg(pending.uri.expose())).unwrap_or_default();
    let key = pending.as_ref().map(|pending| format::grouped(pending.secret.expose())).unwrap_or_default();
    let app = pending.as_ref().map(|pending| ShownApp {
        qr: &picture,
        uri: pending.uri.expose(),
        key: &key,
        digits: flows.settings.totp.digits,
    });
    let (shell, status) = (ctx.shell(), status(&errors));
    let rule = can.password.then(|| new_password::hint(flows.password_rule()));
    let reset = RecoverResetPage {
        shell: &shell,
        errors,
        username: username.as_str(),
        host: &ctx.info.authority,
        ceremony: token.expose(),
        password_rule: rule.as_deref(),
        app,
        backup_codes: can.factors && flows.settings.backup_codes > 0,
    };
    Ok(page(status, KIND, &reset))
}

async fn finish(ctx: &mut Context, fields: &FormFields) -> Result<Reply, HandlerError> {
    let Some(token) = RecoveryToken::parse(fields.get("ceremony")) else { return Ok(over(ctx)) };
    let given = |name: &str| Some(fields.secret(name)).filter(|text| !text.expose().trim().is_empty());
    let totp_code = given("totp_code");
    // Codes stand in for a factor, and are made with one.
    let backup_codes = fields.get("backup_codes") == "new";
    let renewal = Renewal { password: given("password"), totp_code, backup_codes };
    let nothing = renewal.password.is_none() && renewal.totp_code.is_none();
    if nothing {
        return reset_form(ctx, &token, Errors::one("password", text!("recover-nothing"))).await;
    }
    let reply = ctx.record_events(ctx.state.flows.finish_recovery(&token, renewal, &ctx.client()).await)?;
    match reply {
        RenewalReply::Set { username, backup_codes } => {
            let (shell, host) = (ctx.shell(), ctx.info.authority.as_str());
            let (username, codes) = (username.as_str(), backup_codes.as_slice());
            Ok(page(StatusCode::OK, KIND, &RecoveredPage { shell: &shell, username, host, codes }))
        }
        RenewalReply::Unfit(unfit) => {
            reset_form(ctx, &token, Errors::one("password", new_password::reason(unfit))).await
        }
        RenewalReply::Nothing | RenewalReply::Forbidden => Err(HandlerError::Portal(PortalError::BadRequest)),
        RenewalReply::Rejected(Rejection::CeremonyGone) | RenewalReply::Done => Ok(over(ctx)),
        RenewalReply::Rejected(rejection) => {
            let way = proof_errors(MethodPrompt::of(Method::Totp), rejection);
            let errors = way.unwrap_or_else(|| Errors::one("code", text!("mistake-totp")));
            reset_form(ctx, &token, errors).await
        }
        RenewalReply::Wait(how_long) => Ok(wait(ctx, how_long, Vec::new(), String::new())),
        RenewalReply::UnderWay => Ok(again(ctx, &token, text!("recover-under-way"))),
        RenewalReply::Busy => Ok(again(ctx, &token, text!("busy"))),
    }
}

/// 503: nothing was set just now; the recovery goes on from here.
fn again(ctx: &Context, token: &RecoveryToken, why: String) -> Reply {
    let shell = ctx.shell();
    let shown = RecoverAgainPage { shell: &shell, why, ceremony: token.expose() };
    let mut answer = page(StatusCode::SERVICE_UNAVAILABLE, KIND, &shown);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(2));
    answer.caused_by(Cause::Busy)
}

/// It is done, or took too long.
fn over(ctx: &Context) -> Reply {
    let shell = ctx.shell();
    let lines = vec![text!("recover-over")];
    let links = vec![
        crate::portal::pages::Link::to("/.stepgate/recover".to_owned(), text!("action-start-again")),
        crate::portal::pages::Link::to("/.stepgate/login".to_owned(), text!("signed-out-again")),
    ];
    page(StatusCode::OK, KIND, &NoticePage { lines, links, ..NoticePage::new(&shell, text!("over-title")) })
}
