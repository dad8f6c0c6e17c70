//! `stepgate explain`: the question from the command line, the answer to the terminal.

use std::sync::Arc;

use super::recorded::Recorded;
use super::{AccountFactors, AddressFacts, AskedRisk, CrossOrigin, Outcome, Question, RiskFacts};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::host;
use crate::auth::proof::{Changed, Risk, RiskLevel};
use crate::auth::time::Timestamp;
use crate::auth::user::Username;
use crate::cli::accounts;
use crate::cli::args::Explain;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::{self, write_stdout};
use crate::cli::runtime::block_on;
use crate::config::Settings;
use crate::flow::destination::Destinations;
use crate::flow::ports::{Account, Clock, StoreError};
use crate::flow::settings::RiskSettings;
use crate::portal::settings::PortalHost;
use crate::risk::settings::{Mode, Thresholds};
use crate::store::system::SystemClock;
use crate::store::{self, Stores};

/// Exit codes of `--exit-code`.
const CHALLENGED: u8 = 10;
const REFUSED: u8 = 11;

pub(crate) fn run(args: &Explain) -> CommandResult {
    let settings = accounts::settings(&args.file)?;
    let Consulted { recorded, question, now, risk, note } = block_on(consult(&settings, args))??;
    let of_risk = asked_risk(args).and_then(|_| about_risk(settings.flow.risk.as_ref()));
    let destinations = Destinations::new(Arc::new(settings.policy));
    let portal = settings.portal.host;
    let explained = super::explain(&destinations, &question, now);
    let mut answer = explained.map_err(|why| Failure::usage(no_app(why, portal.as_ref(), &question.url)))?;
    let led_away = |portal: &PortalHost| answer.outcome == Outcome::Challenge && !portal.without.contains(&answer.host);
    answer.sign_in_at = portal.filter(led_away).map(|portal| portal.name);
    answer.note = answer.note.or(note).or_else(|| of_risk.map(str::to_owned));
    answer.risk = risk;
    answer.address = AddressFacts::look_up(&settings.store.places, question.ip).map_err(Failure::failed)?;
    match (&recorded, args.json) {
        (None, true) => terminal::write_json(&answer)?,
        (None, false) => write_stdout(&answer.human())?,
        (Some(recorded), true) => {
            let id = args.request_id.as_deref().unwrap_or_default();
            let recorded = recorded.json(id).map_err(|fault| Failure::failed(fault.to_string()))?;
            terminal::write_json(&serde_json::json!({ "recorded": recorded, "now": answer }))?;
        }
        (Some(recorded), false) => write_stdout(&format!(
            "Decided then:\n{}\nBy the configuration as it is now, for what is said of the person here:\n{}",
            recorded.text(),
            answer.human()
        ))?,
    }
    let code = match (&recorded, answer.outcome) {
        _ if !args.exit_code => 0,
        // What was done to a request is not to be guessed again.
        (Some(recorded), _) => done(recorded.decision()),
        (None, Outcome::Permit | Outcome::Own | Outcome::Preflight) => 0,
        (None, Outcome::Challenge) => CHALLENGED,
        (None, Outcome::Refuse | Outcome::Malformed) => REFUSED,
    };
    if code == 0 { Ok(()) } else { Err(Failure::new(code, "")) }
}

/// All that is known before the rules are asked.
struct Consulted {
    recorded: Option<Recorded>,
    question: Question,
    /// The moment that it is asked of: that of the request, where it is known exactly.
    now: Timestamp,
    risk: Option<RiskFacts>,
    note: Option<String>,
}

/// Asks the stores, if they are needed, what they know of the request and the person. Nothing is changed by asking.
async fn consult(settings: &Settings, args: &Explain) -> CommandResult<Consulted> {
    let asks = args.request_id.is_some() || args.user.is_some();
    let stores = if asks { open_quietly(settings).await } else { Err("nothing was to be asked".to_owned()) };
    let recorded = match &args.request_id {
        Some(id) => Some(Recorded::find(id, args, &stores).await?),
        None => None,
    };
    let mut question = question(args, recorded.as_ref())?;
    let mode = settings.flow.risk.as_ref().map(|risk| risk.model.mode);
    // What was only counted decided nothing then.
    question.risk = question.risk.filter(|_| mode == Some(Mode::Enforce) || (mode.is_some() && recorded.is_none()));
    let now = match &recorded {
        Some(Recorded::Trace(trace)) => trace.at,
        Some(Recorded::Logged(_)) | None => SystemClock.now(),
    };
    let (risk, note) = match question.user.as_deref().and_then(Username::parse) {
        Some(name) => look_up(settings, stores.as_ref(), &name, now, &mut question).await,
        None => (None, None),
    };
    // What was assessed at the request itself says more than how its session began.
    let at_request = match &recorded {
        Some(Recorded::Trace(trace)) => RiskFacts::traced(trace, thresholds(settings)),
        Some(Recorded::Logged(_)) | None => None,
    };
    let risk = at_request.or(risk);
    Ok(Consulted { recorded, question, now, risk, note })
}

/// What is to be known of a risk that is supposed.
const fn about_risk(settings: Option<&RiskSettings>) -> Option<&'static str> {
    match settings {
        None => Some("`risk` is off in this configuration: no request is compared, and nobody is asked more for it."),
        Some(settings) => match settings.model.mode {
            Mode::Shadow => Some("This is told as if risk were enforced: with `mode: shadow` it is only counted."),
            Mode::Enforce => None,
        },
    }
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

/// Fills in what the database knows of the person; groups that were given stand. Returns how their last sign-in was
/// assessed, and a note where the database knows nothing.
async fn look_up(
    settings: &Settings,
    stores: Result<&Stores, &String>,
    name: &Username,
    now: Timestamp,
    question: &mut Question,
) -> (Option<RiskFacts>, Option<String>) {
    let host = super::split_url(&question.url).map(|(host, _)| host).unwrap_or_default();
    let rp_id = Some(settings.flow.rp_id(&host));
    let found = match stores {
        Ok(stores) => account(stores, name).await,
        Err(why) => Err(why.clone()),
    };
    let (stores, (account, enrolled)) = match (stores, found) {
        (Ok(stores), Ok(Some(found))) => (stores, found),
        (_, Ok(_)) => {
            return (None, Some(format!("There is no account {name}: it was judged by what was given here.")));
        }
        (_, Err(cause)) => {
            let note = format!("The database was not asked ({cause}): it was judged by what was given here.");
            return (None, Some(note));
        }
    };
    let methods = enrolled.methods(account.password_hash.is_some(), rp_id);
    let locked = enrolled.locked().and(methods);
    question.known = Some(AccountFactors { methods, locked, disabled: account.disabled });
    let assessed = stores.audit.last_assessment(&account.identity.id, now).await.ok().flatten();
    let risk = assessed.and_then(|(at, event)| RiskFacts::read(at, event, thresholds(settings)));
    if account.disabled {
        // None of its sessions lasts: whoever comes by it is nobody.
        (question.user, question.groups, question.amr) = (None, Vec::new(), Vec::new());
        question.proofs = None;
    } else if question.groups.is_empty() {
        question.groups = account.identity.groups.into_iter().map(|group| group.0).collect();
    }
    (risk, None)
}

fn thresholds(settings: &Settings) -> Thresholds {
    settings.flow.risk.as_ref().map(|risk| risk.model.thresholds).unwrap_or_default()
}

/// The stores of the settings, if nothing is to be made for that.
async fn open_quietly(settings: &Settings) -> Result<Stores, String> {
    let looked = store::admin::health::check(&settings.store).await;
    let fault = looked.faults.iter().find(|fault| fault.store != "redis").map(ToString::to_string);
    if let Some(why) = fault.or_else(|| looked.notes.into_iter().next()) {
        return Err(why);
    }
    Stores::open(&settings.store).await.map_err(|fault| fault.to_string())
}

async fn account(stores: &Stores, name: &Username) -> Result<Option<(Account, Enrolled)>, String> {
    let (ports, text) = (&stores.ports, |fault: StoreError| fault.to_string());
    let Some(account) = ports.accounts.find(name).await.map_err(text)? else { return Ok(None) };
    let enrolled = ports.authenticators.of(&account.identity.id).await.map_err(text)?;
    Ok(Some((account, enrolled)))
}

/// What is asked: on the command line, or of a request that was written down.
fn question(args: &Explain, recorded: Option<&Recorded>) -> CommandResult<Question> {
    let preflight = args.preflight.as_ref().map(|_| "OPTIONS".to_owned());
    let mut question = Question {
        url: args.url.clone().unwrap_or_default(),
        method: preflight.unwrap_or_else(|| args.method.clone()),
        ip: args.ip,
        user: args.user.clone(),
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
        proofs: None,
        risk: asked_risk(args),
        slip: None,
    };
    match recorded {
        None if args.url.is_some() => {}
        None => return Err(Failure::usage("give --url URL or --request-id ID")),
        Some(Recorded::Logged(logged)) => {
            let Some(host) = &logged.host else {
                return Err(Failure::failed(format!("that request reached no app: {}", logged.sentence().trim_end())));
            };
            question.url = format!("https://{host}{}", logged.path);
            (question.method, question.ip) = (logged.method.clone(), logged.client_ip.unwrap_or(args.ip));
            question.user = question.user.or_else(|| logged.user.clone());
        }
        Some(Recorded::Trace(trace)) => {
            question.url = format!("https://{}{}", trace.host, trace.path);
            (question.method, question.ip) = (trace.method.clone(), trace.client_ip.unwrap_or(args.ip));
            let subject = trace.subject.as_ref();
            if question.user.is_none() && question.amr.is_empty() {
                question.proofs = subject.map(|subject| subject.proofs.clone());
                let Risk { level, changed, since, .. } = trace.risk.map_or_else(Risk::none, Risk::from);
                question.risk = trace.risk.map(|_| AskedRisk { level, changed, since: Some(since) });
            }
            question.user = question.user.or_else(|| subject.map(|subject| subject.username.clone()));
        }
    }
    Ok(question)
}

/// The risk that is to be supposed, if any.
fn asked_risk(args: &Explain) -> Option<AskedRisk> {
    let level = RiskLevel::ALL.into_iter().find(|level| args.risk.as_deref() == Some(level.name()));
    let is = |word: &str| args.changed.iter().any(|changed| changed == word);
    let changed = Changed { network: is("network"), country: is("country"), browser: is("browser") };
    (level.is_some() || !changed.is_nothing()).then(|| AskedRisk {
        level: level.unwrap_or(RiskLevel::Low),
        changed,
        since: None,
    })
}
