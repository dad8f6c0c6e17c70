//! What lies in a state store and cannot be read: not sealed by us, damaged, or of another version. Reported where it is dealt
//! with, once, by its name and the reason, never with what it held.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::flow::ports::{StoreError, TransientKind};

/// How many unreadable values of a kind are reported one by one; of more, every doubling.
const ONE_BY_ONE: u64 = 16;

/// Why a record cannot be read.
#[derive(Clone, Debug)]
pub(crate) enum ReadError {
    /// A later version of this program wrote it. It is no fault: the record is left alone.
    Newer(u32),
    /// It is no record of ours, or damaged.
    Broken(StoreError),
}

impl ReadError {
    /// The same, with the fault of what is broken told in other words.
    pub(crate) fn with(self, broken: impl FnOnce(String) -> StoreError) -> Self {
        match self {
            Self::Broken(fault) => Self::Broken(broken(fault.cause)),
            newer => newer,
        }
    }
}

impl From<ReadError> for StoreError {
    fn from(why: ReadError) -> Self {
        match why {
            ReadError::Broken(fault) => fault,
            ReadError::Newer(version) => {
                Self::new("state", format!("a later version of this program wrote it (record version {version})"))
            }
        }
    }
}

/// Of what kind it is, and with that, what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unreadable {
    Session,
    Transient(TransientKind),
    Code,
    Counter,
    /// Of a later version.
    Newer,
}

impl Unreadable {
    const fn outcome(self) -> &'static str {
        match self {
            Self::Session => "a session that cannot be read was ended; who held it can sign in again",
            Self::Transient(kind) => kind.unreadable(),
            Self::Code => "a sent code that cannot be read was dropped; a new one can be asked for",
            Self::Counter => "an attempt counter that cannot be read counts as used up",
            Self::Newer => "a record of a later version is left alone; it counts on nodes of that version only",
        }
    }
}

/// Reports to the operator: thousands, after a key was dropped or a new version was installed, in a few lines.
#[derive(Default)]
pub(super) struct Reports(Mutex<HashMap<Unreadable, u64>>);

impl Reports {
    /// Reports a value that was dealt with. `name`: the digest or name under which it was kept.
    pub(super) fn report(&self, what: Unreadable, name: &str, why: &StoreError) {
        let count = {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(what).or_default();
            *count += 1;
            *count
        };
        if is_reported(count) {
            tracing::warn!(target: "store", name, cause = %why, count, "{}", what.outcome());
        }
    }
}

const fn is_reported(count: u64) -> bool {
    count <= ONE_BY_ONE || count.is_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_unreadable_records_are_told_in_a_few_lines() {
        assert!((1..=16).all(is_reported));
        assert!((1..=100_000).filter(|count| is_reported(*count)).count() < 32);
    }
}
