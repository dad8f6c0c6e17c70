//! Addresses of which a test says something.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::PoisonError;

use super::World;
use crate::flow::ports::Places;
use crate::risk::{Evidence, Place};

/// What is known of addresses.
#[derive(Clone, Default)]
pub(crate) struct KnownPlaces {
    pub(crate) places: HashMap<IpAddr, Place>,
    /// The lists of the operator on which they stand.
    pub(crate) listed: HashMap<IpAddr, Vec<Evidence>>,
}

impl Places for World {
    fn place(&self, address: IpAddr) -> Place {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.places.places.get(&address).cloned().unwrap_or_default()
    }

    fn evidence(&self, address: IpAddr) -> Vec<Evidence> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.places.listed.get(&address).cloned().unwrap_or_default()
    }
}
