//! How a command ends: its exit code, and the reason of a failure.

use crate::flow::ports::StoreError;

/// Why a command failed: its exit code and the message for the operator.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// For stderr; empty if everything was written already.
    pub(crate) text: String,
}

/// The result of a command; the exit code of success is 0.
pub(crate) type CommandResult<T = ()> = Result<T, Failure>;

/// The command could not do what was asked.
pub(crate) const FAILED: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// A store does not answer (`EX_UNAVAILABLE` of sysexits).
pub(crate) const UNAVAILABLE: u8 = 69;
/// Ctrl-C at a prompt, as shells report it: 128 and SIGINT's number.
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
