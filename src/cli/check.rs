//! `stepgate check`: load, judge and build a configuration without serving.

use std::io::stderr;

use serde_json::json;

use super::accounts;
use super::args::Check;
use super::outcome::{CONFIG, Failure, Outcome, UNAVAILABLE};
use super::terminal::{self, say};
use crate::config::{self, Settings};
use crate::flow::ports::Clock;
use crate::store::Stores;
use crate::store::system::SystemClock;

pub(crate) fn run(args: &Check) -> Outcome {
    let file = &args.file.config;
    let loaded = config::inspect(file, Some(SystemClock.now()));
    let silent = match &loaded.settings {
        Some(settings) if args.online => super::block_on(silent(settings))??,
        _ => Vec::new(),
    };
    if args.json {
        let mut told = loaded.json(file);
        if let (true, Some(told)) = (args.online, told.as_object_mut()) {
            told.insert("unreachable".to_owned(), json!(silent));
        }
        terminal::json(&told)?;
    } else {
        let text = loaded.text(super::colourful(&stderr()));
        if !text.is_empty() {
            say(text.trim_end());
        }
        match loaded.settings {
            Some(_) => terminal::data(&format!("{}\n", loaded.summary(file)))?,
            None => say(&loaded.summary(file)),
        }
    }
    match (loaded.exit_code(), silent.as_slice()) {
        (0, []) => Ok(()),
        (0, _) if args.json => Err(Failure::new(UNAVAILABLE, "")),
        (0, silent) => Err(Failure::new(UNAVAILABLE, silent.join("\n"))),
        _ => Err(Failure::new(CONFIG, "")),
    }
}

/// The stores that do not answer, with what is wrong.
async fn silent(settings: &Settings) -> Outcome<Vec<String>> {
    let stores = accounts::answered(Stores::open(&settings.store).await)?;
    let answers = stores.probe().await;
    Ok(answers.into_iter().filter_map(|(_, answer)| answer.err()).map(|fault| fault.to_string()).collect())
}
