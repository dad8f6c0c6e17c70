//! Runtimes for what commands do asynchronously.

use super::exit::{CommandResult, Failure};

/// Runs something async that a command needs, on a runtime of its own.
pub(crate) fn block_on<T>(what: impl Future<Output = T>) -> CommandResult<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|fault| Failure::failed(format!("cannot start a runtime: {fault}")))?;
    Ok(runtime.block_on(what))
}

/// Runs a server on a thread per core.
pub(crate) fn block_on_all<T>(what: impl Future<Output = T>) -> CommandResult<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|fault| Failure::failed(format!("cannot start a runtime: {fault}")))?;
    Ok(runtime.block_on(what))
}
