//! Logs: JSON where a machine reads, plain text on a terminal; always to stderr.

mod json;
mod text;
mod writer;

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::exit::{CommandResult, Failure};
use super::output::terminal::supports_colour;
use json::Json;
use text::Text;
use writer::LogWriter;

/// What the libraries below say that no operator can act on: port scanners that break a handshake,
/// clients that go away, and the like. Our own access events tell of those that matter; `pingora_proxy`, which knows no
/// request id, has nothing to add to them. `sqlx_postgres::options` repeats what it does not know of a URL, which may be
/// a password; `webauthn_rs_core` tells of each answer that it refuses, and our events do too.
const QUIET: &str = "pingora_core=error,pingora_core::apps=off,pingora_proxy=off,\
pingora_pool=error,h2=error,hyper=error,rustls=error,tokio_rustls=error,sqlx=warn,sqlx_postgres::options=off,\
redis=warn,tower=warn,tungstenite=error,webauthn_rs_core=off";

/// What those log below `info`: whole requests, with whatever people and apps send in them.
const LOGS_REQUESTS: [&str; 11] = [
    "pingora",
    "h2",
    "hyper",
    "rustls",
    "tokio_rustls",
    "sqlx",
    "redis",
    "tower",
    "tungstenite",
    "tokio_tungstenite",
    "webauthn",
];

/// Sets up logging, which goes on until what is returned is dropped. `filter` comes from `--log` or `STEPGATE_LOG`;
/// `default` is a level. While `serving`, lines are buffered.
///
/// # Errors
/// The filter cannot be understood, or asks for what would write secrets down.
pub(crate) fn init(filter: Option<&str>, default: &str, serving: bool) -> CommandResult<Option<LogWriter>> {
    let wanted = filter.map(str::trim).filter(|f| !f.is_empty()).unwrap_or(default);
    if let Some(directive) = wanted.split(',').map(str::trim).find(|directive| logs_requests(directive)) {
        return Err(Failure::usage(format!(
            "--log {directive}: below info this library writes whole requests, with passwords and cookies in them"
        )));
    }
    // Later directives win over earlier ones for the same target: what the operator says comes last.
    let filter = EnvFilter::try_new(format!("{QUIET},{wanted}"))
        .map_err(|fault| Failure::usage(format!("--log {wanted}: {fault}")))?;
    let terminal = io::stderr().is_terminal();
    // A command says little, and in the order of its other words; a server waits for nobody who reads.
    let log_writer = serving.then(|| LogWriter::new(io::stderr())).transpose();
    let log_writer = log_writer.map_err(|fault| Failure::failed(format!("cannot start the log: {fault}")))?;
    let writer = log_writer.as_ref().map_or_else(|| BoxMakeWriter::new(io::stderr), |g| BoxMakeWriter::new(g.lines()));
    // A stderr that is gone must not end a request: what cannot be written is lost, and nothing else.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).log_internal_errors(false);
    // `init` of the subscriber also bridges `log`, in which pingora speaks.
    let set = if terminal {
        builder.with_ansi(supports_colour(&io::stderr())).event_format(Text::new()).try_init()
    } else {
        builder.event_format(Json).try_init()
    };
    set.map_err(|fault| Failure::failed(format!("logging is set up already: {fault}")))?;
    Ok(log_writer)
}

/// Whether a directive of a filter (`target=level`, or a target alone, which means everything) opens one of [`LOGS_REQUESTS`].
fn logs_requests(directive: &str) -> bool {
    let (target, level) = directive.rsplit_once('=').unwrap_or((directive, "trace"));
    let quiet =
        ["off", "error", "warn", "info", "0", "1", "2", "3"].iter().any(|known| known.eq_ignore_ascii_case(level));
    let crate_name = target.split("::").next().unwrap_or_default();
    !quiet && LOGS_REQUESTS.iter().any(|name| crate_name.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::logs_requests;

    #[test]
    fn libraries_that_tell_requests_stay_quiet() {
        for told in [
            "pingora_proxy=debug",
            "pingora_core::protocols=TRACE",
            "pingora_proxy",
            "h2=trace",
            "sqlx=5",
            "hyper[x]=debug",
        ] {
            assert!(logs_requests(told), "{told}");
        }
        for fine in ["info", "trace", "pingora_proxy=info", "h2=off", "access=trace", "stepgate=debug", "sqlx=WARN", ""]
        {
            assert!(!logs_requests(fine), "{fine}");
        }
    }
}
