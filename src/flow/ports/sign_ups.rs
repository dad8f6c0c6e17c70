//! Accounts that people make for themselves: what waits for its confirmation, as values of a moment, and in SQL the
//! invitations and the one step that makes an account.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::transient::JsonRecord;
use super::{Account, Answer, Records, TransientKind};
use crate::auth::factor::authenticator::AddressRecord;
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, UserId};

/// A sign-up that waits until its address is confirmed. There is one an address, so that code and link find the same.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingSignUp {
    pub email: String,
    /// Who wants to make an account of it, newest first: whoever confirms it must be one of them.
    pub claims: Vec<Claim>,
    /// The address has an account: nothing makes another one.
    pub taken: bool,
    /// When it is over.
    pub ends_at: Timestamp,
    /// Until when one request keeps others from confirming it; from then on it is open again.
    pub confirming_until: Option<Timestamp>,
}

impl PendingSignUp {
    /// For how long at most one request keeps others from confirming: longer than any store is waited for.
    pub const CONFIRMING_LASTS: Duration = Duration::from_secs(10);

    /// Whether a request confirms it at this moment, which may fail.
    pub fn is_confirmed_at(&self, now: Timestamp) -> bool {
        self.confirming_until.is_some_and(|until| until > now)
    }

    /// For how long it is to be kept.
    pub fn lives(&self, now: Timestamp) -> Duration {
        self.ends_at.max(self.confirming_until.unwrap_or(self.ends_at)).since(now)
    }
}

/// Somebody who began a sign-up.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The user name; the address, if none was given.
    pub username: String,
    /// A PHC string.
    pub password_hash: String,
    pub enable_mfa: bool,
    /// A keyed digest of what binds the browser that began it; scripts have none.
    pub browser: Option<String>,
}

/// Names a pending sign-up: a keyed digest of its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUpKey(pub String);

impl JsonRecord for PendingSignUp {
    const KIND: TransientKind = TransientKind::SignUp;
    type Key = SignUpKey;

    fn name(key: &SignUpKey) -> Cow<'_, str> {
        key.0.as_str().into()
    }
}

/// Where the link, or the code, of a letter leads.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignUpLink {
    pub leads_to: SignUpKey,
    /// It made an account.
    pub done: bool,
}

/// Names the link or the code of a letter: a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterKey(pub String);

impl JsonRecord for SignUpLink {
    const KIND: TransientKind = TransientKind::SignUpLink;
    type Key = LetterKey;

    fn name(key: &LetterKey) -> Cow<'_, str> {
        key.0.as_str().into()
    }
}

/// An operator's invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub id: String,
    /// Empty once it was used, as the groups are.
    pub email: String,
    /// The groups of the account.
    pub groups: Vec<Group>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When it made an account.
    pub used_at: Option<Timestamp>,
}

impl Invitation {
    /// Whether it can still make an account.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }
}

/// How an account came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    SignUp,
    /// By the invitation of this id.
    Invitation(&'a str),
}

impl Origin<'_> {
    /// The word that is kept of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::Invitation(_) => "invitation",
        }
    }
}

/// An account with the address that was confirmed for it.
pub struct ConfirmedAccount<'a> {
    pub account: &'a Account,
    pub address: &'a AddressRecord,
    pub origin: Origin<'a>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Made {
    Made,
    NameTaken,
    AddressTaken,
    /// The invitation was used, revoked, or is too old.
    NotInvited,
}

/// Accounts that people make for themselves, in SQL.
#[async_trait]
pub trait SignUps: Send + Sync {
    /// Makes an account with its address, uses the invitation up, and writes the records, all in one step or nothing.
    async fn make(&self, made: &ConfirmedAccount<'_>, records: &Records) -> Answer<Made>;
    /// How an account came to be; `None`: an operator made it, or nobody noted it.
    async fn origin(&self, user: &UserId) -> Answer<Option<String>>;
    /// Keeps an invitation under the digest of its token, in the place of those that the address had, and drops those whose
    /// time is over; says whether it had one that was still good.
    async fn invite(&self, invitation: &Invitation, key: &str, records: &Records) -> Answer<bool>;
    /// Drops invitations whose time is over, and what names people in those that were used; says how many.
    async fn drop_invitations(&self, now: Timestamp) -> Answer<u64>;
    /// The invitation of a token, by its digest.
    async fn invitation(&self, key: &str) -> Answer<Option<Invitation>>;
    /// All of them, newest first.
    async fn invitations(&self) -> Answer<Vec<Invitation>>;
    /// Takes an invitation back that was not used; `false`: there is none.
    async fn revoke_invitation(&self, id: &str, records: &Records) -> Answer<bool>;
}
