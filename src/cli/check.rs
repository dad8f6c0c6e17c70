//! `stepgate check`: load and judge a configuration file without serving.

use std::io;

use super::args::{Check, CheckFormat};
use super::exit::{CONFIG, CommandResult, Failure, UNAVAILABLE};
use super::output::terminal::{self, supports_colour, write_stderr};
use super::runtime::block_on;
use crate::app;
use crate::config::{self, Loaded, Settings};
use crate::flow::ports::Clock as _;
use crate::store::admin::key_usage::KeyUsage;
use crate::store::system::SystemClock;
use crate::store::{self, Stores};

pub(crate) fn run(args: &Check) -> CommandResult {
    let mut loaded = config::inspect(&args.file.config, Some(SystemClock.now()));
    let unusable = loaded.settings.as_ref().and_then(|settings| app::verify(settings).err());
    if let Some(cause) = unusable {
        loaded.refuse(&args.file.config, cause.to_string());
    }
    let (silent, notes) = match &loaded.settings {
        Some(settings) if args.online => block_on(online(settings))?,
        _ => Default::default(),
    };
    print(args, &loaded, &silent, &notes)?;
    if loaded.settings.is_none() {
        return Err(Failure::new(CONFIG, ""));
    }
    if silent.is_empty() { Ok(()) } else { Err(Failure::new(UNAVAILABLE, "")) }
}

/// Problems go to stderr, the verdict to stdout; as JSON, both are one object on stdout.
fn print(args: &Check, loaded: &Loaded, silent: &[String], notes: &[String]) -> CommandResult {
    let path = &args.file.config;
    if args.json || args.format == CheckFormat::Json {
        let mut verdict = loaded.json(path);
        if let Some(verdict) = verdict.as_object_mut() {
            verdict.insert("ok".to_owned(), (loaded.settings.is_some() && silent.is_empty()).into());
            verdict.insert("unreachable".to_owned(), silent.into());
            verdict.insert("notes".to_owned(), notes.into());
        }
        return terminal::write_json(&verdict);
    }
    if args.format == CheckFormat::Github {
        terminal::write_stdout(&loaded.github())?;
    } else if !loaded.problems.is_empty() {
        write_stderr(&loaded.text(supports_colour(&io::stderr())));
    }
    for note in notes {
        write_stderr(&format!("{}: note: {note}", path.display()));
    }
    for fault in silent {
        write_stderr(&format!("{}: error: {fault}", path.display()));
    }
    match (&loaded.settings, silent) {
        (Some(settings), []) => {
            let accent = settings.portal.accent.map_or_else(String::new, |accent| {
                format!("accent: {} in light, {} in dark\n", accent.light(), accent.dark())
            });
            terminal::write_stdout(&format!("{}\n{accent}", loaded.summary(path)))
        }
        (Some(_), _) => Ok(()),
        (None, _) => {
            write_stderr(&loaded.summary(path));
            Ok(())
        }
    }
}

/// What is wrong with the stores, and what `run` would do to them. Nothing is changed by asking.
async fn online(settings: &Settings) -> (Vec<String>, Vec<String>) {
    let looked = store::admin::health::check(&settings.store).await;
    let mut wrong: Vec<String> = looked.faults.iter().map(ToString::to_string).collect();
    // Only where everything is in place does opening change nothing.
    if wrong.is_empty() && looked.notes.is_empty() {
        let seals = async { Stores::open(&settings.store).await?.key_usage().await };
        match seals.await {
            Ok(uses) => wrong.extend(uses.iter().filter_map(KeyUsage::missing_key)),
            Err(fault) => wrong.push(fault.to_string()),
        }
    }
    (wrong, looked.notes)
}
