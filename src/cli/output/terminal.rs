//! Data to stdout, all else to stderr.

use std::io::{self, IsTerminal, Write};

use crate::cli::exit::{CommandResult, Failure};
use crate::flow::ports::Answer;

/// Writes data to stdout. A reader that went away is no failure.
pub(crate) fn write_stdout(text: &str) -> CommandResult {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(fault) if fault.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write to stdout: {fault}")))
        }
        _ => Ok(()),
    }
}

/// Writes one line of JSON to stdout.
pub(crate) fn write_json(value: &impl serde::Serialize) -> CommandResult {
    let mut line = serde_json::to_string(value).map_err(|fault| Failure::failed(fault.to_string()))?;
    line.push('\n');
    write_stdout(&line)
}

/// Writes a message for the operator to stderr.
pub(crate) fn write_stderr(text: &str) {
    // Nothing is left to write to if stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a stream takes colours: a terminal, and nobody asked for none (no-color.org).
pub(crate) fn supports_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Rows of a list that cannot be read: each is named on stderr, and the command fails at the end.
#[derive(Default)]
pub(crate) struct UnreadableRows(usize);

impl UnreadableRows {
    /// What was read; if it could not be, its name and the fault go to stderr.
    pub(crate) fn readable<T>(&mut self, read: Answer<T>, name: impl FnOnce() -> String) -> Option<T> {
        read.inspect_err(|fault| {
            self.0 += 1;
            write_stderr(&format!("{} cannot be read: {fault}", name()));
        })
        .ok()
    }

    /// Ends the command: a failure if something was missing.
    pub(crate) fn finish(self) -> CommandResult {
        match self.0 {
            0 => Ok(()),
            n => Err(Failure::failed(format!("the list is not whole: {n} could not be read"))),
        }
    }
}
