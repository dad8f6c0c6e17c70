//! What becomes of the wish to delete an account.

use std::time::Duration;

use super::{Locked, Rejection};
use crate::auth::proof::MethodSet;

/// What becomes of the wish for the link that deletes an account.
pub enum DeletionAsked {
    /// It is on its way to this masked address, unless too many were asked for.
    Sent {
        sent_to: String,
        expires_in: Duration,
    },
    /// One of these must be proved first, freshly.
    ProveFirst(MethodSet),
    /// A proof that came along was wrong.
    Rejected(Rejection),
    /// It was of a factor that is switched off.
    Locked(Locked),
    Wait(Duration),
    Busy,
    /// There is no confirmed mail address to send it to.
    NoAddress,
    /// The session is over.
    Gone,
}

/// What becomes of that link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionConfirmed {
    /// The account is gone.
    Erased,
    /// It was followed before.
    AlreadyDone,
    /// It is none, is too old, or the account was changed since: told alike.
    Over,
}

/// What a link that deletes an account leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionSeen {
    Waits,
    /// It was followed.
    Done,
    /// As [`DeletionConfirmed::Over`].
    Over,
}
