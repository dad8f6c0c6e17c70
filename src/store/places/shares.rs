//! How much of the addresses a country and an autonomous system have: what is usual for the public at large.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::geo_database::{GeoDatabase, UnusableDatabase, Whereabouts};
use crate::flow::ports::Clock;
use crate::risk::{Country, Place};

/// A network counts at least as one of these: a /24 of IPv4, a /48 of IPv6.
const PREFIX: (u8, u8) = (24, 48);

/// Counted in /24 networks of IPv4, and in /48 networks of IPv6 apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AddressShares {
    v4: FamilyShares,
    v6: FamilyShares,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct FamilyShares {
    all: f64,
    countries: HashMap<Option<Country>, f64>,
    systems: HashMap<u32, f64>,
    within: HashMap<(Option<Country>, u32), f64>,
}

impl AddressShares {
    /// Goes through the networks of a database, each with the country that `country` says of its first address if the
    /// database itself says none.
    pub(super) fn count(
        database: &GeoDatabase,
        clock: &dyn Clock,
        country: impl Fn(IpAddr) -> Option<Country>,
    ) -> Result<Self, UnusableDatabase> {
        let mut shares = Self::default();
        database.survey(usize::MAX, clock, |network, found| {
            let country = found.country.or_else(|| country(network.network()));
            shares.add(network, Whereabouts { country, ..found });
        })?;
        Ok(shares)
    }

    fn add(&mut self, network: IpNet, found: Whereabouts) {
        let (family, prefix) = match network {
            IpNet::V4(_) => (&mut self.v4, PREFIX.0),
            IpNet::V6(_) => (&mut self.v6, PREFIX.1),
        };
        let size = 2_f64.powi(i32::from(prefix) - i32::from(network.prefix_len()));
        family.all += size;
        *family.countries.entry(found.country).or_default() += size;
        if let Some(asn) = found.asn {
            *family.systems.entry(asn).or_default() += size;
            *family.within.entry((found.country, asn)).or_default() += size;
        }
    }

    /// Adds what is known of the share to a place of an address.
    pub(super) fn complete(&self, address: IpAddr, place: &mut Place) {
        let family = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let of_country = family.countries.get(&place.country).copied();
        place.country_share = place.country.and(of_country).map(|size| size / family.all);
        let Some(asn) = place.asn else { return };
        let within = family.within.get(&(place.country, asn)).copied();
        place.asn_share = within.zip(of_country).map(|(size, all)| size / all);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on both sides")]
        let prefixes = |size: &f64| size.ceil().clamp(1.0, f64::from(u32::MAX)) as u32;
        place.asn_prefixes = family.systems.get(&asn).map(prefixes);
    }
}
