//! What happened to the account of the caller, and all that is held of them.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use super::account::account_body;
use super::addresses::listed as listed_addresses;
use super::enrolling::prove_first;
use super::export_types::{
    ActivityList, ExportBody, ExportedApp, ExportedBrowser, ExportedCount, ExportedEvent, ExportedPasskey,
    ExportedRecovery, ExportedRisk, ExportedWaiting, ExportedWrongCodes, ListedEvent,
};
use super::sessions::listed;
use super::types::ProblemBody;
use super::{json, rejected, require_session};
use crate::auth::event::EventKind;
use crate::auth::history::Activity;
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;
use crate::flow::account::AgentName;
use crate::flow::ports::TransientKind;
use crate::flow::reply::{AccountExport, AccountOverview, BrowserOverview, CeremonyRef, Exported, Rejection};
use crate::flow::risk::ProfileSummary;
use crate::portal::activity;
use crate::portal::answers::problem::Problem;
use crate::portal::browser::activity::cursor;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// Of the shape of the document.
const VERSION: u32 = 1;

/// What happened to the account of the caller in the last 90 days, the newest first.
#[utoipa::path(get, path = "/.stepgate/api/v1/account/activity", tag = "account",
    params(("before" = Option<String>, Query, description = "The `next` of the page before")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = ActivityList),
    (status = 400, description = "`malformed_request`: `before` is no `next` of a page", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn activity_list(ctx: &Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let bad = |()| HandlerError::from(Problem::malformed(text!("problem-before-title")));
    let before = cursor(&ctx.query).map_err(bad)?;
    let (entries, next) = activity::read(&ctx.state.flows, &who.session, before).await?;
    let told = |entry: activity::ActivityEntry| {
        let agent = entry.agent().unwrap_or_default();
        let activity::ActivityEntry { row, sentence, country } = entry;
        ListedEvent {
            at: row.at.rfc3339(),
            event: row.kind.name(),
            text: sentence,
            method: row.method.map(Method::name),
            client_ip: row.ip.map(|ip| ip.to_string()),
            country,
            browser: agent.browser,
            system: agent.system,
            session: row.session,
        }
    };
    let activity = entries.into_iter().map(told).collect();
    Ok(json(&ActivityList { activity, next: next.map(|next| next.to_string()) }))
}

/// All that is held of the caller. It takes proofs of the last minutes, as a change does.
#[utoipa::path(get, path = "/.stepgate/api/v1/account/export", tag = "account",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = ExportBody),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn export(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let at = CeremonyRef::Session(who.token.clone(), who.session.clone());
    Ok(match ctx.record_events(ctx.state.flows.export(&at, &ctx.script()).await)? {
        Exported::Whole(export) => json(&document(*export, who.session.previous_login)),
        Exported::ProveFirst(methods) => prove_first(methods).reply(&ctx.info),
        Exported::Gone => rejected(&ctx.info, Rejection::SessionGone).reply(&ctx.info),
    })
}

/// The document, as the page gives it out too.
pub(crate) fn document(export: AccountExport, previous: Option<Timestamp>) -> ExportBody {
    let AccountExport { at, overview, sessions, browsers, risk, activity, activity_is_whole, .. } = export;
    let enrolled = &overview.enrolled;
    let is_code_issued = (export.recovery_code_until.is_some(), export.enrolment_code_until.is_some());
    let passkeys = enrolled.passkeys.iter().map(|passkey| ExportedPasskey {
        id: passkey.id.clone(),
        name: passkey.name.clone(),
        rp_id: passkey.rp_id.clone(),
        credential_id: BASE64URL_NOPAD.encode(&passkey.credential_id),
        aaguid: passkey.aaguid.to_string(),
        created_at: passkey.created_at.rfc3339(),
        last_used_at: passkey.used_at.map(Timestamp::rfc3339),
    });
    ExportBody {
        version: VERSION,
        exported_at: at.rfc3339(),
        id: overview.identity.id.0.clone(),
        secrets: secrets(&overview, is_code_issued),
        totp: enrolled.totp.as_ref().map(|app| ExportedApp {
            name: enrolled.app_name().map(str::to_owned),
            created_at: app.created_at.rfc3339(),
            last_used_at: app.used_at.map(Timestamp::rfc3339),
        }),
        passkeys: passkeys.collect(),
        addresses: listed_addresses(enrolled),
        sessions: sessions.into_iter().map(listed).collect(),
        browsers: browsers.into_iter().map(browser).collect(),
        risk: risk.map(usual),
        activity: activity.into_iter().map(event).collect(),
        activity_is_whole,
        waiting: ExportedWaiting {
            address: export.address_to_confirm.map(|(_, address)| address),
            app: export.app_to_confirm,
            letters: export.letters,
            recovery: export.recovery.map(|recovery| ExportedRecovery {
                begun_at: recovery.begun_at.rfc3339(),
                ready_at: recovery.ready_at.rfc3339(),
                ends_at: recovery.ends_at.rfc3339(),
            }),
            recovery_code_until: export.recovery_code_until.map(Timestamp::rfc3339),
            enrolment_code_until: export.enrolment_code_until.map(Timestamp::rfc3339),
        },
        origin: export.origin.unwrap_or_else(|| "operator".to_owned()),
        wrong_codes: export.wrong_codes.into_iter().map(wrong_codes).collect(),
        of_a_moment: TransientKind::ALL.map(TransientKind::name).to_vec(),
        account: account_body(overview, previous),
    }
}

/// What is kept that somebody could sign in with.
fn secrets(overview: &AccountOverview, (recovery_code, enrolment_code): (bool, bool)) -> Vec<&'static str> {
    let enrolled = &overview.enrolled;
    let held = [
        (overview.has_password, "password_hash"),
        (enrolled.totp.is_some(), "totp_secret"),
        (enrolled.backup.is_some(), "backup_code_digests"),
        (recovery_code, "recovery_code_digest"),
        (enrolment_code, "enrolment_code_digest"),
    ];
    held.into_iter().filter_map(|(is_held, name)| is_held.then_some(name)).collect()
}

fn wrong_codes((method, count): (Method, u32)) -> ExportedWrongCodes {
    ExportedWrongCodes { method: method.name(), count }
}

fn browser(browser: BrowserOverview) -> ExportedBrowser {
    ExportedBrowser {
        browser: browser.agent.browser,
        system: browser.agent.system,
        first_at: browser.first_at.rfc3339(),
        last_at: browser.last_at.rfc3339(),
        client_ip: browser.address.to_string(),
        country: browser.country,
    }
}

fn usual(profile: ProfileSummary) -> ExportedRisk {
    let counts = profile.held.iter().map(|held| ExportedCount {
        of: held.name,
        hash: held.hash.map(|hash| HEXLOWER.encode(&hash.0)),
        weight: held.weight,
    });
    ExportedRisk {
        sign_ins: profile.sign_ins,
        last_at: profile.last.map(Timestamp::rfc3339),
        pinned_since: profile.pinned.map(|pin| pin.since.rfc3339()),
        counts: counts.collect(),
    }
}

fn event(row: Activity) -> ExportedEvent {
    let agent = row.agent.as_deref().map(AgentName::read).unwrap_or_default();
    ExportedEvent {
        at: row.at.rfc3339(),
        event: EventKind::name(row.kind),
        method: row.method.map(Method::name),
        client_ip: row.ip.map(|ip| ip.to_string()),
        browser: agent.browser,
        system: agent.system,
        session: row.session,
    }
}
