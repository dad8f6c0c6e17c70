//! What goes wrong in an address range, as a value.

use crate::risk::Velocity;

/// What goes wrong in the range of an attempt, this attempt left out.
#[derive(Clone, Debug, Default)]
pub(in crate::flow) struct RangeVelocity {
    pub(super) failures: u32,
    /// Whether many accounts were tried from there.
    pub(super) is_crowded: bool,
    /// Where the account was entered, and under which name.
    pub(super) entered: Option<(String, String)>,
}

impl RangeVelocity {
    /// So many accounts are many.
    pub(super) const PEOPLE: u32 = 5;

    pub(super) fn with_failures_of_person(&self, failures_of_person: u32) -> Velocity {
        let people_of_prefix = if self.is_crowded { Self::PEOPLE } else { 0 };
        Velocity { failures_of_person, failures_of_prefix: self.failures, people_of_prefix }
    }
}
