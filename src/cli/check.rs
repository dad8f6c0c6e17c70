//! `stepgate check`: load and judge a configuration file without serving.

use std::io;

use super::accounts;
use super::args::Check;
use super::outcome::{CONFIG, Failure, Outcome, UNAVAILABLE};
use super::terminal::{self, say};
use crate::config::{self, Loaded, Settings};
use crate::flow::ports::Clock as _;
use crate::store::Stores;
use crate::store::system::SystemClock;

pub(crate) fn run(args: &Check) -> Outcome {
    let loaded = config::inspect(&args.file.config, Some(SystemClock.now()));
    let silent = match &loaded.settings {
        Some(settings) if args.online => super::block_on(online(settings))?,
        _ => Vec::new(),
    };
    tell(args, &loaded, &silent)?;
    if loaded.settings.is_none() {
        return Err(Failure::new(CONFIG, ""));
    }
    if silent.is_empty() { Ok(()) } else { Err(Failure::new(UNAVAILABLE, "")) }
}

/// Problems go to stderr, the verdict to stdout; as JSON, both are one object on stdout.
fn tell(args: &Check, loaded: &Loaded, silent: &[String]) -> Outcome {
    let path = &args.file.config;
    if args.json {
        let mut verdict = loaded.json(path);
        if let Some(verdict) = verdict.as_object_mut() {
            verdict.insert("ok".to_owned(), (loaded.settings.is_some() && silent.is_empty()).into());
            verdict.insert("unreachable".to_owned(), silent.into());
        }
        return terminal::json(&verdict);
    }
    if !loaded.problems.is_empty() {
        say(&loaded.text(super::colourful(&io::stderr())));
    }
    for fault in silent {
        say(&format!("{}: error: {fault}", path.display()));
    }
    match (&loaded.settings, silent) {
        (Some(_), []) => terminal::data(&format!("{}\n", loaded.summary(path))),
        (Some(_), _) => Ok(()),
        (None, _) => {
            say(&loaded.summary(path));
            Ok(())
        }
    }
}

/// What is wrong with the stores that do not answer.
async fn online(settings: &Settings) -> Vec<String> {
    let stores = match accounts::answered(Stores::open(&settings.store).await) {
        Ok(stores) => stores,
        Err(failure) => return vec![failure.text],
    };
    let answers = stores.probe().await;
    let mut wrong: Vec<String> =
        answers.into_iter().filter_map(|(_, answer)| answer.err()).map(|fault| fault.to_string()).collect();
    if wrong.is_empty() {
        match stores.seals().await {
            Ok(uses) => wrong.extend(super::secret::missing(&uses)),
            Err(fault) => wrong.push(fault.to_string()),
        }
    }
    wrong
}
