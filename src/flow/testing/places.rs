//! Addresses of which a test says something.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::PoisonError;

use async_trait::async_trait;

use super::World;
use crate::auth::secret::SecretText;
use crate::flow::ports::{Answer, BreachedPasswords, Places};
use crate::flow::settings::RiskSettings;
use crate::risk::settings::{Mode, Settings, Thresholds};
use crate::risk::{Country, Evidence, Place};

/// What is known of addresses.
#[derive(Clone, Default)]
pub(crate) struct KnownPlaces {
    pub(crate) places: HashMap<IpAddr, Place>,
    /// The lists of the operator on which they stand.
    pub(crate) listed: HashMap<IpAddr, Vec<Evidence>>,
    /// Passwords that became known.
    pub(crate) breached: Vec<&'static str>,
}

impl World {
    /// An address is used in this country, in this autonomous system.
    pub(crate) fn place_at(&self, address: &str, country: &str, asn: u32) {
        let place = Place { country: Country::parse(country), asn: Some(asn), ..Place::default() };
        self.look(|s| s.places.places.insert(address.parse().unwrap(), place));
    }
}

/// Risk that decides or is only counted, from these scores on medium and high.
pub(crate) fn risk_from(enforced: bool, medium: f64, high: f64) -> RiskSettings {
    let mode = if enforced { Mode::Enforce } else { Mode::Shadow };
    let model = Settings { mode, thresholds: Thresholds { medium, high }, ..Settings::default() };
    RiskSettings { model, ..RiskSettings::default() }
}

#[async_trait]
impl BreachedPasswords for World {
    async fn contains(&self, password: &SecretText) -> Answer<bool> {
        self.call(|state| state.places.breached.contains(&password.expose()))
    }
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
