//! What belongs to a moment: values under a kind and a key that end by themselves. A store sees sealed bytes.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Answer, StoreError};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::secret::SecretBytes;
use crate::auth::time::Timestamp;

/// The kinds of values. A new kind is a variant here and a row in [`TransientKind::facts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransientKind {
    /// A sign-in under way, or an enrolment.
    Ceremony,
    /// A sealed value that waits; the version before kept the secrets of enrolments so.
    Pending,
    /// The way from where somebody signed in to the host of an app.
    Ticket,
    /// A WebAuthn challenge that waits for its answer.
    Challenge,
    /// What is usual for a person.
    RiskProfile,
    /// A form that waits until it may be sent, and whose it is.
    Form,
    /// A proof for one request.
    Slip,
    /// Why a request was challenged or refused.
    Trace,
    /// A sign-in that waits for the link in a letter.
    SignInLink,
    /// The end of an account that waits for the link in a letter.
    Deletion,
    /// What the link in a letter about a change stands for.
    Notice,
    /// A mailed code that lets somebody recover.
    RecoveryCode,
    /// Credentials that may be set anew.
    Recovery,
    /// An account that waits until its address is confirmed.
    SignUp,
    /// The link or the code that confirms it.
    SignUpLink,
}

/// What a store must know of a kind.
struct KindFacts {
    name: &'static str,
    prefix: &'static str,
    size_cap: usize,
    unreadable: &'static str,
}

impl TransientKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Ceremony,
        Self::Pending,
        Self::Ticket,
        Self::Challenge,
        Self::Form,
        Self::Slip,
        Self::Notice,
        Self::RiskProfile,
        Self::Trace,
        Self::SignInLink,
        Self::Deletion,
        Self::RecoveryCode,
        Self::Recovery,
        Self::SignUp,
        Self::SignUpLink,
    ];

    const fn facts(self) -> KindFacts {
        match self {
            Self::Ceremony => KindFacts {
                name: "ceremony",
                prefix: "c1:",
                size_cap: 16 << 10,
                unreadable: "a sign-in under way that cannot be read was ended; it can be begun again",
            },
            Self::Ticket => KindFacts {
                name: "ticket",
                prefix: "t1:",
                size_cap: 32 << 10,
                unreadable: "a ticket to an app that cannot be read was dropped; the app leads to another one",
            },
            Self::Pending => KindFacts {
                name: "pending",
                prefix: "p1:",
                size_cap: 4 << 10,
                unreadable: "a secret waiting for its first code cannot be read and was dropped; there will be a new one",
            },
            Self::RiskProfile => KindFacts {
                name: "risk_profile",
                prefix: "r1:",
                size_cap: 3 << 10,
                unreadable: "what is usual for a person cannot be read: `risk.fail` says what follows until `stepgate risk \
                    erase` forgets it; were it that they are pinned, they count so until `stepgate risk clear`",
            },
            Self::Challenge => KindFacts {
                name: "challenge",
                prefix: "w1:",
                size_cap: 2 << 10,
                unreadable: "a challenge to a passkey cannot be read and was dropped; there will be a new one",
            },
            Self::Trace => KindFacts {
                name: "trace",
                prefix: "d1:",
                size_cap: 16 << 10,
                unreadable: "why a request was turned away cannot be read and was dropped; the access log has it",
            },
            Self::SignInLink => KindFacts {
                name: "sign_in_link",
                prefix: "li1:",
                // The query of a page, in which a handoff may travel.
                size_cap: 16 << 10,
                unreadable: "a link to sign in that cannot be read was dropped; another one can be asked for",
            },
            Self::Deletion => KindFacts {
                name: "deletion",
                prefix: "de1:",
                size_cap: 8 << 10,
                unreadable: "the deletion of an account that cannot be read was dropped; it can be asked for again",
            },
            Self::RecoveryCode => KindFacts {
                name: "recovery_code",
                prefix: "m1:",
                size_cap: 2 << 10,
                unreadable: "a mailed code of a recovery cannot be read and was dropped; another one can be asked for",
            },
            Self::Recovery => KindFacts {
                name: "recovery",
                prefix: "v1:",
                size_cap: 16 << 10,
                unreadable: "a recovery under way cannot be read and was ended; it can be begun again",
            },
            Self::SignUp => KindFacts {
                name: "sign_up",
                prefix: "su1:",
                size_cap: 8 << 10,
                unreadable: "a sign-up that cannot be read was dropped; it can be begun again",
            },
            Self::SignUpLink => KindFacts {
                name: "sign_up_link",
                prefix: "sl1:",
                size_cap: 1 << 10,
                unreadable: "the link of a sign-up cannot be read and was dropped; another one can be asked for",
            },
            Self::Slip => KindFacts {
                name: "slip",
                prefix: "o1:",
                // The names of an app's rules.
                size_cap: 16 << 10,
                unreadable: "a proof for one request cannot be read and was dropped; it is asked for again",
            },
            Self::Notice => KindFacts {
                name: "notice",
                prefix: "n1:",
                size_cap: 4 << 10,
                unreadable: "what a link in a letter stands for cannot be read and was dropped; signing out everywhere does the same",
            },
            Self::Form => KindFacts {
                name: "form",
                prefix: "h1:",
                // The largest body, a head, and what sealing adds.
                size_cap: (1 << 20) + (64 << 10),
                unreadable: "a form that waited to be sent cannot be read and was dropped; it must be filled in again",
            },
        }
    }

    /// Its name in logs, in seals and in tables.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// What stands before its keys where all kinds share one space of names.
    pub const fn prefix(self) -> &'static str {
        self.facts().prefix
    }

    /// The most bytes that a value of it has.
    pub const fn size_cap(self) -> usize {
        self.facts().size_cap
    }

    /// What becomes of a value of it that cannot be read, for the log.
    pub const fn unreadable(self) -> &'static str {
        self.facts().unreadable
    }

    /// Whether a value of it that cannot be read stays, and is a fault: that there is one says something.
    pub const fn outlives_damage(self) -> bool {
        matches!(self, Self::RiskProfile)
    }

    /// The fault of a value of it that cannot be read.
    pub fn broken(self, why: impl std::fmt::Display) -> StoreError {
        StoreError::unreadable(format!("a record of kind `{}` cannot be read: {why}", self.name()))
    }

    /// The same value, if it is not too large to be kept.
    ///
    /// # Errors
    /// It is.
    pub fn sized(self, value: &Sealed) -> Answer<&Sealed> {
        let KindFacts { name, size_cap, .. } = self.facts();
        if value.0.len() <= size_cap {
            return Ok(value);
        }
        let text = format!("a value of kind `{name}` has {} bytes, of {size_cap} at most", value.0.len());
        Err(StoreError::new("state", text))
    }
}

/// A value that was taken, and when it would have ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Taken {
    pub value: Sealed,
    /// Its end.
    pub ends_at: Timestamp,
}

/// Values that end by themselves. One that this program cannot read as a record at all is taken away and reported, and is
/// then not there, but for kinds that outlive damage: of these it stays, and reading it is a fault. One of a later version
/// is left alone, and is not there either.
#[async_trait]
pub trait Transient: Send + Sync {
    /// Keeps a value, in place of any other, until `ttl` has passed.
    async fn put(&self, kind: TransientKind, key: &str, value: &Sealed, ttl: Duration) -> Answer<()>;
    /// Keeps a value unless one is there; answers the one that is kept now.
    async fn put_new(&self, kind: TransientKind, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed>;
    /// Reads one without ending it.
    async fn load(&self, kind: TransientKind, key: &str) -> Answer<Option<Sealed>>;
    /// Ends one; only the first caller gets it.
    async fn take(&self, kind: TransientKind, key: &str) -> Answer<Option<Taken>>;
    /// Keeps what was taken for the rest of its life; `false` if another value is there by now, or that life is over.
    async fn put_back(&self, kind: TransientKind, key: &str, taken: &Taken) -> Answer<bool>;
    /// Keeps a value until `ttl` has passed in place of exactly the old one; `false`, and nothing changes, where anything else
    /// is there by now, or nothing.
    async fn compare_and_set(
        &self,
        kind: TransientKind,
        key: &str,
        old: &Sealed,
        new: &Sealed,
        ttl: Duration,
    ) -> Answer<bool>;
    /// Takes away a value that could not be opened, unless another one lies there by now, and reports it.
    async fn discard(&self, kind: TransientKind, key: &str, value: &Sealed, why: &StoreError) -> Answer<()>;
    /// Reports a value that was taken and could not be opened.
    fn report(&self, kind: TransientKind, key: &str, why: &StoreError);
}

/// A type that is kept as one kind of value.
pub trait Typed: Sized + Send + Sync {
    const KIND: TransientKind;
    /// What names a value.
    type Key: ?Sized + Sync;
    /// The name in the store.
    fn name(key: &Self::Key) -> Cow<'_, str>;
    /// What is sealed.
    ///
    /// # Errors
    /// It cannot be written.
    fn encode(&self) -> Answer<SecretBytes>;
    /// Reads what was sealed.
    ///
    /// # Errors
    /// It is of another shape; the text repeats nothing of it.
    fn decode(plain: &SecretBytes) -> Answer<Self>;
}

/// A type that is kept as the JSON of its fields.
pub trait JsonRecord: Serialize + DeserializeOwned + Send + Sync {
    const KIND: TransientKind;
    /// What names a value.
    type Key: ?Sized + Sync;
    /// The name in the store.
    fn name(key: &Self::Key) -> Cow<'_, str>;
}

impl<R: JsonRecord> Typed for R {
    const KIND: TransientKind = R::KIND;
    type Key = R::Key;

    fn name(key: &R::Key) -> Cow<'_, str> {
        R::name(key)
    }

    fn encode(&self) -> Answer<SecretBytes> {
        to_json(self)
    }

    fn decode(plain: &SecretBytes) -> Answer<Self> {
        from_json(plain)
    }
}

fn to_json<T: Serialize>(value: &T) -> Answer<SecretBytes> {
    serde_json::to_vec(value).map(SecretBytes::new).map_err(|e| StoreError::new("state", e))
}

fn from_json<T: DeserializeOwned>(plain: &SecretBytes) -> Answer<T> {
    let shape = |e: serde_json::Error| format!("{:?} error at column {}", e.classify(), e.column());
    serde_json::from_slice(plain.expose()).map_err(|e| StoreError::new("state", shape(e)))
}

impl Typed for Sealed {
    const KIND: TransientKind = TransientKind::Pending;
    type Key = str;

    fn name(key: &str) -> Cow<'_, str> {
        key.into()
    }

    fn encode(&self) -> Answer<SecretBytes> {
        to_json(&self.0)
    }

    fn decode(plain: &SecretBytes) -> Answer<Self> {
        from_json(plain).map(Sealed)
    }
}
