//! What somebody asks who changes what they sign in by.

use std::time::Duration;

use super::{Locked, Rejection};
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::flow::ports::DisabledFactors;

/// What becomes of the other sessions of somebody who changes what they sign in by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherSessions {
    #[default]
    End,
    /// They wish to stay signed in elsewhere.
    Keep,
}

impl OtherSessions {
    /// By whether somebody wishes to keep them.
    pub const fn kept(keep: bool) -> Self {
        if keep { Self::Keep } else { Self::End }
    }

    /// Whether they end.
    pub const fn end(self) -> bool {
        matches!(self, Self::End)
    }
}

/// What of an account gets a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// The authenticator app.
    App,
    /// The address of this id.
    Address(&'a str),
}

/// What is to be turned off.
pub struct DisableWish {
    pub factors: DisabledFactors,
    pub along: ProofsAlong,
    pub others: OtherSessions,
}

/// A passkey as a browser made it.
#[derive(Clone, Copy)]
pub struct NewPasskey<'a> {
    /// What its person calls it.
    pub name: Option<&'a str>,
    /// As `PublicKeyCredential.toJSON()` writes it.
    pub credential: &'a SecretText,
    pub others: OtherSessions,
}

/// What came along; both may be absent.
#[derive(Default)]
pub struct ProofsAlong {
    pub password: Option<SecretText>,
    /// A code, and what it is of.
    pub code: Option<(Method, SecretText)>,
}

/// Why what came along proves nothing.
pub enum Unproved {
    Rejected(Rejection),
    Wait(Duration),
    Locked(Locked),
    Busy,
}
