//! Letters that wait: written by the flows with the change that made them necessary, carried by a provider later.

use std::time::Duration;

use async_trait::async_trait;

use super::{Answer, AuditEntry, Letter, Recipient};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::time::Timestamp;

/// A letter that this node may send until its lease ends.
pub struct LeasedLetter {
    pub id: String,
    /// The letter, or why it cannot be read here: another node, or the key put back, may read it.
    pub letter: Answer<Letter>,
    /// How often it was leased, this time included.
    pub attempts: u32,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
}

/// What becomes of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was sent, or never will be: it goes.
    Gone,
    /// It is tried again, not before this moment.
    Again(Timestamp),
}

/// A letter that is ready to be kept: sealed for its row.
#[derive(Clone)]
pub struct SealedLetter {
    pub id: String,
    pub sealed: Sealed,
    /// Before this it is not sent.
    pub due_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
}

/// What is written in the transaction of a change, if the change is made: no change is without its letter, and no letter
/// without its change.
#[derive(Clone, Default)]
pub struct Records {
    /// For the audit trail.
    pub entries: Vec<AuditEntry>,
    /// For the outbox.
    pub letters: Vec<SealedLetter>,
}

impl Records {
    /// Nothing.
    pub const NONE: &'static Self = &Self { entries: Vec::new(), letters: Vec::new() };

    /// Letters alone.
    pub const fn letters(letters: Vec<SealedLetter>) -> Self {
        Self { entries: Vec::new(), letters }
    }

    /// Entries alone.
    pub const fn entries(entries: Vec<AuditEntry>) -> Self {
        Self { entries, letters: Vec::new() }
    }
}

/// Letters that wait, in SQL.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Seals a letter, which is kept with a change ([`Records`]); that wakes this node's sender.
    ///
    /// # Errors
    /// No randomness.
    fn seal(&self, letter: &Letter, due_at: Timestamp, expires_at: Timestamp) -> Answer<SealedLetter>;
    /// Keeps a letter until it was sent or is of no use any more, and wakes this node's sender.
    async fn put(&self, letter: &Letter, now: Timestamp, expires_at: Timestamp) -> Answer<()>;
    /// Takes letters that are due and of use, the longest due first: nobody else gets them before `until`.
    async fn lease(&self, now: Timestamp, until: Timestamp, most: u32) -> Answer<Vec<LeasedLetter>>;
    /// Settles a letter. One whose lease ended is tried again by whoever has it now.
    async fn done(&self, leased: &LeasedLetter, fate: Fate) -> Answer<()>;
    /// Drops letters that are of no use any more; says how many.
    async fn drop_expired(&self, now: Timestamp) -> Answer<u64>;
    /// The letters that wait for these people; one that cannot be read is for nobody.
    async fn addressed_to(&self, recipients: &[Recipient]) -> Answer<Vec<String>>;
    /// What the letters are that wait for these people, by [`Letter::kind`].
    async fn kinds_for(&self, recipients: &[Recipient]) -> Answer<Vec<&'static str>>;
    /// How many wait, and since when the first of them is due, or will be.
    async fn waiting(&self) -> Answer<(u64, Option<Timestamp>)>;
    /// Waits until a letter is put on this node.
    async fn wake(&self);
}

/// Why a letter was not sent. The text is for the log: it holds no address and nothing of the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bounce {
    /// It may be tried again, after this time at the earliest where the provider says so.
    Later { cause: String, after: Option<Duration> },
    /// It never will be sent.
    Never { cause: String },
}

/// What carries letters.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Sends a letter; copies of one letter have one id.
    ///
    /// # Errors
    /// Nobody took it.
    async fn send(&self, id: &str, letter: &Letter) -> Result<(), Bounce>;
}

/// What the letter of this row is sealed for.
pub fn letter_context(id: &str) -> String {
    format!("outbox:{id}")
}
