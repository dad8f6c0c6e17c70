//! `stepgate run`: serve.

use std::path::PathBuf;

use super::accounts::{self, KEY_CREATED};
use super::args::ConfigFile;
use super::exit::{CONFIG, CommandResult, Failure};
use super::runtime::block_on_all;
use crate::app::{self, Fault, Hangup, Running, Signals};
use crate::config::Settings;

pub(crate) fn run(file: &ConfigFile) -> CommandResult {
    block_on_all(serve_file(file))?
}

async fn serve_file(file: &ConfigFile) -> CommandResult {
    let signals = signals(Hangup::Reload)?;
    let settings = accounts::settings(file)?;
    for warning in &settings.warnings {
        tracing::warn!(target: "config", "{warning}");
    }
    serve(signals, settings, Some(file.config.clone()), |running| {
        if let Some(file) = &running.made_key {
            tracing::warn!(target: "stepgate", file = %file.display(), "{KEY_CREATED}");
        }
        tracing::info!(target: "stepgate", listen = %running.addresses, "serving");
    })
    .await
}

/// The signals of a command that serves, before it does anything else.
pub(crate) fn signals(hangup: Hangup) -> CommandResult<Signals> {
    Signals::listen(hangup).map_err(failure)
}

/// Serves until a signal ends it; `ready` is called with where it listens, once it does.
pub(crate) async fn serve(
    signals: Signals,
    settings: Settings,
    file: Option<PathBuf>,
    ready: impl FnOnce(&Running) + Send,
) -> CommandResult {
    app::serve(signals, settings, file, ready).await.map_err(failure)
}

fn failure(fault: Fault) -> Failure {
    match fault {
        Fault::Store(fault) => Failure::store(&fault),
        Fault::Settings(text) => Failure::new(CONFIG, text),
        Fault::Serve(text) => Failure::failed(text),
    }
}
