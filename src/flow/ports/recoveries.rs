//! Recovery: what belongs to a moment in the state store, and what must outlive it in SQL.

use std::borrow::Cow;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::transient::JsonRecord;
use super::{Answer, Records, TransientKind};
use crate::auth::ceremony::Recovered;
use crate::auth::factor::authenticator::TotpRecord;
use crate::auth::link_token::LinkToken;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// A code that was mailed, or nobody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailedCode {
    Waits {
        /// `None`: nobody has the name or the address that was given.
        user: Option<UserId>,
        /// Where it is to be entered.
        host: String,
        /// What stands for all that the person proves themselves with: once that is another, it leads nowhere.
        credentials: String,
        sent_at: Timestamp,
    },
    /// It has led to a recovery.
    Used,
}

impl JsonRecord for MailedCode {
    const KIND: TransientKind = TransientKind::RecoveryCode;
    type Key = LinkToken;

    fn name(key: &LinkToken) -> Cow<'_, str> {
        key.name().into()
    }
}

/// What may be set, and by what right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRecovery {
    pub recovered: Box<Recovered>,
    /// Under which [`super::Generation::credentials`] it was proved.
    pub credentials: u64,
    /// The waiting time that it stands on, by its [`WaitingRecovery::disown_key`].
    pub waited: Option<String>,
}

impl OpenRecovery {
    /// When enough was proved.
    pub const fn began(&self) -> Timestamp {
        self.recovered.ceremony().started_at
    }
}

/// A recovery in which enough was proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantedRecovery {
    Open(OpenRecovery),
    /// A request sets it; from `until` on it is open again.
    Finishing {
        open: OpenRecovery,
        until: Timestamp,
    },
    /// What was to be set is set.
    Done,
}

impl JsonRecord for GrantedRecovery {
    const KIND: TransientKind = TransientKind::Recovery;
    type Key = RecoveryToken;

    fn name(key: &RecoveryToken) -> Cow<'_, str> {
        key.name().into()
    }
}

/// A recovery that waits, in SQL: a state store that is lost must neither lose nor shorten it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRecovery {
    pub user: UserId,
    pub begun_at: Timestamp,
    /// From when on it may go on.
    pub ready_at: Timestamp,
    /// From when on it is over.
    pub ends_at: Timestamp,
    /// The digest of what ends it.
    pub disown_key: String,
    /// Under which [`super::Generation::credentials`] it was begun; under another it is over.
    pub credentials: u64,
}

/// Which recovery is meant.
#[derive(Clone, Copy, Debug)]
pub enum RecoveryRef<'a> {
    /// That of a person.
    Of(&'a UserId),
    /// By its [`WaitingRecovery::disown_key`].
    Disowned(&'a str),
}

/// A code of an administrator, as it is kept.
pub struct IssuedCode<'a> {
    pub digest: &'a str,
    pub expires_at: Timestamp,
}

/// What became of the use of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuedCodeUse {
    /// It is spent by this caller.
    First,
    /// It is right, and another one has spent it.
    Repeated,
    /// There is none that is the same.
    Unknown,
}

/// What is set anew in one step.
pub struct CredentialReset<'a> {
    pub user: &'a UserId,
    /// Under which [`super::Generation::credentials`] that was proved; under another nothing is set.
    pub credentials: u64,
    /// The waiting time that it stands on; if that is gone, nothing is set.
    pub waited: Option<&'a str>,
    pub now: Timestamp,
    pub password_hash: Option<&'a SecretText>,
    pub totp: Option<&'a TotpRecord>,
    /// The salt of backup codes, and their digests.
    pub backup: Option<(&'a [u8], &'a [Vec<u8>])>,
}

/// Recoveries that wait, and codes of administrators. The records are written in the same step as a change, if it is made.
#[async_trait]
pub trait Recoveries: Send + Sync {
    /// Keeps one unless one of that person stands; answers the one that stands now.
    async fn begin(&self, new: &WaitingRecovery, records: &Records) -> Answer<WaitingRecovery>;
    /// One that stands.
    async fn waiting(&self, which: RecoveryRef<'_>, now: Timestamp) -> Answer<Option<WaitingRecovery>>;
    /// Ends one that stands; `true` for exactly one caller.
    async fn end(&self, which: RecoveryRef<'_>, now: Timestamp, records: &Records) -> Answer<bool>;
    /// Keeps a code of an administrator in the place of any other of that person.
    async fn issue(&self, user: &UserId, code: &IssuedCode<'_>, records: &Records) -> Answer<()>;
    /// Until when a code of an administrator is good that stands.
    async fn issued(&self, user: &UserId, now: Timestamp) -> Answer<Option<Timestamp>>;
    /// Spends one by conditional write; the first for exactly one caller. It is known as spent as long as it would have been
    /// good, whatever is changed by it or ends others, until another one of that person is spent.
    async fn spend_issued(&self, user: &UserId, digest: &str, now: Timestamp) -> Answer<IssuedCodeUse>;
    /// Sets what was proved for, and ends sessions, marks, the waiting time and codes of administrators with it. `false`, and
    /// nothing is set: another one was first, or what was proved counts no more.
    async fn reset(&self, reset: &CredentialReset<'_>, records: &Records) -> Answer<bool>;
}
