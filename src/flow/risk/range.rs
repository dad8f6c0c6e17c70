//! What goes wrong in an address range, as a value.

use crate::auth::throttle::Charge;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, StoreError};
use crate::risk::Velocity;

/// What goes wrong in the range of an attempt, this attempt left out.
#[derive(Default)]
pub(in crate::flow) struct RangeVelocity {
    pub(super) failures: u32,
    /// Whether many accounts were tried from there.
    pub(super) is_crowded: bool,
    /// Where the account was entered, and under which name.
    pub(super) entered: Option<(String, String)>,
    /// What the range was charged for this attempt, and the state that brought it to.
    pub(in crate::flow) charged: Option<(Charge, Timestamp)>,
    /// Why it is not known.
    pub(super) fault: Option<StoreError>,
}

impl RangeVelocity {
    /// So many accounts are many.
    pub(super) const PEOPLE: u32 = 5;

    pub(super) fn with_failures_of_person(&self, failures_of_person: u32) -> Answer<Velocity> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let people_of_prefix = if self.is_crowded { Self::PEOPLE } else { 0 };
        Ok(Velocity { failures_of_person, failures_of_prefix: self.failures, people_of_prefix })
    }
}
