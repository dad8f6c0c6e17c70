//! A form that met a challenge and waits until it may be sent (ADR 0027).
//!
//! Two identifiers find it, and neither alone: [`FormId`] travels in the addresses of our pages, [`HolderToken`] in a cookie.
//! It is for the person and the session that sent it, or, where nobody was signed in, for the first who signs in on the way
//! that it began.

mod admission;
mod bytes;
mod shown;
mod tokens;

use serde::{Deserialize, Serialize};

use super::event::FormRecord;
use super::secret::SecretBytes;
use super::session::Session;
use super::time::Timestamp;
use super::user::UserId;

pub use admission::{FormTraits, FormType, HoldTerms, NotHeld};
pub use bytes::Unreadable;
pub use shown::{ShownField, ShownValue, shown_fields};
pub use tokens::{
    FormId, FormKeys, HolderToken, REPLAY_BYTES, REPLAY_FIELD, is_marked_as_replay, may_become_replay, replayed,
};

use std::time::Duration;

/// How long a form waits.
pub const FORM_WAITS: Duration = Duration::from_secs(15 * 60);

/// Whose a form is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormOwner {
    pub user: UserId,
    /// The id of the session, which a step-up keeps and a sign-out ends.
    pub session: String,
}

impl FormOwner {
    pub fn of(session: &Session) -> Self {
        Self { user: session.identity.id.clone(), session: session.id.clone() }
    }
}

/// A request with a body, as it came, but for what is the same whoever sends it again.
#[derive(Clone)]
pub struct HeldRequest {
    pub head: HeldHead,
    pub body: SecretBytes,
}

impl HeldRequest {
    /// What the trail keeps of it, whose body has this digest.
    pub fn record(&self, rule: Option<&str>, digest: [u8; 32]) -> FormRecord {
        let HeldHead { host, method, target, .. } = &self.head;
        FormRecord::new(rule, (host, method, target), (digest, self.body.expose().len()))
    }
}

/// What is kept beside the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldHead {
    /// The app's host.
    pub host: String,
    pub method: String,
    /// Path and query as the gateway judged them.
    pub target: String,
    pub content_type: String,
    /// What the browser said about the page with the form: apps look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referer: Option<String>,
    /// `None`: nobody was signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<FormOwner>,
    pub held_at: Timestamp,
    /// The quotas that it counts for.
    #[serde(default)]
    pub quotas: Vec<String>,
}

impl HeldHead {
    /// Whether it is this request that is made again.
    pub fn is_of(&self, host: &str, method: &str, target: &str) -> bool {
        (self.host.as_str(), self.method.as_str(), self.target.as_str()) == (host, method, target)
    }

    /// Whether it waited no longer than that.
    pub fn is_within(&self, wait: Duration, now: Timestamp) -> bool {
        now.since(self.held_at) < wait
    }
}
