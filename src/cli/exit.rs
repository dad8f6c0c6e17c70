//! How a command ends.

use super::terminal::say;
use crate::flow::ports::{Answer, StoreError};

/// Why a command failed: its exit code and what to tell the operator.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// For stderr; empty if everything was said already.
    pub(crate) text: String,
}

/// What a command returns: the exit code of its success is 0.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// The command could not do what was asked.
pub(crate) const FAILED: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// A store does not answer (`EX_UNAVAILABLE` of sysexits).
pub(crate) const UNAVAILABLE: u8 = 69;
/// Ctrl-C at a prompt, as shells tell it: 128 and SIGINT's number.
pub(crate) const INTERRUPTED: u8 = 130;
/// The configuration is wrong (`EX_CONFIG`).
pub(crate) const CONFIG: u8 = 78;

impl Failure {
    /// A failure with this exit code.
    pub(crate) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// Exit code 1.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::new(FAILED, text)
    }

    /// Exit code 2.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(USAGE, text)
    }

    /// A store did not answer: exit code 69.
    pub(crate) fn store(fault: &StoreError) -> Self {
        Self::new(UNAVAILABLE, fault.to_string())
    }
}

/// What a list cannot show because it cannot be read: told on stderr one by one, and in the exit code at the end.
#[derive(Default)]
pub(crate) struct Gaps(usize);

impl Gaps {
    /// What was read; if it could not be, says so under its name.
    pub(crate) fn filled<T>(&mut self, read: Answer<T>, name: impl FnOnce() -> String) -> Option<T> {
        read.inspect_err(|fault| {
            self.0 += 1;
            say(&format!("{} cannot be read: {fault}", name()));
        })
        .ok()
    }

    /// Ends the command: a failure if something was missing.
    pub(crate) fn told(self) -> Outcome {
        match self.0 {
            0 => Ok(()),
            n => Err(Failure::failed(format!("the list is not whole: {n} could not be read"))),
        }
    }
}
