//! `stepgate run`: serve.

use super::accounts;
use super::args::ConfigFile;
use super::block_on_all;
use super::outcome::{CONFIG, Failure, Outcome};
use crate::app::{self, Fault, Running};
use crate::config::Settings;

pub(crate) fn run(file: &ConfigFile) -> Outcome {
    let settings = accounts::settings(file)?;
    for warning in &settings.warnings {
        tracing::warn!(target: "config", "{warning}");
    }
    block_on_all(serve_async(settings, |running| {
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
