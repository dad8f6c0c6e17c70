//! Logs: JSON where a machine reads, plain text on a terminal; always to stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use super::outcome::{Failure, Outcome};

/// What the libraries below say that no operator can act on: port scanners that break a handshake,
/// clients that go away, and the like. Our own access events tell of those that matter.
const QUIET: &str = "pingora_core=error,pingora_proxy=error,pingora_load_balancing=error,pingora_pool=error,\
h2=error,hyper=error,rustls=error,tokio_rustls=error,sqlx=warn,redis=warn,tower=warn,tungstenite=error";

/// Sets up logging. `filter` comes from `--log` or `STEPGATE_LOG`; `default` is a level.
///
/// # Errors
/// The filter cannot be understood.
pub(crate) fn init(filter: Option<&str>, default: &str) -> Outcome {
    let wanted = filter.map(str::trim).filter(|f| !f.is_empty()).unwrap_or(default);
    // Later directives win over earlier ones for the same target: what the operator says comes last.
    let filter = EnvFilter::try_new(format!("{QUIET},{wanted}"))
        .map_err(|fault| Failure::usage(format!("--log {wanted}: {fault}")))?;
    let terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // `init` of the subscriber also bridges `log`, in which pingora speaks.
    let set = if terminal {
        builder.with_ansi(super::colourful(&io::stderr())).with_target(true).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    set.map_err(|fault| Failure::failed(format!("logging is set up already: {fault}")))
}
