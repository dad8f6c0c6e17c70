//! Codes that were sent, as the flows ask for them.

use std::time::Duration;

use async_trait::async_trait;

use super::Answer;

/// A keyed digest of a code that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeDigest(pub [u8; 32]);

/// What an attempt at a sent code answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Attempted {
    /// It is the code, which is spent by this: of several callers exactly one is answered so.
    Right,
    /// It is not, or was not looked at because none were left before.
    Wrong {
        /// How many more may be tried.
        left: u32,
    },
    /// No code was sent, or its time is over.
    Absent,
}

/// Codes that were sent to a person: each is good once and for a few attempts.
#[async_trait]
pub trait OneTimeCodes: Send + Sync {
    /// Keeps a code under `key` until `ttl` has passed, in place of an earlier one, whose attempts count on. `false`: there
    /// are none left, the new code would be of no use, and what is kept ends when it would have.
    async fn put(&self, key: &str, code: CodeDigest, attempts: u32, ttl: Duration) -> Answer<bool>;
    /// Counts an attempt and compares it, in one step: it is counted whatever becomes of the answer.
    async fn attempt(&self, key: &str, code: CodeDigest) -> Answer<Attempted>;
    /// For how long the code that is kept under `key` is good yet, if attempts are left; looking counts for nothing.
    async fn good_for(&self, key: &str) -> Answer<Option<Duration>>;
}
