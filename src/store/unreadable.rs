//! What lies in a state store and cannot be read: not sealed by us, damaged, or of another version. Told where it is dealt
//! with, once, by its name and the reason, never with what it held.

use crate::flow::ports::StoreError;

/// Of what kind it is, and with that, what becomes of it.
#[derive(Clone, Copy)]
pub(crate) enum Unreadable {
    Session,
    Ceremony,
    Pending,
    Counter,
}

impl Unreadable {
    /// How many kinds there are.
    pub(super) const COUNT: usize = 4;

    /// Tells the operator. `name`: the digest or name under which it was kept; `count`: how many of its kind there were.
    pub(super) fn report(self, name: &str, why: &StoreError, count: u64) {
        let outcome = match self {
            Self::Session => "a session that cannot be read was ended; who held it can sign in again",
            Self::Ceremony => "a sign-in under way that cannot be read was ended; it can be begun again",
            Self::Pending => {
                "a secret waiting for its first code cannot be read and was dropped; there will be a new one"
            }
            Self::Counter => "an attempt counter that cannot be read counts as used up",
        };
        tracing::warn!(target: "store", name, cause = %why, count, "{outcome}");
    }
}
