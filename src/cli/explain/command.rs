//! `stepgate explain`: the question from the command line, the answer to the terminal.

use std::sync::Arc;

use super::access_log_search::{self, LoggedRequest};
use super::{AccountFactors, AddressFacts, CrossOrigin, Outcome, Question};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::host;
use crate::auth::user::Username;
use crate::cli::accounts;
use crate::cli::args::Explain;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::{self, write_stdout};
use crate::cli::runtime::block_on;
use crate::config::Settings;
use crate::flow::destination::Destinations;
use crate::flow::ports::{Account, Clock, StoreError};
use crate::portal::settings::PortalHost;
use crate::store::system::SystemClock;
use crate::store::{self, Stores};

/// Exit codes of `--exit-code`.
const CHALLENGED: u8 = 10;
const REFUSED: u8 = 11;

pub(crate) fn run(args: &Explain) -> CommandResult {
    let settings = accounts::settings(&args.file)?;
    let logged = match &args.request_id {
        Some(id) => Some(access_log_search::find(id, args.log_file.as_deref())?),
        None => None,
    };
    let mut question = question(args, logged.as_ref())?;
    let note = block_on(look_up(&settings, &mut question))?;
    let destinations = Destinations::new(Arc::new(settings.policy));
    let portal = settings.portal.host;
    let explained = super::explain(&destinations, &question, SystemClock.now());
    let mut answer = explained.map_err(|why| Failure::usage(no_app(why, portal.as_ref(), &question.url)))?;
    let led_away = |portal: &PortalHost| answer.outcome == Outcome::Challenge && !portal.without.contains(&answer.host);
    answer.sign_in_at = portal.filter(led_away).map(|portal| portal.name);
    answer.note = answer.note.or(note);
    answer.address = AddressFacts::look_up(&settings.store.places, question.ip).map_err(Failure::failed)?;
    match (&logged, args.json) {
        (None, true) => terminal::write_json(&answer)?,
        (None, false) => write_stdout(&answer.human())?,
        (Some(logged), true) => terminal::write_json(&serde_json::json!({ "recorded": logged, "now": answer }))?,
        (Some(logged), false) => write_stdout(&format!(
            "Decided then:\n{}\nBy the configuration as it is now, for what is said of the person here:\n{}",
            logged.sentence(),
            answer.human()
        ))?,
    }
    let code = match (&logged, answer.outcome) {
        _ if !args.exit_code => 0,
        // What was done to a request is not to be guessed again: the log holds neither groups nor proofs.
        (Some(logged), _) => done(logged.decision.as_deref()),
        (None, Outcome::Permit | Outcome::Own | Outcome::Preflight) => 0,
        (None, Outcome::Challenge) => CHALLENGED,
        (None, Outcome::Refuse | Outcome::Malformed) => REFUSED,
    };
    if code == 0 { Ok(()) } else { Err(Failure::new(code, "")) }
}

/// Why nothing can be explained; of the host where people sign in, that it has no app.
fn no_app(why: String, portal: Option<&PortalHost>, url: &str) -> String {
    let authority =
        url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default();
    match portal.filter(|portal| host::canonical(authority).is_some_and(|host| host == portal.name)) {
        Some(portal) => format!("{} has our pages and no app: no rule decides there (portal.host)", portal.name),
        None => why,
    }
}

/// The exit code of a decision that was written down.
fn done(decision: Option<&str>) -> u8 {
    match decision {
        Some("permit" | "preflight" | "own") => 0,
        Some("challenge") => CHALLENGED,
        _ => REFUSED,
    }
}

/// Fills in what the database knows of the person; groups that were given stand. Nothing is changed by asking. Returns
/// a note where the database knows nothing.
async fn look_up(settings: &Settings, question: &mut Question) -> Option<String> {
    let name = question.user.as_deref().and_then(Username::parse)?;
    let host = super::split_url(&question.url).map(|(host, _)| host).unwrap_or_default();
    let rp_id = Some(settings.flow.rp_id(&host));
    match account(settings, &name).await {
        Ok(Some((account, enrolled))) => {
            let methods = enrolled.methods(account.password_hash.is_some(), rp_id);
            let locked = enrolled.locked().and(methods);
            question.known = Some(AccountFactors { methods, locked, disabled: account.disabled });
            if account.disabled {
                // None of its sessions lasts: whoever comes by it is nobody.
                (question.user, question.groups, question.amr) = (None, Vec::new(), Vec::new());
            } else if question.groups.is_empty() {
                question.groups = account.identity.groups.into_iter().map(|group| group.0).collect();
            }
            None
        }
        Ok(None) => Some(format!("There is no account {name}: it was judged by what was given here.")),
        Err(cause) => Some(format!("The database was not asked ({cause}): it was judged by what was given here.")),
    }
}

async fn account(settings: &Settings, name: &Username) -> Result<Option<(Account, Enrolled)>, String> {
    // Opening makes what is not there.
    let looked = store::admin::health::check(&settings.store).await;
    let fault = looked.faults.iter().find(|fault| fault.store != "redis").map(ToString::to_string);
    if let Some(why) = fault.or_else(|| looked.notes.into_iter().next()) {
        return Err(why);
    }
    let ports = Stores::open(&settings.store).await.map_err(|fault| fault.to_string())?.ports;
    let text = |fault: StoreError| fault.to_string();
    let Some(account) = ports.accounts.find(name).await.map_err(text)? else { return Ok(None) };
    let enrolled = ports.authenticators.of(&account.identity.id).await.map_err(text)?;
    Ok(Some((account, enrolled)))
}

/// What is asked: on the command line, or of a request that was written down.
fn question(args: &Explain, logged: Option<&LoggedRequest>) -> CommandResult<Question> {
    let (url, method, ip) = match (logged, &args.url) {
        (None, Some(url)) if args.preflight.is_some() => (url.clone(), "OPTIONS".to_owned(), args.ip),
        (None, Some(url)) => (url.clone(), args.method.clone(), args.ip),
        (None, None) => return Err(Failure::usage("give --url URL or --request-id ID")),
        (Some(logged), _) => {
            let Some(host) = &logged.host else {
                return Err(Failure::failed(format!("that request reached no app: {}", logged.sentence().trim_end())));
            };
            let url = format!("https://{host}{}", logged.path);
            (url, logged.method.clone(), logged.client_ip.unwrap_or(args.ip))
        }
    };
    let user = args.user.clone().or_else(|| logged.and_then(|r| r.user.clone()));
    Ok(Question {
        url,
        method,
        ip,
        user,
        groups: args.groups.clone(),
        amr: args.amr.clone(),
        age: args.age,
        known: None,
        cross_origin: CrossOrigin {
            origin: args.origin.clone(),
            websocket: args.websocket,
            preflight: args.preflight.clone(),
            headers: args.headers.clone(),
        },
    })
}
