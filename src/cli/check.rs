//! `stepgate check`: load and judge a configuration file without serving.

use serde_json::json;

use super::accounts;
use super::args::Check;
use super::outcome::{CONFIG, Failure, Outcome, UNAVAILABLE};
use super::terminal::{self, say};
use crate::config;
use crate::store::Stores;

pub(crate) fn run(args: &Check) -> Outcome {
    let settings = match config::load(&args.file.config) {
        Ok(settings) => settings,
        Err(report) if args.json => {
            terminal::json(&json!({ "ok": false, "problems": report.count, "report": report.text }))?;
            return Err(Failure::new(CONFIG, ""));
        }
        Err(report) => return Err(Failure::new(CONFIG, report.text)),
    };
    let silent = if args.online { super::block_on(silent(&settings))?? } else { Vec::new() };
    if args.json {
        terminal::json(&json!({ "ok": silent.is_empty(), "warnings": settings.warnings, "unreachable": silent }))?;
    } else {
        for warning in &settings.warnings {
            say(&format!("warning: {warning}"));
        }
        if silent.is_empty() {
            say(&format!("{}: ok", args.file.config.display()));
        }
    }
    if silent.is_empty() { Ok(()) } else { Err(Failure::new(UNAVAILABLE, silent.join("\n"))) }
}

/// The stores that do not answer, with what is wrong.
async fn silent(settings: &config::Settings) -> Outcome<Vec<String>> {
    let stores = accounts::answered(Stores::open(&settings.store).await)?;
    let answers = stores.probe().await;
    Ok(answers.into_iter().filter_map(|(_, answer)| answer.err()).map(|fault| fault.to_string()).collect())
}
