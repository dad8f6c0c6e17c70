//! The ports: what the flows need of the world, in their own words. Owned here, made real in `store`.
//!
//! `Ok(None)` is "not found". A [`StoreError`] is a fault: all a caller may do is fail closed. What belongs to a moment
//! and cannot be read (damaged, or of another version) is no fault for ever: the store takes it away, says so in the log,
//! and it is "not found", so that the person begins anew. A counter that cannot be read counts as used up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::auth::factor::authenticator::{Enrolled, Sealed, TotpRecord};
use crate::auth::history::{Failure, SignIn};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::session::{Session, SessionKey};
use crate::auth::throttle::{Charge, Charged};
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, Identity, UserId, Username};

/// A store could not answer. The text is for the log; it holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{store}: {cause}")]
pub struct StoreError {
    /// Which store: `redis`, `database`, `vault`.
    pub store: &'static str,
    /// What it said.
    pub cause: String,
}

impl StoreError {
    /// A fault of `store` with the text of its cause.
    pub fn new(store: &'static str, cause: impl std::fmt::Display) -> Self {
        Self { store, cause: cause.to_string() }
    }

    /// A fault that the code's own rules exclude: it fails closed like any other.
    pub fn invariant(cause: &str) -> Self {
        Self::new("flow", cause)
    }
}

/// What every port answers.
pub type Answer<T> = Result<T, StoreError>;

/// The time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `buffer`.
    ///
    /// # Errors
    /// The system has no randomness to give; nothing may be minted then.
    fn fill(&self, buffer: &mut [u8]) -> Answer<()>;
}

/// How long the end of a session is remembered, so that its owner can be told how it ended.
pub const REMEMBERED: Duration = Duration::from_secs(12 * 3600);

/// The end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When it was used last, as far as that was noted.
    pub seen_at: Timestamp,
    /// When it ended, if it was not ended before.
    pub ends_at: Timestamp,
}

/// Sessions, by the digest of their token.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The session of a key; expired ones may still be returned, the caller judges their standing.
    async fn load(&self, key: &SessionKey) -> Answer<Option<Arc<Session>>>;
    /// Opens `new`; where `old` is given, consumes it in the same atomic step.
    /// `false`: `old` was not there any more, and nothing was opened.
    async fn replace(
        &self,
        old: Option<&SessionKey>,
        new: &SessionKey,
        session: &Session,
        ends_at: Timestamp,
    ) -> Answer<bool>;
    /// When a session was used last and when it ended or will end, for half a day after that. `None`: it was ended before
    /// its time, or never was.
    async fn end_of(&self, key: &SessionKey) -> Answer<Option<End>>;
    /// Notes a use. Does nothing if the session is gone (never revives one).
    async fn touch(&self, key: &SessionKey, seen_at: Timestamp, ends_at: Timestamp) -> Answer<()>;
    /// Ends one session. `false` if it was not there.
    async fn revoke(&self, key: &SessionKey) -> Answer<bool>;
    /// Ends every session of a person; says how many.
    async fn revoke_all(&self, user: &UserId) -> Answer<u64>;
    /// The sessions of a person; in place of one that cannot be read, why. It is left as it is.
    async fn of_user(&self, user: &UserId) -> Answer<Vec<(SessionKey, Answer<Session>)>>;
}

/// Sign-ins under way.
#[async_trait]
pub trait Ceremonies: Send + Sync {
    /// Keeps a ceremony (new or moved on) until `ttl` has passed.
    async fn put(&self, key: &CeremonyKey, ceremony: &Ceremony, ttl: Duration) -> Answer<()>;
    /// Reads one without ending it.
    async fn load(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>>;
    /// Ends one; only the first caller gets it.
    async fn take(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>>;
}

/// Small sealed values that wait for a person: a TOTP secret before its first code.
#[async_trait]
pub trait Pending: Send + Sync {
    /// Keeps a value under `key` unless one is there; answers the value that is kept now.
    async fn keep(&self, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed>;
    /// Reads it.
    async fn load(&self, key: &str) -> Answer<Option<Sealed>>;
    /// Ends it; only the first caller gets it.
    async fn take(&self, key: &str) -> Answer<Option<Sealed>>;
}

/// One-time marks.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Claims a mark; `true` for exactly one caller until `ttl` has passed.
    async fn claim(&self, mark: &str, ttl: Duration) -> Answer<bool>;
}

/// Attempt counters, shared by all nodes.
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Charges all the counters, or none where one is full; atomically.
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Answer<Charged>;
    /// Gives one attempt back on each counter, as far as it has not drained since it brought the counter to the state
    /// beside it: for an attempt that was right, or was not evaluated.
    async fn give_back(&self, charged: &[(Charge, Timestamp)], now: Timestamp) -> Answer<()>;
    /// Forgets counters: only ever after a full success.
    async fn forgive(&self, keys: &[String]) -> Answer<()>;
}

/// An account as kept.
#[derive(Clone)]
pub struct Account {
    /// Who.
    pub identity: Identity,
    /// The password hash (PHC string), if there is a password.
    pub password_hash: Option<SecretText>,
    /// Whether it may sign in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its owner signed in last.
    pub last_login_at: Option<Timestamp>,
    /// How often what was granted to it came to an end.
    pub generation: Generation,
}

/// Counts the endings of what was granted to an account. What was granted under an earlier count is over, whoever
/// still keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Other credentials, or disabled: ends the marks of browsers.
    pub credentials: u64,
    /// The same, and every other ending of all sessions: ends sessions.
    pub sessions: u64,
}

/// A change of one account. Those that end what was granted before count up its [`Generation`] in the same step.
#[derive(Clone)]
pub enum AccountChange {
    /// Sets the password hash; ends sessions and marks.
    PasswordHash(SecretText),
    /// Renews the hash of the same password; nothing is changed if another hash stands there by now.
    Rehash {
        /// The hash that was verified.
        from: SecretText,
        /// The new one.
        to: SecretText,
    },
    /// Disables it, which ends sessions and marks, or enables it.
    Disabled(bool),
    /// Puts it into these groups, and out of all others; ends sessions.
    Groups(Vec<Group>),
    /// Ends sessions.
    SessionsEnded,
    /// Notes a sign-in.
    LoggedIn(Timestamp),
    /// Sets the name for people and the mail address, each where one is given; an inner `None` takes it away.
    Profile {
        /// The name for people.
        name: Option<Option<String>>,
        /// The mail address.
        email: Option<Option<String>>,
    },
}

/// Accounts, in SQL.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// By canonical name.
    async fn find(&self, name: &Username) -> Answer<Option<Account>>;
    /// By id.
    async fn load(&self, id: &UserId) -> Answer<Option<Account>>;
    /// Makes one; `false` if the name is taken.
    async fn create(&self, account: &Account) -> Answer<bool>;
    /// Changes one; `false` if it is not there (or not as the change presumes).
    async fn change(&self, id: &UserId, change: AccountChange) -> Answer<bool>;
    /// Deletes one with its authenticators; `false` if it was not there.
    async fn delete(&self, id: &UserId) -> Answer<bool>;
    /// All of them, by name; behind them, why one cannot be read.
    async fn list(&self) -> Answer<Vec<Answer<Account>>>;
}

/// Authenticators, in SQL.
#[async_trait]
pub trait Authenticators: Send + Sync {
    /// What a person has enrolled.
    async fn of(&self, user: &UserId) -> Answer<Enrolled>;
    /// Binds a TOTP authenticator in place of any other of that person; where there was one, sessions and marks end.
    async fn put_totp(&self, user: &UserId, totp: &TotpRecord) -> Answer<()>;
    /// Spends a time step by conditional write; `true` only if every step spent before is smaller.
    async fn spend_step(&self, user: &UserId, totp: &str, step: u64, at: Timestamp) -> Answer<bool>;
    /// Replaces the backup codes by these digests.
    async fn put_backup(&self, user: &UserId, salt: &[u8], digests: &[Vec<u8>]) -> Answer<()>;
    /// Spends a backup code by conditional write; `true` for exactly one caller.
    async fn spend_backup(&self, user: &UserId, digest: &[u8]) -> Answer<bool>;
    /// Removes every authenticator of a person, which ends sessions and marks; says how many.
    async fn remove_all(&self, user: &UserId) -> Answer<u64>;
}

/// One attempt at a code of a person's second factor.
pub struct CodeAttempt<'a> {
    /// Whose.
    pub user: &'a UserId,
    /// Of which factor.
    pub method: Method,
    /// Stands for where it comes from; no address.
    pub place: &'a str,
    /// How many wrong ones switch the factor off.
    pub tries: u32,
    /// When.
    pub now: Timestamp,
    /// Wrong ones of a place whose last was before this count no more.
    pub forget_before: Timestamp,
}

/// What a count of wrong codes answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Counted {
    /// It may be evaluated, and counts as wrong until it is forgiven or taken back.
    Go {
        /// Whether the factor is switched off unless this one is right.
        last: bool,
    },
    /// The factor is switched off.
    Locked,
}

/// Wrong codes, in SQL beside the authenticators: what switches a second factor off (SP 800-63B-4 §3.2.2).
#[async_trait]
pub trait Lockouts: Send + Sync {
    /// Counts an attempt as wrong before it is evaluated, atomically.
    async fn count(&self, attempt: &CodeAttempt<'_>) -> Answer<Counted>;
    /// Takes back an attempt that was not evaluated.
    async fn take_back(&self, attempt: &CodeAttempt<'_>) -> Answer<()>;
    /// Forgives all of that place: this one was right.
    async fn forgive(&self, attempt: &CodeAttempt<'_>) -> Answer<()>;
    /// Switches every factor of a person on again and forgives all; answers which had been off.
    async fn unlock(&self, user: &UserId) -> Answer<MethodSet>;
}

/// What the audit trail remembers of a person. It is written behind the answers, so the last moments may be missing.
#[async_trait]
pub trait History: Send + Sync {
    /// Sign-ins after a moment, newest first, at most `most`.
    async fn sign_ins(&self, user: &UserId, after: Timestamp, most: u32) -> Answer<Vec<SignIn>>;
    /// Rejected proofs at or after a moment, newest first, at most `most`.
    async fn failures(&self, user: &UserId, from: Timestamp, most: u32) -> Answer<Vec<Failure>>;
}

/// Seals secrets at rest, with the master key.
pub trait Vault: Send + Sync {
    /// Seals `plain` so that it opens only with the same `context`.
    ///
    /// # Errors
    /// No randomness.
    fn seal(&self, context: &str, plain: &SecretBytes) -> Answer<Sealed>;
    /// Opens what was sealed with any key still in the ring.
    ///
    /// # Errors
    /// Another key, another context, or damaged.
    fn open(&self, context: &str, sealed: &Sealed) -> Answer<SecretBytes>;
    /// Seals anew what an older key sealed; `None` if that is not needed.
    ///
    /// # Errors
    /// It does not open, or there is no randomness.
    fn reseal(&self, context: &str, sealed: &Sealed) -> Answer<Option<Sealed>>;
    /// A keyed digest for a purpose (device cookies): HMAC-SHA-256 under a key derived for it.
    fn digest(&self, purpose: &str, data: &[u8]) -> [u8; 32];
}

/// A key that signs assertions, shared by all nodes.
#[derive(Clone)]
pub struct SigningKey {
    /// Its `kid`.
    pub kid: String,
    /// The private key, PKCS#8 DER, sealed.
    pub private: Sealed,
    /// The public JWK, JSON.
    pub public_jwk: String,
    /// From when on it signs. It is published at once.
    pub signs_from: Timestamp,
    /// From when on it is no longer published; `None` while it is wanted.
    pub retired_at: Option<Timestamp>,
}

/// Signing keys, in SQL.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All keys, oldest first.
    async fn all(&self) -> Answer<Vec<SigningKey>>;
    /// Adds a key if the newest one is still `after` (`None`: if there is none); `false` if another node was first.
    async fn add(&self, after: Option<&str>, key: &SigningKey) -> Answer<bool>;
    /// Drops keys retired before `now`.
    async fn prune(&self, now: Timestamp) -> Answer<()>;
}

/// Whose secret a sealed value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealedAt {
    /// The TOTP authenticator of a person.
    Totp(UserId),
    /// The signing key of this `kid`.
    Signing(String),
}

/// The sealed values that last, in SQL: what a rotation of the master key must reach.
#[async_trait]
pub trait SealedRows: Send + Sync {
    /// All of them.
    async fn sealed(&self) -> Answer<Vec<(SealedAt, Sealed)>>;
    /// Puts `to` in the place of `from`; `false` if something else stands there by now.
    async fn swap(&self, at: &SealedAt, from: &Sealed, to: &Sealed) -> Answer<bool>;
}

/// Every store a flow may use.
#[derive(Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Sign-ins under way.
    pub ceremonies: Arc<dyn Ceremonies>,
    /// Values that wait for a person.
    pub pending: Arc<dyn Pending>,
    /// One-time marks.
    pub ledger: Arc<dyn Ledger>,
    /// Attempt counters.
    pub throttle: Arc<dyn Throttle>,
    /// Accounts.
    pub accounts: Arc<dyn Accounts>,
    /// Authenticators.
    pub authenticators: Arc<dyn Authenticators>,
    /// Wrong codes.
    pub lockouts: Arc<dyn Lockouts>,
    /// What is remembered.
    pub history: Arc<dyn History>,
    /// Sealing.
    pub vault: Arc<dyn Vault>,
    /// Signing keys.
    pub signing_keys: Arc<dyn SigningKeys>,
    /// Sealed values.
    pub sealed_rows: Arc<dyn SealedRows>,
}
