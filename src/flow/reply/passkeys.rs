//! What flows answer about passkeys.

use std::time::Duration;

use super::{Opened, Rejection};
use crate::auth::factor::passkey::{CreationOptions, Mediation, PasskeyRecord, RequestOptions};
use crate::auth::proof::MethodSet;
use crate::auth::secret::SecretText;

/// A challenge for whoever looks at the sign-in page. Nothing is stored for it.
pub struct SignInChallenge {
    /// To be handed in with the answer: it travels in the page.
    pub state: SecretText,
    pub options: RequestOptions,
}

/// What becomes of the wish to prove by a passkey, in a sign-in or a session.
pub enum AssertionAsked {
    /// Ask the browser for this.
    Asked(Box<RequestOptions>),
    /// The person has none that is at hand here.
    NoPasskey,
    /// The sign-in or the session is over.
    Gone,
}

/// What is known of a passkey before it is made.
#[derive(Clone, Copy, Default)]
pub struct PasskeyWish<'a> {
    /// What its person calls it.
    pub name: Option<&'a str>,
    /// The methods that would help, where the caller knows; in a sign-in the flow does.
    pub wanted: Option<MethodSet>,
    pub mediation: Mediation,
}

/// What becomes of the wish to register a passkey.
pub enum CreationAsked {
    /// Ask the browser for this.
    Asked(Box<CreationOptions>),
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// There are no passkeys at this host.
    NotOffered,
    /// The sign-in or the session is over.
    Gone,
}

/// What becomes of a new passkey.
pub enum PasskeyAdded {
    /// Registered; the session is open, or has a new token.
    Added {
        passkey: Box<PasskeyRecord>,
        /// Shown this once, with the first second factor; otherwise none.
        backup_codes: Vec<SecretText>,
        opened: Box<Opened>,
    },
    Rejected(Rejection),
    /// It was registered a moment ago.
    AlreadyDone,
    /// Too many attempts.
    Wait(Duration),
    /// Too many people are signing in at this moment (hashing is full).
    Busy,
    /// One of these must be proved first.
    ProveFirst(MethodSet),
}

/// What becomes of another name for a passkey, an app or an address.
pub enum Renamed {
    Renamed,
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// The person has none of this id, or the name is empty.
    NotFound,
    /// The session is over.
    Gone,
}

/// What becomes of the wish to remove a passkey.
pub enum PasskeyRemoved {
    /// Removed. What was granted before is over; this session goes on under a new token.
    Removed(Box<Opened>),
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// A rule that binds the person could not be met any more, or nothing would be left to sign in with.
    Needed {
        /// The rule's name, where it is one.
        rule: Option<String>,
    },
    /// The person has none of this id.
    NotFound,
    /// The session is over.
    Gone,
}
