//! `stepgate run`: serve.

use super::accounts::{self, KEY_CREATED};
use super::args::ConfigFile;
use super::exit::{CONFIG, CommandResult, Failure};
use super::runtime::block_on_all;
use crate::app::{self, Fault, Running};
use crate::config::Settings;

pub(crate) fn run(file: &ConfigFile) -> CommandResult {
    let settings = accounts::settings(file)?;
    for warning in &settings.warnings {
        tracing::warn!(target: "config", "{warning}");
    }
    block_on_all(serve_async(settings, |running| {
        if let Some(file) = &running.made_key {
            tracing::warn!(target: "stepgate", file = %file.display(), "{KEY_CREATED}");
        }
        tracing::info!(target: "stepgate", listen = %running.addresses, "serving");
    }))?
}

/// Serves until a signal ends it; `ready` is told where it listens, once it does.
pub(crate) async fn serve_async(settings: Settings, ready: impl FnOnce(&Running) + Send) -> CommandResult {
    app::serve(settings, ready).await.map_err(|fault| match fault {
        Fault::Store(fault) => Failure::store(&fault),
        Fault::Settings(text) => Failure::new(CONFIG, text),
        Fault::Serve(text) => Failure::failed(text),
    })
}
