//! What becomes of a wish for a code, and of addresses.

use std::time::Duration;

use super::Rejection;
use crate::auth::address::phone_number::NumberRefusal;
use crate::auth::factor::authenticator::AddressRecord;
use crate::auth::proof::MethodSet;

/// What becomes of a wish for a code.
pub enum CodeReply {
    /// It is on its way, if there is somebody to send it to and not too many were sent: told alike.
    Sent {
        /// The address, masked.
        sent_to: String,
        /// For how long it is good.
        expires_in: Duration,
    },
    /// Too many wrong codes were given: for a while none is looked at, and none is sent. Machines are told as with `Sent`.
    UsedUp { sent_to: String, expires_in: Duration },
    /// No codes of that kind are sent here.
    NotServed,
    /// The sign-in or the session is over.
    Gone,
}

/// What becomes of an address that somebody gives as theirs.
pub enum AddressAsked {
    /// A code is on its way there, if not too many were sent.
    Sent {
        /// The address as it is kept.
        to: String,
        expires_in: Duration,
    },
    /// Too many wrong codes were given: for a while none is looked at, and none is sent.
    UsedUp,
    /// No code can be sent there.
    Unusable(NumberRefusal),
    /// The person has it already.
    Known,
    /// The person has as many of that kind as anybody may.
    TooMany,
    /// No codes of that kind are sent here.
    NotServed,
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// The session is over.
    Gone,
}

/// What becomes of the code of an address.
pub enum AddressConfirmed {
    /// It was confirmed a moment ago.
    AlreadyDone,
    Added(AddressRecord),
    Rejected(Rejection),
    /// It is of another account.
    Taken,
    /// Too many attempts.
    Wait(Duration),
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// The session is over.
    Gone,
}

/// What becomes of the wish to remove an address.
pub enum AddressRemoved {
    Removed,
    NotFound,
    /// This rule binds the person and could not be met without it.
    Needed(String),
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// The session is over.
    Gone,
}
