//! The laws of the model.

mod freeman;
mod model;
mod origins;
mod properties;
mod target;

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::auth::time::Timestamp;
use settings::Settings;

const DAY: u64 = 86_400;
const START: u64 = 1_800_000_000;

fn keys() -> HashKeys {
    HashKeys::one(HashKey::new([7; 32]))
}

fn browser(text: &str) -> Agent {
    Agent::of(Some(text), ClientHints::default())
}

const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";
const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1";

/// A sign-in on this day, from this country, autonomous system and address, in a known browser.
fn signals(day: u64, country: &str, asn: u32, address: &str) -> Signals {
    Signals {
        address: address.parse::<IpAddr>().unwrap(),
        ip_store: Default::default(),
        place: Place { country: Country::parse(country), asn: Some(asn), ..Place::default() },
        agent: browser(WINDOWS),
        device: Device::Known,
        evidence: Vec::new(),
        velocity: Velocity::default(),
        previous: None,
        is_dormant: false,
        at: Timestamp::from_secs(START + day * DAY),
    }
}

/// Twenty days at home.
fn at_home() -> Profile {
    let mut profile = Profile::default();
    for day in 0..20 {
        profile.learn(&signals(day, "NO", 2119, "84.208.20.7"), &keys(), Settings::default().half_life, 1.0);
    }
    profile
}

fn nobody_else() -> Population {
    Population::new(Duration::from_secs(60 * DAY), Timestamp::from_secs(START))
}

fn judge(signals: &Signals, profile: &Profile) -> Assessment {
    assess(signals, profile, &nobody_else(), &keys(), &Settings::default())
}
