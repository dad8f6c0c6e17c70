//! `stepgate explain`: the question from the command line, the answer to the terminal.

use std::time::Duration;

use super::accounts;
use super::args::Explain;
use super::explain::{self, Crossing, Known, Question};
use super::outcome::{Failure, Outcome};
use super::recorded::{self, Recorded};
use super::terminal::{self, data};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::user::Username;
use crate::config::Settings;
use crate::flow::ports::{Account, Clock, StoreError};
use crate::store::system::SystemClock;
use crate::store::{self, Stores};

/// Exit codes of `--exit-code`.
const CHALLENGED: u8 = 10;
const REFUSED: u8 = 11;

pub(crate) fn run(args: &Explain) -> Outcome {
    let settings = accounts::settings(&args.file)?;
    let recorded = match &args.request_id {
        Some(id) => Some(recorded::find(id, args.log_file.as_deref())?),
        None => None,
    };
    let mut question = question(args, recorded.as_ref())?;
    let note = super::block_on(look_up(&settings, &mut question))?;
    let mut answer = explain::explain(&settings.policy, &question, SystemClock.now()).map_err(Failure::usage)?;
    answer.note = answer.note.or(note);
    match (&recorded, args.json) {
        (None, true) => terminal::json(&answer)?,
        (None, false) => data(&answer.human())?,
        (Some(recorded), true) => terminal::json(&serde_json::json!({ "recorded": recorded, "now": answer }))?,
        (Some(recorded), false) => data(&format!(
            "Decided then:\n{}\nBy the configuration as it is now, for what is said of the person here:\n{}",
            recorded.sentence(),
            answer.human()
        ))?,
    }
    let code = match (&recorded, answer.outcome) {
        _ if !args.exit_code => 0,
        // What was done to a request is not to be guessed again: the log holds neither groups nor proofs.
        (Some(recorded), _) => done(recorded.decision.as_deref()),
        (None, explain::Outcome::Permit | explain::Outcome::Own | explain::Outcome::Preflight) => 0,
        (None, explain::Outcome::Challenge) => CHALLENGED,
        (None, explain::Outcome::Refuse | explain::Outcome::Malformed) => REFUSED,
    };
    if code == 0 { Ok(()) } else { Err(Failure::new(code, "")) }
}

/// The exit code of a decision that was written down.
fn done(decision: Option<&str>) -> u8 {
    match decision {
        Some("permit" | "preflight" | "own") => 0,
        Some("challenge") => CHALLENGED,
        _ => REFUSED,
    }
}

/// Fills in what the database knows of the person. Groups that were given stand, and nothing is changed by asking. What
/// is to be told where it knows nothing.
async fn look_up(settings: &Settings, question: &mut Question) -> Option<String> {
    let name = question.user.as_deref().and_then(Username::parse)?;
    match account(settings, &name).await {
        Ok(Some((account, enrolled))) => {
            let methods = enrolled.methods(account.password_hash.is_some());
            let locked = enrolled.locked().and(methods);
            question.known = Some(Known { methods, locked, disabled: account.disabled });
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
    let told = |fault: StoreError| fault.to_string();
    let Some(account) = ports.accounts.find(name).await.map_err(told)? else { return Ok(None) };
    let enrolled = ports.authenticators.of(&account.identity.id).await.map_err(told)?;
    Ok(Some((account, enrolled)))
}

/// What is asked: on the command line, or of a request that was written down.
fn question(args: &Explain, recorded: Option<&Recorded>) -> Outcome<Question> {
    let (url, method, ip) = match (recorded, &args.url) {
        (None, Some(url)) if args.preflight.is_some() => (url.clone(), "OPTIONS".to_owned(), args.ip),
        (None, Some(url)) => (url.clone(), args.method.clone(), args.ip),
        (None, None) => return Err(Failure::usage("give --url URL or --request-id ID")),
        (Some(recorded), _) => {
            let Some(host) = &recorded.host else {
                return Err(Failure::failed(format!(
                    "that request reached no app: {}",
                    recorded.sentence().trim_end()
                )));
            };
            let url = format!("https://{host}{}", recorded.path);
            (url, recorded.method.clone(), recorded.client_ip.unwrap_or(args.ip))
        }
    };
    let user = args.user.clone().or_else(|| recorded.and_then(|r| r.user.clone()));
    Ok(Question {
        url,
        method,
        ip,
        user,
        groups: args.groups.clone(),
        amr: args.amr.clone(),
        age: args.age,
        known: None,
        crossing: Crossing {
            origin: args.origin.clone(),
            websocket: args.websocket,
            preflight: args.preflight.clone(),
            headers: args.headers.clone(),
        },
    })
}

/// A length of time as people write it: `90s`, `31m`, `2h`, `1d`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("write it as 90s, 31m, 2h or 1d".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write it as 90s, 31m, 2h or 1d".to_owned())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ages_as_people_write_them() {
        assert_eq!(age("31m"), Ok(Duration::from_secs(1860)));
        assert_eq!(age("0s"), Ok(Duration::ZERO));
        for wrong in ["", "m", "31", "-1m", "1.5h", "31 m", "99999999999999999999s", "9999999999999999999d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
