//! What becomes of the wish to turn off two-step sign-in.

use super::Unproved;
use crate::auth::proof::MethodSet;

/// What becomes of the wish to turn off the authenticator app, or every second factor.
pub enum MfaDisabled {
    Disabled,
    /// There is none.
    AlreadyDisabled,
    /// A rule that binds the person could not be met without it; or nothing would be left to sign in with.
    Needed {
        /// The rule's name, where it is one.
        rule: Option<String>,
    },
    /// What came along proves nothing.
    Unproved(Unproved),
    /// One of these must be proved, too.
    ProveFirst(MethodSet),
    /// The session is over.
    Gone,
}
