//! What lies in a state store and cannot be read: damaged, or of another version. Told where it is dealt with, once, by
//! its name and the reason, never with what it held.

use crate::flow::ports::StoreError;

/// Of what kind it is, and with that, what becomes of it.
#[derive(Clone, Copy)]
pub(super) enum Unreadable {
    Session,
    Ceremony,
    Pending,
    Counter,
}

impl Unreadable {
    /// Tells the operator. `name`: the digest or name under which it was kept.
    pub(super) fn tell(self, name: &str, why: &StoreError) {
        let outcome = match self {
            Self::Session => "a session that cannot be read was ended; who held it can sign in again",
            Self::Ceremony => "a sign-in under way that cannot be read was ended; it can be begun again",
            Self::Pending => {
                "a secret waiting for its first code cannot be read and was dropped; there will be a new one"
            }
            Self::Counter => "an attempt counter that cannot be read counts as used up",
        };
        tracing::warn!(target: "store", name, cause = %why, "{outcome}");
    }
}
