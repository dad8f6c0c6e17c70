//! The ports: what the flows need of the world, in their own words. Owned here, made real in `store`.
//!
//! `Ok(None)` is "not found". A [`StoreError`] is a fault: all a caller may do is fail closed. What belongs to a moment
//! and cannot be read (damaged, or of another version) is no fault for ever: the store takes it away, says so in the log,
//! and it is "not found", so that the person begins anew. A profile that cannot be read stays, and is a fault until it is
//! forgotten: it may have been the pin of somebody. A counter that cannot be read counts as used up.

mod accounts;
mod addresses;
mod breached_passwords;
mod ceremonies;
mod counters;
mod deletion;
mod forms;
mod letters;
mod notices;
mod one_time_codes;
mod outbox;
mod passkey_challenge;
mod places;
mod recipient;
mod recoveries;
mod risk_profiles;
mod sessions;
mod sign_in_link;
mod sign_ups;
mod slips;
mod sweep;
mod traces;
mod transient;
mod view;

pub use accounts::*;
pub use addresses::Addresses;
pub use breached_passwords::BreachedPasswords;
pub use counters::{Ledger, Quota, Quotas, Throttle};
pub use deletion::{DeletionLink, Erasures, Remainder};
pub use letters::{Letter, LetterCode, LetterLink, LinkPurpose};
pub use notices::{LetterNotice, NoticeLink, NoticeOrigin};
pub use one_time_codes::{Attempted, CodeDigest, OneTimeCodes};
pub use outbox::{Bounce, Fate, LeasedLetter, Notifier, Outbox, Records, SealedLetter, letter_context};
pub use passkey_challenge::{ApprovalChallenge, ChallengePurpose, IssuedChallenge};
pub use places::Places;
pub use recipient::Recipient;
pub use recoveries::{
    CredentialReset, GrantedRecovery, IssuedCode, IssuedCodeUse, MailedCode, OpenRecovery, Recoveries, RecoveryRef,
    WaitingRecovery,
};
pub use sessions::{End, EndReason, Ended, REMEMBERED, Sessions};
pub use sign_in_link::SignInLink;
pub use sign_ups::{
    Claim, ConfirmedAccount, Invitation, LetterKey, Made, Origin, PendingSignUp, SignUpKey, SignUpLink, SignUps,
};
pub use sweep::{IsMeant, Sweep, SweepStep, SweptEntry};
pub use transient::{Taken, Transient, TransientKind, Typed};
pub use view::{Held, View, record_context};

use std::sync::Arc;

use crate::auth::ceremony::Ceremony;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::handoff::Ticket;
use crate::auth::held_request::{FormOwner, HeldRequest};
use crate::auth::proof::Slip;
use crate::auth::secret::SecretBytes;
use crate::auth::time::Timestamp;
use crate::auth::trace::DecisionTrace;
use crate::risk::Profile;

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

    /// A record that cannot be read, where the store answered.
    pub fn unreadable(cause: impl std::fmt::Display) -> Self {
        Self::new("state", cause)
    }

    /// Whether the store answered, with a record that cannot be read.
    pub fn is_unreadable(&self) -> bool {
        self.store == "state"
    }

    /// A fault that the code's own rules exclude: it fails closed like any other.
    pub fn invariant(cause: &str) -> Self {
        Self::new("flow", cause)
    }
}

/// The version of the records of sessions and moments that this program writes, and the latest that it reads. A shape that
/// narrows what a record permits needs a later one: nodes that do not know it leave such a record alone.
pub const RECORD_VERSION: u8 = 2;

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

/// Every store a flow may use.
#[derive(Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    pub sessions: Arc<dyn Sessions>,
    /// All values of a moment, whatever they are.
    pub transient: Arc<dyn Transient>,
    /// All that is kept beside sessions, for whoever looks through it.
    pub sweep: Arc<dyn Sweep>,
    /// Sign-ins under way, and the enrolments in sign-ins and sessions.
    pub ceremonies: View<Ceremony>,
    /// Tickets from where people sign in to the hosts of apps.
    pub tickets: View<Ticket>,
    /// WebAuthn challenges that wait for their answer.
    pub challenges: View<IssuedChallenge>,
    /// Sign-ins that wait for a link to be followed.
    pub sign_in_links: View<SignInLink>,
    /// Deletions that wait for a link to be followed.
    pub deletions: View<DeletionLink>,
    /// Forms that wait to be sent.
    pub forms: View<HeldRequest>,
    /// Proofs for one request.
    pub slips: View<Slip>,
    /// What the links in letters about changes stand for.
    pub notice_links: View<NoticeLink>,
    /// Whose a form is that nobody had signed in for.
    pub form_owners: View<FormOwner>,
    /// Sign-ups that wait until their address is confirmed.
    pub pending_sign_ups: View<PendingSignUp>,
    /// The links and codes that were sent for them.
    pub sign_up_links: View<SignUpLink>,
    /// How many forms wait.
    pub quotas: Arc<dyn Quotas>,
    /// What is usual for each person.
    pub profiles: View<Profile>,
    /// Why requests were challenged or refused.
    pub traces: View<DecisionTrace>,
    /// Codes that were sent to a person.
    pub codes: Arc<dyn OneTimeCodes>,
    /// One-time marks.
    pub ledger: Arc<dyn Ledger>,
    /// Attempt counters.
    pub throttle: Arc<dyn Throttle>,
    pub accounts: Arc<dyn Accounts>,
    pub authenticators: Arc<dyn Authenticators>,
    pub addresses: Arc<dyn Addresses>,
    pub passkeys: Arc<dyn Passkeys>,
    /// Accounts that are gone.
    pub erasures: Arc<dyn Erasures>,
    /// Codes of recovery that were mailed.
    pub mailed_codes: View<MailedCode>,
    /// Recoveries in which enough was proved.
    pub recoveries_granted: View<GrantedRecovery>,
    /// Recoveries that wait, and codes of administrators.
    pub recoveries: Arc<dyn Recoveries>,
    /// Accounts that people make for themselves.
    pub sign_ups: Arc<dyn SignUps>,
    /// Wrong codes.
    pub lockouts: Arc<dyn Lockouts>,
    /// What is remembered.
    pub history: Arc<dyn History>,
    /// Sealing.
    pub vault: Arc<dyn Vault>,
    pub signing_keys: Arc<dyn SigningKeys>,
    /// Letters that wait to be sent.
    pub outbox: Arc<dyn Outbox>,
    /// Sealed values.
    pub sealed_rows: Arc<dyn SealedRows>,
    /// Where addresses are used.
    pub places: Arc<dyn Places>,
    /// Passwords that became known.
    pub breached: Arc<dyn BreachedPasswords>,
}
