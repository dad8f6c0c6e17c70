//! What lasts, in SQL: accounts, authenticators, wrong codes, what is remembered, and sealed values.

use async_trait::async_trait;

use super::{Answer, Records};
use crate::auth::event::{Event, EventKind};
use crate::auth::factor::authenticator::{Enrolled, Sealed, TotpRecord};
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::history::{ActivityCursor, ActivityPage, Failure, SignIn, TrailRow};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, Identity, UserId, Username};

/// An account as kept.
#[derive(Clone)]
pub struct Account {
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

/// An entry of the audit trail: when, in which request (if in one), what.
pub type AuditEntry = (Timestamp, Option<String>, Event);

/// A change of one account. Those that end what was granted before count up its [`Generation`] in the same step.
#[derive(Clone)]
pub enum AccountChange {
    /// Sets the password hash; ends sessions and marks.
    PasswordHash(SecretText),
    /// Sets the password hash of who knows the one before; ends marks, and sessions where that is asked for. Nothing is changed
    /// if the credentials were counted up meanwhile.
    OwnPassword {
        to: SecretText,
        /// The count of credentials under which it was asked for.
        under: u64,
        ends_sessions: bool,
    },
    /// Ends marks.
    BrowsersForgotten,
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
    /// Ends all that somebody may hold who has proved something as this person: marks, ceremonies, recoveries that wait or are
    /// granted, what was mailed, the code of an administrator; sessions where that is asked for.
    OutstandingEnded {
        /// Whether sessions end with it.
        ends_sessions: bool,
    },
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

impl AccountChange {
    /// Whether a recovery that waits ends with it, and the code of an administrator: they are about what stood before.
    pub const fn ends_recoveries(&self) -> bool {
        matches!(
            self,
            Self::PasswordHash(_) | Self::OwnPassword { .. } | Self::Disabled(true) | Self::OutstandingEnded { .. }
        )
    }
}

/// Accounts, in SQL.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// By canonical name.
    async fn find(&self, name: &Username) -> Answer<Option<Account>>;
    /// By id.
    async fn load(&self, id: &UserId) -> Answer<Option<Account>>;
    /// Makes one and writes the records in the same step; `false`, and neither, if the name is taken.
    async fn create_recorded(&self, account: &Account, records: &Records) -> Answer<bool>;
    /// Changes one and writes the records in the same step; `false`, and neither, if it is not there (or not as the change
    /// presumes).
    async fn change_recorded(&self, id: &UserId, change: AccountChange, records: &Records) -> Answer<bool>;
    /// Deletes one with its authenticators and these letters, takes its name out of the audit trail, and writes the records, in the
    /// same step; `false`, and none of it, if it was not there. It counts as [unfinished](super::Erasures) from then on.
    async fn delete_recorded(&self, id: &UserId, letters: &[String], records: &Records) -> Answer<bool>;
    /// As [`Self::create_recorded`], where nothing is written beside.
    async fn create(&self, account: &Account) -> Answer<bool> {
        self.create_recorded(account, Records::NONE).await
    }
    /// As [`Self::change_recorded`], where nothing is written beside.
    async fn change(&self, id: &UserId, change: AccountChange) -> Answer<bool> {
        self.change_recorded(id, change, Records::NONE).await
    }
    /// As [`Self::delete_recorded`], where nothing is written beside.
    async fn delete(&self, id: &UserId) -> Answer<bool> {
        self.delete_recorded(id, &[], Records::NONE).await
    }
    /// All of them, by name; behind them, why one cannot be read.
    async fn list(&self) -> Answer<Vec<Answer<Account>>>;
}

/// Authenticators, in SQL. The records are written in the same step as a change, if it is made.
#[async_trait]
pub trait Authenticators: Send + Sync {
    /// What a person has enrolled.
    async fn of(&self, user: &UserId) -> Answer<Enrolled>;
    /// Binds a TOTP authenticator in place of any other of that person; where there was one, marks end, and sessions where that
    /// is asked for.
    async fn put_totp(&self, user: &UserId, totp: &TotpRecord, ends_sessions: bool, records: &Records) -> Answer<()>;
    /// Calls an authenticator app or an address of a person so; `false` if they have none of this id. The name goes with what it
    /// names.
    async fn name(&self, user: &UserId, id: &str, name: &str) -> Answer<bool>;
    /// Spends a time step by conditional write; `true` only if every step spent before is smaller.
    async fn spend_step(&self, user: &UserId, totp: &str, step: u64, at: Timestamp) -> Answer<bool>;
    /// Replaces the backup codes by these digests.
    async fn put_backup(&self, user: &UserId, salt: &[u8], digests: &[Vec<u8>], records: &Records) -> Answer<()>;
    /// Spends a backup code by conditional write; `true` for exactly one caller.
    async fn spend_backup(&self, user: &UserId, digest: &[u8], records: &Records) -> Answer<bool>;
    /// Turns these off, as long as all that is to stay is there. No session ends by it.
    async fn disable(
        &self,
        user: &UserId,
        factors: DisabledFactors,
        staying: &[&str],
        records: &Records,
    ) -> Answer<Removal>;
    /// Removes every authenticator of a person, which ends sessions and marks; says how many.
    async fn remove_all(&self, user: &UserId, records: &Records) -> Answer<u64>;
}

/// What of two-step sign-in is turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledFactors {
    /// The authenticator app, and backup codes where nothing else is left that they stand in for.
    App,
    /// Everything but the addresses.
    All,
}

/// A passkey that was used: what its authenticator says since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    pub sign_count: u32,
    pub backup_state: bool,
    pub at: Timestamp,
}

/// What became of something that a person gives up. Judged and removed are two steps, and somebody else may remove
/// something between them: so the store is told what was to stay, by its ids, and looks in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Removal {
    Removed,
    /// The person has none of this id.
    NotFound,
    /// Something that was to stay is gone; nothing is removed, and what is left must be judged anew.
    Changed,
}

/// Passkeys and security keys, in SQL beside the other authenticators. The records are written in the same step as a
/// change, if it is made.
#[async_trait]
pub trait Passkeys: Send + Sync {
    /// By its credential id, with its owner.
    async fn find(&self, credential_id: &[u8]) -> Answer<Option<(UserId, PasskeyRecord)>>;
    /// Binds one beside those that are there; `false`, and nothing is bound, if anybody has this credential id.
    async fn add(&self, user: &UserId, passkey: &PasskeyRecord, records: &Records) -> Answer<bool>;
    /// Gives one another name; `false` if the person has none of this id.
    async fn rename(&self, user: &UserId, id: &str, name: &str) -> Answer<bool>;
    /// Removes one, as long as all that is to stay is there; it ends marks, and sessions where that is asked for, and nothing
    /// ends where it stays.
    async fn remove(
        &self,
        user: &UserId,
        id: &str,
        staying: &[&str],
        ends_sessions: bool,
        records: &Records,
    ) -> Answer<Removal>;
    /// Notes a use by conditional write; `true` only if the counter has grown, or was never counted.
    async fn record_use(&self, user: &UserId, id: &str, used: PasskeyUse) -> Answer<bool>;
}

/// One attempt at a code of a person's second factor.
pub struct CodeAttempt<'a> {
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
    /// What is written in the same step if the count switches the factor off, and taken back if it was right.
    pub records: Option<&'a Records>,
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
    /// Nothing was counted: it would switch the factor off, and comes again with its records.
    Last,
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
    /// How many wrong codes of each factor of a person are remembered.
    async fn remembered(&self, user: &UserId) -> Answer<Vec<(Method, u32)>>;
}

/// What the audit trail remembers of a person. It is written behind the answers, so the last moments may be missing.
#[async_trait]
pub trait History: Send + Sync {
    /// Sign-ins after a moment, newest first, at most `most`.
    async fn sign_ins(&self, user: &UserId, after: Timestamp, most: u32) -> Answer<Vec<SignIn>>;
    /// Rejected proofs at or after a moment, newest first, at most `most`.
    async fn failures(&self, user: &UserId, from: Timestamp, most: u32) -> Answer<Vec<Failure>>;
    /// What happened to an account from a moment on, at a cursor, the newest first.
    async fn activity(&self, user: &UserId, from: Timestamp, at: ActivityCursor, most: u32) -> Answer<ActivityPage>;
    /// When something of one of these kinds happened to an account last.
    async fn last_of(&self, user: &UserId, kinds: &[EventKind]) -> Answer<Option<Timestamp>>;
    /// Everybody's assessed sign-ins and opened sessions, from a moment on and before another, oldest first.
    async fn trail(&self, from: Timestamp, until: Timestamp) -> Answer<Vec<TrailRow>>;
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
    /// The letter of this id, which waits to be sent.
    Letter(String),
}

/// The sealed values that last, in SQL: what a rotation of the master key must reach.
#[async_trait]
pub trait SealedRows: Send + Sync {
    /// All of them.
    async fn sealed(&self) -> Answer<Vec<(SealedAt, Sealed)>>;
    /// Puts `to` in the place of `from`; `false` if something else stands there by now.
    async fn swap(&self, at: &SealedAt, from: &Sealed, to: &Sealed) -> Answer<bool>;
}
