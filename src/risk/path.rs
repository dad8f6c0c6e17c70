//! The two chains that a sign-in is compared along, coarse to fine: country → autonomous system → prefix → address, and
//! device class → browser. A step that is not known is left out, and the next one stands below the step before it.

use std::net::IpAddr;

use super::agent::{Agent, BrowserFamily, DeviceClass};
use super::keys::{FieldKey, HashKey};
use super::settings::IpStore;
use super::signals::Signals;
use crate::auth::network::is_public;

/// The levels of both chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Level {
    Country,
    Network,
    Prefix,
    Address,
    Class,
    Browser,
}

/// One step: its level, and the bytes of all that leads to it.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) level: Level,
    bytes: [u8; 40],
    length: usize,
}

impl Step {
    /// The name of its field under this key.
    pub(super) fn field(&self, key: &HashKey) -> FieldKey {
        key.field(self.bytes())
    }

    /// The bytes of all that leads to it.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    fn first(level: Level, part: &[u8]) -> Self {
        Self { level, bytes: [0; 40], length: 0 }.below(level, part)
    }

    fn below(mut self, level: Level, part: &[u8]) -> Self {
        self.level = level;
        let tag = [level as u8];
        for byte in tag.iter().chain(part) {
            if let Some(to) = self.bytes.get_mut(self.length) {
                *to = *byte;
                self.length += 1;
            }
        }
        self
    }
}

/// The steps of the network, coarse to fine; none for an address of which nothing can be known.
pub(super) fn network(signals: &Signals) -> Vec<Step> {
    let address = signals.address.to_canonical();
    let place = &signals.place;
    if place.is_unknown() && !is_public(address) {
        return Vec::new();
    }
    let (wide, narrow) = prefixes(address);
    let country = place.country.map(|c| (Level::Country, c.bytes().to_vec()));
    let asn = place.asn.map(|n| (Level::Network, n.to_be_bytes().to_vec()));
    let is_given = !address.is_unspecified();
    let is_whole = is_given && signals.ip_store == IpStore::Full;
    let fine = [is_given.then_some((Level::Prefix, wide)), is_whole.then_some((Level::Address, narrow))];
    chain([country, asn].into_iter().chain(fine).flatten())
}

/// The steps of the device; none if nothing was sent.
pub(super) fn agent(agent: &Agent) -> Vec<Step> {
    let class = (agent.class != DeviceClass::Unknown).then(|| (Level::Class, vec![agent.class as u8]));
    let browser = (agent.family != BrowserFamily::Unknown).then(|| {
        let (kind, text) = number(agent.family);
        (Level::Browser, [&[agent.os as u8, kind][..], &text.to_be_bytes()].concat())
    });
    chain([class, browser].into_iter().flatten())
}

fn chain(parts: impl Iterator<Item = (Level, Vec<u8>)>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(4);
    for (level, part) in parts {
        steps.push(steps.last().map_or_else(|| Step::first(level, &part), |parent| parent.below(level, &part)));
    }
    steps
}

const fn number(family: BrowserFamily) -> (u8, u32) {
    match family {
        BrowserFamily::Edge => (0, 0),
        BrowserFamily::Opera => (1, 0),
        BrowserFamily::Samsung => (2, 0),
        BrowserFamily::Vivaldi => (3, 0),
        BrowserFamily::Yandex => (4, 0),
        BrowserFamily::DuckDuckGo => (5, 0),
        BrowserFamily::Firefox => (6, 0),
        BrowserFamily::InternetExplorer => (7, 0),
        BrowserFamily::Chrome => (8, 0),
        BrowserFamily::Safari => (9, 0),
        BrowserFamily::Other(text) => (10, text),
        BrowserFamily::Unknown => (11, 0),
    }
}

/// The wide and the narrow prefix: /24 and the address of IPv4, /48 and /64 of IPv6, whose last half changes by itself.
fn prefixes(address: IpAddr) -> (Vec<u8>, Vec<u8>) {
    let bytes = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let (wide, narrow) = if address.is_ipv4() { (3, 4) } else { (6, 8) };
    let first = |count| bytes.iter().take(count).copied().collect();
    (first(wide), first(narrow))
}
