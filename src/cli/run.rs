//! `stepgate run`: serve.

use super::accounts;
use super::args::ConfigFile;
use super::block_on_all;
use super::outcome::{CONFIG, Failure, Outcome};
use crate::app::{self, Fault, Running};
use crate::config::Settings;

/// What is said of a master key that was made.
pub(crate) const MADE_KEY: &str = "a master key was made; keep a copy of it, apart from the backups of the database: \
    without it nobody's second factor can be read, and with it everybody's";

pub(crate) fn run(file: &ConfigFile) -> Outcome {
    let settings = accounts::settings(file)?;
    for warning in &settings.warnings {
        tracing::warn!(target: "config", "{warning}");
    }
    block_on_all(serve_async(settings, |running| {
        if let Some(file) = &running.made_key {
            tracing::warn!(target: "stepgate", file = %file.display(), "{MADE_KEY}");
        }
        tracing::info!(target: "stepgate", listen = %running.addresses, "serving");
    }))?
}

/// Serves until a signal ends it; `ready` is told where it listens, once it does.
pub(crate) async fn serve_async(settings: Settings, ready: impl FnOnce(&Running) + Send) -> Outcome {
    app::serve(settings, ready).await.map_err(|fault| match fault {
        Fault::Store(fault) => Failure::store(&fault),
        Fault::Settings(text) => Failure::new(CONFIG, text),
        Fault::Serve(text) => Failure::failed(text),
    })
}
