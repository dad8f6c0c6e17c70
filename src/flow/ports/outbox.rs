//! Letters to people: written by the flows with the change that made them necessary, carried by a provider later.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Answer, StoreError};
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::time::Timestamp;

/// A letter: what its words are made from, and where it goes. It holds what must not be logged.
#[derive(Clone)]
pub enum Letter {
    /// The code of a sign-in or of a step-up.
    SignInCode(LetterCode),
    /// The code that confirms that an address is its owner's.
    AddressCode(LetterCode),
    /// Goes nowhere: written where nobody is to be reached, so that all requests cost the same.
    Nobody,
}

/// A code on its way to an address.
#[derive(Clone)]
pub struct LetterCode {
    pub to: Recipient,
    pub code: SecretText,
    /// The host at which it is to be entered.
    pub host: String,
    /// For how long it is good, from when it was made.
    pub valid: Duration,
}

/// Where a letter goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A mail address.
    Email(String),
    /// A telephone number (E.164, with `+`).
    Phone(String),
}

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

/// Letters that wait, in SQL.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Keeps a letter until it was sent or is of no use any more, and wakes this node's sender.
    async fn put(&self, letter: &Letter, now: Timestamp, expires_at: Timestamp) -> Answer<()>;
    /// Takes letters that are due and of use, the longest due first: nobody else gets them before `until`.
    async fn lease(&self, now: Timestamp, until: Timestamp, most: u32) -> Answer<Vec<LeasedLetter>>;
    /// Settles a letter. One whose lease ended is tried again by whoever has it now.
    async fn done(&self, leased: &LeasedLetter, fate: Fate) -> Answer<()>;
    /// Drops letters that are of no use any more; says how many.
    async fn drop_expired(&self, now: Timestamp) -> Answer<u64>;
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

/// The text that is sealed has a multiple of so many bytes: its length tells neither an address nor that there is none.
const BLOCK: usize = 512;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LetterRecord {
    SignInCode(CodeRecord),
    AddressCode(CodeRecord),
    Nobody,
}

#[derive(Serialize, Deserialize)]
struct CodeRecord {
    to: Recipient,
    code: String,
    host: String,
    valid_secs: u64,
}

impl Letter {
    /// What is sealed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn encode(&self) -> Answer<SecretBytes> {
        let record = match self {
            Self::SignInCode(code) => LetterRecord::SignInCode(code.into()),
            Self::AddressCode(code) => LetterRecord::AddressCode(code.into()),
            Self::Nobody => LetterRecord::Nobody,
        };
        let mut bytes = serde_json::to_vec(&record).map_err(|e| StoreError::new("database", e))?;
        let whole = bytes.len().next_multiple_of(BLOCK);
        bytes.resize(whole, b' ');
        Ok(SecretBytes::new(bytes))
    }

    /// Reads what was sealed.
    ///
    /// # Errors
    /// It is of another shape; the text repeats nothing of it.
    pub fn decode(plain: &SecretBytes) -> Answer<Self> {
        let record = serde_json::from_slice(plain.expose()).map_err(|e| {
            let text = format!("a letter cannot be read: {:?} error at column {}", e.classify(), e.column());
            StoreError::new("database", text)
        })?;
        Ok(match record {
            LetterRecord::SignInCode(code) => Self::SignInCode(code.into()),
            LetterRecord::AddressCode(code) => Self::AddressCode(code.into()),
            LetterRecord::Nobody => Self::Nobody,
        })
    }

    /// Where it goes; `None` if nowhere.
    pub const fn recipient(&self) -> Option<&Recipient> {
        match self {
            Self::SignInCode(code) | Self::AddressCode(code) => Some(&code.to),
            Self::Nobody => None,
        }
    }
}

impl From<&LetterCode> for CodeRecord {
    fn from(code: &LetterCode) -> Self {
        let LetterCode { to, code, host, valid } = code;
        Self { to: to.clone(), code: code.expose().to_owned(), host: host.clone(), valid_secs: valid.as_secs() }
    }
}

impl From<CodeRecord> for LetterCode {
    fn from(record: CodeRecord) -> Self {
        let CodeRecord { to, code, host, valid_secs } = record;
        Self { to, code: SecretText::new(code), host, valid: Duration::from_secs(valid_secs) }
    }
}
