//! What flows answer about an account as a whole.

use std::net::IpAddr;

use super::{Opened, OtherSessions, ProofsAlong, Unproved};
use crate::auth::factor::authenticator::{AddressKind, Enrolled};
use crate::auth::factor::password::Unfit;
use crate::auth::history::Activity;
use crate::auth::proof::{Method, MethodSet, Strength};
use crate::auth::secret::SecretText;
use crate::auth::session::Channel;
use crate::auth::time::Timestamp;
use crate::auth::user::Identity;
use crate::flow::agent_name::AgentName;
use crate::flow::ports::WaitingRecovery;
use crate::flow::risk::ProfileSummary;

/// What an account holds.
pub struct AccountOverview {
    /// As it is now, not as a session was opened with.
    pub identity: Identity,
    pub created_at: Timestamp,
    pub has_password: bool,
    /// Whether something is held that counts beside a password.
    pub has_second_factor: bool,
    /// What it has to prove with at the host of the session, also what is switched off.
    pub methods: MethodSet,
    /// What of that is switched off after too many wrong codes.
    pub locked: MethodSet,
    pub enrolled: Enrolled,
}

/// A password to be set, and what comes along with it.
pub struct PasswordWish {
    pub password: SecretText,
    pub along: ProofsAlong,
    /// What becomes of the other sessions of the person.
    pub others: OtherSessions,
}

/// What becomes of a new password.
pub enum PasswordChanged {
    /// It is set; the session goes on under a new token.
    Changed(Box<Opened>),
    /// It is none that is taken.
    Unfit(Unfit),
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// What came along proves nothing.
    Unproved(Unproved),
    /// Too many people are signing in at this moment (hashing is full).
    Busy,
    /// The session is over.
    Gone,
}

/// What becomes of another name for people.
pub enum ProfileChanged {
    Changed,
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// The session is over.
    Gone,
}

/// A session as its owner sees it, on all hosts that share it.
#[derive(Clone, Debug)]
pub struct SessionOverview {
    pub id: String,
    /// Sorted.
    pub hosts: Vec<String>,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// When it ends if it is not used.
    pub ends_at: Timestamp,
    pub strength: Option<Strength>,
    pub amr: Vec<&'static str>,
    /// From where it was opened.
    pub address: IpAddr,
    /// Its two letters, where that is known.
    pub country: Option<String>,
    pub agent: AgentName,
    pub channel: Channel,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// A browser that signed in, as far as that can be known.
#[derive(Clone, Debug)]
pub struct BrowserOverview {
    /// Tells it apart from others; nothing can be done with it.
    pub tag: String,
    /// What it called itself last.
    pub agent: AgentName,
    /// When it signed in first, of the sign-ins that are remembered, and last.
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// From where it signed in last.
    pub address: IpAddr,
    /// Its two letters, where that is known.
    pub country: Option<String>,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// All that is held of a person. It holds no secret.
pub struct AccountExport {
    pub at: Timestamp,
    pub overview: AccountOverview,
    pub sessions: Vec<SessionOverview>,
    pub browsers: Vec<BrowserOverview>,
    /// What is usual for them; `None`: nothing is kept.
    pub risk: Option<ProfileSummary>,
    /// The newest first.
    pub activity: Vec<Activity>,
    /// Whether there is no more than that.
    pub activity_is_whole: bool,
    /// An address that waits for its code in the session that asks.
    pub address_to_confirm: Option<(AddressKind, String)>,
    /// Whether an authenticator app waits for its first code there.
    pub app_to_confirm: bool,
    /// How the account came to be; `None`: an operator made it.
    pub origin: Option<String>,
    /// What the letters are that wait to be sent to the person.
    pub letters: Vec<&'static str>,
    pub recovery: Option<WaitingRecovery>,
    /// Until when a code of an administrator is good that lets them recover.
    pub recovery_code_until: Option<Timestamp>,
    /// The same of one that lets them set up a first factor.
    pub enrolment_code_until: Option<Timestamp>,
    /// How many wrong codes of each factor are remembered.
    pub wrong_codes: Vec<(Method, u32)>,
}

/// What becomes of the wish to take what is held.
pub enum Exported {
    Whole(Box<AccountExport>),
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// The session is over.
    Gone,
}
