//! Where and with what somebody signs in, coarsely: what must be usual before a password alone speaks for them there.

use std::time::Duration;

use super::keys::HashKeys;
use super::path::{self, Level, Step};
use super::profile::Profile;
use super::signals::Signals;
use crate::auth::proof::RiskLevel;

/// Within what time somebody must have shown on several days that it is them, where nobody knew them.
pub const SHOWN_WITHIN: Duration = Duration::from_secs(30 * 86_400);

/// On how many days, before a place and a browser are theirs.
pub const fn days_to_show(level: RiskLevel) -> u32 {
    match level {
        RiskLevel::High => 5,
        RiskLevel::Unscored | RiskLevel::Low | RiskLevel::Medium => 3,
    }
}

/// The country and the network, or the prefix where no network is known; the kind of device and the browser.
pub struct Surroundings {
    network: Vec<Step>,
    agent: Vec<Step>,
}

impl Surroundings {
    /// Those of a sign-in.
    pub fn of(signals: &Signals) -> Self {
        let mut network = path::network(signals);
        let last = if network.iter().any(|step| step.level == Level::Network) { Level::Network } else { Level::Prefix };
        network.retain(|step| step.level <= last);
        Self { network, agent: path::agent(&signals.agent) }
    }

    /// The bytes that stand for them; they tell from where, so they are kept under a key only.
    pub fn bytes(&self) -> Vec<u8> {
        let last = [self.network.last(), self.agent.last()];
        last.into_iter().flatten().flat_map(|step| step.bytes().iter().copied()).collect()
    }
}

impl Profile {
    /// Whether all of it was seen for this person before.
    pub fn knows(&self, signals: &Signals, keys: &HashKeys) -> bool {
        let around = Surroundings::of(signals);
        let network = if self.compares(&signals.place) { around.network } else { Vec::new() };
        let is_seen = |step: &Step| self.node(step, keys).is_some_and(|node| node.weight > 0.0);
        network.iter().chain(&around.agent).all(is_seen)
    }
}
