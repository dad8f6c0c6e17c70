//! What is usual for all: how often each country, autonomous system and browser signs in. Nothing here is a person's.

use std::collections::HashMap;
use std::time::Duration;

use super::agent::{Agent, BrowserFamily, DeviceClass};
use super::signals::{Country, Place, Signals};
use crate::auth::time::Timestamp;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PopulationKey {
    Country(Country),
    /// An autonomous system within a country.
    Network(Option<Country>, u32),
    Class(DeviceClass),
    Browser(Agent),
}

impl PopulationKey {
    /// Those that a sign-in counts for.
    pub fn of(signals: &Signals) -> impl Iterator<Item = Self> {
        let Place { country, asn, .. } = signals.place;
        let agent = signals.agent;
        [
            country.map(Self::Country),
            asn.map(|asn| Self::Network(country, asn)),
            (agent.class != DeviceClass::Unknown).then_some(Self::Class(agent.class)),
            (agent.family != BrowserFamily::Unknown).then_some(Self::Browser(agent)),
        ]
        .into_iter()
        .flatten()
    }

    /// What it is a share of.
    const fn whole(self) -> Whole {
        match self {
            Self::Country(_) => Whole::Countries,
            Self::Network(country, _) => Whole::Networks(country),
            Self::Class(_) => Whole::Classes,
            Self::Browser(agent) => Whole::Browsers(agent.class),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whole {
    Countries,
    Networks(Option<Country>),
    Classes,
    Browsers(DeviceClass),
}

/// Counts of all sign-ins, older ones for less.
#[derive(Clone, Debug)]
pub struct Population {
    half_life: Duration,
    epoch: Timestamp,
    counts: HashMap<PopulationKey, f64>,
    wholes: HashMap<Whole, f64>,
}

impl Population {
    /// Nobody yet; `epoch` is any moment before the sign-ins that are counted.
    pub fn new(half_life: Duration, epoch: Timestamp) -> Self {
        Self { half_life, epoch, counts: HashMap::new(), wholes: HashMap::new() }
    }

    /// Counts a sign-in.
    pub fn add(&mut self, signals: &Signals, weight: f64) {
        let weight = weight * self.growth(signals.at);
        for key in PopulationKey::of(signals) {
            self.put(key, weight);
        }
    }

    /// Adds to one count what a store holds for it: weights that grew since the epoch, see [`Self::growth`].
    pub fn put(&mut self, key: PopulationKey, weight: f64) {
        if weight.is_finite() && weight >= 0.0 {
            *self.counts.entry(key).or_default() += weight;
            *self.wholes.entry(key.whole()).or_default() += weight;
        }
    }

    /// What a sign-in at this moment weighs: it doubles every half-life, so that counts only ever grow, and older ones
    /// count for less without being touched.
    pub fn growth(&self, at: Timestamp) -> f64 {
        let half_lives = at.since(self.epoch).as_secs_f64() / self.half_life.as_secs_f64().max(1.0);
        half_lives.min(500.0).exp2()
    }

    /// How many sign-ins count for this key, and for what it is a share of, at this moment.
    pub(super) fn share(&self, key: PopulationKey, at: Timestamp) -> (f64, f64) {
        let scale = self.growth(at).recip();
        let count = self.counts.get(&key).copied().unwrap_or_default();
        let whole = self.wholes.get(&key.whole()).copied().unwrap_or_default();
        (count * scale, whole * scale)
    }
}
