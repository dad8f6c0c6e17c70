//! Runtimes for what commands do asynchronously.

use std::time::Duration;

use super::exit::{CommandResult, Failure};

/// For threads that are at work when a server has ended.
const WAIT_AT_END: Duration = Duration::from_millis(500);

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
    let outcome = runtime.block_on(what);
    // A thread that still reads a file, or waits for one, holds up no end.
    runtime.shutdown_timeout(WAIT_AT_END);
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_that_waits_holds_up_no_end() {
        let (hold, held) = channel::<()>();
        let (end, ended) = channel();
        std::thread::spawn(move || {
            let outcome = block_on_all(async {
                let (begin, begun) = tokio::sync::oneshot::channel();
                tokio::task::spawn_blocking(move || {
                    let _ = begin.send(());
                    held.recv()
                });
                begun.await.is_ok()
            });
            end.send(matches!(outcome, Ok(true)))
        });
        assert_eq!(ended.recv_timeout(Duration::from_secs(30)), Ok(true));
        drop(hold);
    }
}
