//! A table of countries, autonomous systems and their addresses, made from the seed. No number is a real network's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::parameters::Parameters;
use crate::cli::risk::random::Random;

/// What a network serves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Broadband,
    Mobile,
    Business,
    Hosting,
}

/// An autonomous system.
pub(crate) struct Network {
    pub(crate) country: &'static str,
    pub(crate) asn: u32,
    pub(crate) kind: Kind,
    /// Its share of the people of its country and kind.
    pub(crate) share: f64,
    /// The number of its first /24, and how many it has.
    first: u32,
    pub(crate) prefixes: u32,
}

impl Network {
    /// An address in the nth /24, IPv4.
    pub(crate) fn ipv4(&self, prefix: u32, host: u8) -> IpAddr {
        let number = self.first.wrapping_add(prefix.checked_rem(self.prefixes).unwrap_or_default());
        let [_, a, b, c] = number.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, host))
    }

    /// The nth /48, a /64 in it, and an interface identifier.
    pub(crate) const fn ipv6(&self, site: u16, subnet: u16, interface: u64) -> IpAddr {
        let provider = self.first & 0xffff;
        let [c, d, e, f] = [interface >> 48, interface >> 32, interface >> 16, interface];
        let parts = [0x2a00 | (self.first >> 16 & 0xff) as u16, provider as u16, site, subnet];
        let [w, x, y, z] = parts;
        IpAddr::V6(Ipv6Addr::new(w, x, y, z, c as u16, d as u16, e as u16, f as u16))
    }
}

/// Where the rest of the world's sign-ins and attacks come from, by share.
const ABROAD: [(&str, f64); 24] = [
    ("US", 0.24),
    ("RU", 0.09),
    ("CN", 0.09),
    ("DE", 0.06),
    ("GB", 0.06),
    ("IN", 0.05),
    ("SE", 0.04),
    ("DK", 0.04),
    ("FR", 0.04),
    ("NL", 0.04),
    ("VN", 0.03),
    ("RO", 0.03),
    ("UA", 0.02),
    ("PL", 0.02),
    ("ES", 0.02),
    ("IT", 0.02),
    ("TR", 0.02),
    ("ID", 0.02),
    ("AR", 0.01),
    ("PT", 0.01),
    ("JP", 0.01),
    ("KR", 0.01),
    ("ZA", 0.01),
    ("TH", 0.02),
];

pub(crate) struct World {
    pub(crate) networks: Vec<Network>,
    pub(crate) home: &'static str,
}

impl World {
    pub(crate) fn new(parameters: &Parameters, random: &mut Random) -> Self {
        let mut world = Self { networks: Vec::new(), home: parameters.home };
        let mut next = u32::from_be_bytes([0, 5, 0, 0]);
        let mut asn = 64_512;
        let mut add = |country, kind, share: f64, prefixes: u32, random: &mut Random| {
            asn += 1 + random.below(40) as u32;
            world.networks.push(Network { country, asn, kind, share, first: next, prefixes });
            next += prefixes.next_multiple_of(16);
            // 10.0.0.0/8 and 127.0.0.0/8 are nobody's.
            if matches!(next >> 16, 10 | 127) || matches!(next.saturating_add(8192) >> 16, 10 | 127) {
                next = ((next.saturating_add(8192) >> 16) + 1) << 16;
            }
        };
        for share in parameters.broadband {
            add(parameters.home, Kind::Broadband, *share, (share * 8192.0) as u32 + 32, random);
        }
        for share in parameters.mobile {
            add(parameters.home, Kind::Mobile, *share, (share * 512.0) as u32 + 16, random);
        }
        for (kind, count) in [(Kind::Business, parameters.business), (Kind::Hosting, parameters.hosting)] {
            for _ in 0..count {
                let prefixes = random.log_normal(16.0, 1.2) as u32 + 1;
                add(parameters.home, kind, f64::from(prefixes), prefixes, random);
            }
        }
        for (country, weight) in ABROAD.iter().filter(|(country, _)| *country != parameters.home) {
            let count = 3 + (weight * 60.0) as u64;
            for number in 0..count {
                let kind = match number % 5 {
                    0 | 1 => Kind::Broadband,
                    2 => Kind::Mobile,
                    _ => Kind::Hosting,
                };
                let prefixes = random.log_normal(200.0 * (0.2 + weight * 4.0), 1.0) as u32 + 8;
                add(country, kind, f64::from(prefixes), prefixes, random);
            }
        }
        world
    }

    /// Those of a kind at home, or anywhere but home.
    pub(crate) fn of(&self, at_home: bool, kinds: &[Kind]) -> Vec<usize> {
        let fits = |network: &Network| (network.country == self.home) == at_home && kinds.contains(&network.kind);
        self.networks.iter().enumerate().filter(|(_, network)| fits(network)).map(|(at, _)| at).collect()
    }

    /// One of these networks, by its share.
    pub(crate) fn by_share(&self, of: &[usize], random: &mut Random) -> usize {
        let share = |at: &usize| self.networks.get(*at).map_or(0.0, |network| network.share);
        random.weighted(of, share).copied().unwrap_or_default()
    }

    /// A country abroad by its share, and then a network of these kinds in it.
    pub(crate) fn abroad(&self, kinds: &[Kind], random: &mut Random) -> usize {
        let country = random.weighted(&ABROAD, |(_, share)| *share).map_or("US", |(country, _)| *country);
        let fits = |network: &Network| network.country == country && kinds.contains(&network.kind);
        let there = self.networks.iter().enumerate().filter(|(_, network)| fits(network));
        let there: Vec<usize> = there.map(|(at, _)| at).collect();
        if there.is_empty() { self.by_share(&self.of(false, kinds), random) } else { self.by_share(&there, random) }
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Network> {
        self.networks.get(at)
    }
}
