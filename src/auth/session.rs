//! Sessions: an opaque token outside, a digest and a record inside.

mod pinned;

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::proof::Proofs;
use super::secret::SecretText;
use super::time::Timestamp;
use super::token;
pub use super::token::TOKEN_BYTES;
use super::user::Identity;
pub use pinned::{AgentDigest, Pinned, PinnedPlace};

/// The bearer secret of one session on one host: 256 bits, opaque. Never stored.
#[derive(Clone)]
pub struct SessionToken(SecretText);

/// What stores know of a token: its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 32]);

/// What every session token begins with, and no other token, so that it is known wherever it turns up.
pub const SESSION_PREFIX: &str = "sgs_";

impl SessionToken {
    /// Makes a token of fresh random bytes.
    pub fn mint(random: &[u8; TOKEN_BYTES]) -> Self {
        Self(token::mint(SESSION_PREFIX, random))
    }

    /// Reads a token that a client sent; `None` unless it has exactly the shape of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        token::parse(SESSION_PREFIX, text).map(Self)
    }

    /// The text for the cookie or the `access_token`.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The digest under which the session is kept.
    pub fn key(&self) -> SessionKey {
        SessionKey(Sha256::digest(self.0.expose().as_bytes()).into())
    }
}

impl SessionKey {
    /// A key from a store's own representation.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest as text, for store keys.
    pub fn encoded(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// Reads what [`Self::encoded`] wrote.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

/// How the holder of a session presents its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A browser, by cookie.
    Cookie,
    /// A script, by `Authorization: Bearer`.
    Bearer,
}

/// What is known of a signed-in person on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Names the session across rotations of its token (a ULID); the `sid` told to apps. No secret.
    pub id: String,
    pub identity: Identity,
    /// What they proved and when.
    pub proofs: Proofs,
    /// The app host it is bound to.
    pub host: String,
    /// How its token travels.
    pub channel: Channel,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used (coarse: see [`Lifetimes::touch_after`]).
    pub seen_at: Timestamp,
    /// When the person had signed in before this session.
    pub previous_login: Option<Timestamp>,
    /// From where it was opened.
    pub client_ip: IpAddr,
    /// The browser that opened it, as it named itself, cut to 200 bytes.
    pub user_agent: Option<String>,
    /// How often all sessions of its owner had been ended when it was opened. Under a later count it is over.
    pub generation: u64,
    /// Where and with what it was opened, or rose last; `None` in records of the version before, or where risk is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
    /// Kept in memory alone.
    #[serde(skip)]
    pub checked: OwnerCheck,
}

/// When a node last made sure that a session's owner may still have it. Shared by whoever holds the session; it says nothing
/// of the session itself, so all are equal.
#[derive(Debug, Default)]
pub struct OwnerCheck {
    at: AtomicU64,
    begun: AtomicU64,
    failing: AtomicBool,
}

impl OwnerCheck {
    /// When that was; the zero of time if never.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at.load(Relaxed))
    }

    /// It was made sure of at this moment.
    pub fn note(&self, at: Timestamp) {
        self.at.store(at.as_millis(), Relaxed);
    }

    /// Whether the caller is the one to make sure again, of those who ask within `pause`.
    pub fn begin(&self, now: Timestamp, pause: Duration) -> bool {
        let begun = self.begun.load(Relaxed);
        let due = begun > now.as_millis() || now.since(Timestamp::from_millis(begun)) >= pause;
        due && self.begun.compare_exchange(begun, now.as_millis(), Relaxed, Relaxed).is_ok()
    }

    /// Whether the last try got no answer.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    /// Notes whether a try got no answer.
    pub fn fails(&self, failing: bool) {
        self.failing.store(failing, Relaxed);
    }
}

impl Clone for OwnerCheck {
    fn clone(&self) -> Self {
        let copy = |number: &AtomicU64| AtomicU64::new(number.load(Relaxed));
        Self { at: copy(&self.at), begun: copy(&self.begun), failing: AtomicBool::new(self.is_failing()) }
    }
}

impl PartialEq for OwnerCheck {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for OwnerCheck {}

/// How long sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Without use.
    pub idle: Duration,
    /// In all.
    pub absolute: Duration,
}

/// What a session is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Live,
    /// Not used for too long.
    Idle,
    /// Too old.
    Expired,
}

impl Lifetimes {
    /// What a session is worth at `now`.
    pub fn standing(&self, session: &Session, now: Timestamp) -> Standing {
        if now.since(session.created_at) >= self.absolute {
            Standing::Expired
        } else if now.since(session.seen_at) >= self.idle {
            Standing::Idle
        } else {
            Standing::Live
        }
    }

    /// When the session ends if it is not used again.
    pub fn ends_at(&self, session: &Session) -> Timestamp {
        session.seen_at.plus(self.idle).min(session.created_at.plus(self.absolute))
    }

    /// How stale `seen_at` may get before use is written to the store: a fiftieth of the idle time.
    pub fn touch_after(&self) -> Duration {
        (self.idle / 50).min(Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The shape is told exactly as decoding would tell it.
        #[test]
        fn a_token_is_well_formed_if_it_decodes(
            text in "sgs_[A-Za-z0-9_-]{43}|sgs_[A-Za-z0-9_=+/-]{42,44}|sg[st]_[A-Za-z0-9_-]{43}", random: [u8; 32],
        ) {
            let decodes = |text: &str| {
                let bytes = text.strip_prefix(SESSION_PREFIX).map(|body| BASE64URL_NOPAD.decode(body.as_bytes()));
                matches!(bytes, Some(Ok(bytes)) if bytes.len() == TOKEN_BYTES)
            };
            prop_assert_eq!(SessionToken::parse(&text).is_some(), decodes(&text), "{}", text);
            prop_assert!(SessionToken::parse(SessionToken::mint(&random).expose()).is_some());
        }
    }
}
