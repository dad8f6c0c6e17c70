//! Looking at accounts.

use serde_json::{Value, json};

use crate::auth::factor::authenticator::{AddressRecord, Enrolled};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::session::Session;
use crate::auth::time::Timestamp;
use crate::cli::accounts::{self, store_result};
use crate::cli::args::{ConfigFile, OneUser};
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::table::columns;
use crate::cli::output::terminal::{self, UnreadableRows, write_stdout};
use crate::cli::output::text::escape;
use crate::cli::output::time;
use crate::flow::Flows;
use crate::flow::ports::{Account, RecoveryRef, WaitingRecovery};

/// What stands where the state store did not answer.
const UNKNOWN: &str = "not known";

/// Where nothing is noted of how an account came to be.
const BY_OPERATOR: &str = "operator";

pub(crate) async fn list(file: &ConfigFile, json: bool) -> CommandResult {
    let opened = accounts::open(file).await?;
    let served = opened.settings.flow.served();
    let mut rows = vec![["USER", "STATE", "SECOND FACTORS", "LAST SIGN-IN", "GROUPS"].map(str::to_owned).to_vec()];
    let (mut values, mut unreadable) = (Vec::new(), UnreadableRows::default());
    for account in accounts::all(&opened, &mut unreadable).await? {
        let identity = &account.identity;
        let enrolled = opened.ports.authenticators.of(&identity.id).await;
        if enrolled.is_err() {
            // A database that has gone away is no broken row.
            store_result(opened.ports.accounts.load(&identity.id).await)?;
        }
        let name = || format!("what {} has enrolled", escape(identity.username.as_str()));
        let Some(enrolled) = unreadable.readable(enrolled, name) else { continue };
        if json {
            values.push(value(&account, &enrolled, served));
        } else {
            rows.push(row(&account, &enrolled, served));
        }
    }
    if json {
        terminal::write_json(&values)?
    } else {
        write_stdout(&columns(&rows))?
    }
    unreadable.finish()
}

pub(crate) async fn show(user: &OneUser, json: bool) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let (identity, served) = (&account.identity, opened.settings.flow.served());
    let enrolled = store_result(opened.ports.authenticators.of(&identity.id).await)?;
    let now = opened.ports.clock.now();
    let recovery = store_result(opened.ports.recoveries.waiting(RecoveryRef::Of(&identity.id), now).await)?;
    let code_until = store_result(opened.ports.recoveries.issued(&identity.id, now).await)?;
    let flows = Flows::new(opened.ports.clone(), opened.settings.flow.clone());
    let origin = store_result(opened.ports.sign_ups.origin(&identity.id).await)?;
    let wrong = store_result(opened.ports.lockouts.remembered(&identity.id).await)?;
    // Without the state store most of it is still known.
    let kept = match opened.ports.sessions.of_user(&identity.id).await {
        Ok(sessions) => flows.enrolment_code_good_for(&identity.id).await.map(|left| (sessions, left)),
        Err(fault) => Err(fault),
    };
    let is_live = |session: &Session| time::is_live(&opened.settings.flow.session, session, now);
    let live = kept
        .as_ref()
        .ok()
        .map(|(sessions, _)| sessions.iter().filter(|(_, session)| session.as_ref().is_ok_and(is_live)).count());
    let enrolment = kept.as_ref().ok().and_then(|(_, left)| Some(now.plus((*left)?)));
    let failure = kept.err().map_or(Ok(()), |fault| Err(Failure::store(&fault)));
    if json {
        let mut shown = value(&account, &enrolled, served);
        if let Value::Object(members) = &mut shown {
            members.insert("sessions".to_owned(), live.into());
            let left = enrolled.backup.as_ref().map_or(0, |b| b.left);
            members.insert("backup_codes_left".to_owned(), left.into());
            members.insert("addresses".to_owned(), addresses_value(&enrolled));
            members.insert("recovery".to_owned(), recovery.as_ref().map_or(Value::Null, recovery_value));
            members.insert("recovery_code_until".to_owned(), code_until.map(Timestamp::rfc3339).into());
            members.insert("enrolment_code_until".to_owned(), enrolment.map(Timestamp::rfc3339).into());
            members.insert("origin".to_owned(), origin.as_deref().unwrap_or(BY_OPERATOR).into());
            let wrong = wrong.iter().map(|(method, count)| (method.name().to_owned(), (*count).into()));
            members.insert("wrong_codes".to_owned(), Value::Object(wrong.collect()));
        }
        terminal::write_json(&shown)?;
        return failure;
    }
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), escape);
    let pair = |name: &str, value: String| vec![name.to_owned(), value];
    let codes = enrolled.backup.as_ref().map_or(0, |b| b.left);
    write_stdout(&columns(&[
        pair("user", escape(identity.username.as_str())),
        pair("id", identity.id.to_string()),
        pair("name", text(&identity.name)),
        pair("e-mail", text(&identity.email)),
        pair("groups", groups(&account)),
        pair("state", state(&account).to_owned()),
        pair("password", if account.password_hash.is_some() { "set" } else { "none" }.to_owned()),
        pair("second factors", factors(&enrolled, served)),
        pair("addresses for codes", addresses(&enrolled)),
        pair("switched off", switched_off(&enrolled)),
        pair("backup codes left", codes.to_string()),
        pair("recovery", recovery.as_ref().map_or_else(|| "-".to_owned(), |waiting| waits(waiting, now))),
        pair("recovery code", until(code_until)),
        pair("enrolment code", if live.is_some() { until(enrolment) } else { UNKNOWN.to_owned() }),
        pair("wrong codes", counts(&wrong)),
        pair("sessions", live.map_or_else(|| UNKNOWN.to_owned(), |live| live.to_string())),
        pair("made", format!("{} {}", account.created_at.rfc3339(), made_by(origin.as_deref()))),
        pair("last sign-in", last(account.last_login_at)),
    ]))?;
    failure
}

fn row(account: &Account, enrolled: &Enrolled, served: MethodSet) -> Vec<String> {
    // Groups may be many: last, where a terminal breaks the line without moving what is beside them.
    vec![
        escape(account.identity.username.as_str()),
        state(account).to_owned(),
        factors(enrolled, served),
        last(account.last_login_at),
        groups(account),
    ]
}

/// `served`: what can be proved here; an address is no method where no codes are sent.
fn value(account: &Account, enrolled: &Enrolled, served: MethodSet) -> Value {
    let identity = &account.identity;
    json!({
        "id": identity.id,
        "username": identity.username,
        "name": identity.name,
        "email": identity.email,
        "groups": identity.groups,
        "disabled": account.disabled,
        "has_password": account.password_hash.is_some(),
        "methods": enrolled.methods(account.password_hash.is_some(), None).and(served),
        "locked": enrolled.locked(),
        "created_at": account.created_at.rfc3339(),
        "last_login_at": account.last_login_at.map(Timestamp::rfc3339),
    })
}

fn groups(account: &Account) -> String {
    let names: Vec<String> = account.identity.groups.iter().map(|g| escape(&g.0)).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

const fn state(account: &Account) -> &'static str {
    if account.disabled { "disabled" } else { "enabled" }
}

fn factors(enrolled: &Enrolled, served: MethodSet) -> String {
    let locked = enrolled.locked();
    let name = |method: Method| {
        if locked.contains(method) { format!("{} (locked)", method.name()) } else { method.name().to_owned() }
    };
    let names: Vec<String> = enrolled.methods(false, None).and(served).iter().map(name).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

/// Where codes go; the newest of each kind.
fn addresses(enrolled: &Enrolled) -> String {
    let listed: Vec<String> =
        enrolled.addresses.iter().map(|a| format!("{} {}", a.kind.name(), escape(&a.value))).collect();
    if listed.is_empty() { "-".to_owned() } else { listed.join(", ") }
}

fn addresses_value(enrolled: &Enrolled) -> Value {
    let one = |a: &AddressRecord| {
        json!({
            "id": a.id,
            "channel": a.kind.name(),
            "address": a.value,
            "confirmed_at": a.confirmed_at.rfc3339(),
        })
    };
    enrolled.addresses.iter().map(one).collect()
}

/// What was switched off after too many wrong codes, and when.
fn switched_off(enrolled: &Enrolled) -> String {
    let listed: Vec<String> =
        enrolled.locked.iter().map(|(method, at)| format!("{} {}", method.name(), at.rfc3339())).collect();
    if listed.is_empty() { "-".to_owned() } else { listed.join(", ") }
}

/// Until when a code is good.
fn until(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| format!("good until {}", at.rfc3339()))
}

/// How many wrong codes of each factor are remembered.
fn counts(wrong: &[(Method, u32)]) -> String {
    let wrong = wrong.iter().filter(|(_, count)| *count > 0);
    let listed: Vec<String> = wrong.map(|(method, count)| format!("{} {count}", method.name())).collect();
    if listed.is_empty() { "-".to_owned() } else { listed.join(", ") }
}

/// How the account came to be.
fn made_by(origin: Option<&str>) -> &'static str {
    match origin {
        Some("sign_up") => "by sign-up",
        Some("invitation") => "by an invitation",
        _ => "by an operator",
    }
}

/// When a recovery goes on, and when it is over.
fn waits(waiting: &WaitingRecovery, now: Timestamp) -> String {
    let WaitingRecovery { ready_at, ends_at, .. } = waiting;
    match *ready_at <= now {
        true => format!("may go on until {}", ends_at.rfc3339()),
        false => format!("waits until {}", ready_at.rfc3339()),
    }
}

fn recovery_value(waiting: &WaitingRecovery) -> Value {
    json!({
        "begun_at": waiting.begun_at.rfc3339(),
        "ready_at": waiting.ready_at.rfc3339(),
        "ends_at": waiting.ends_at.rfc3339(),
    })
}

fn last(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), Timestamp::rfc3339)
}
