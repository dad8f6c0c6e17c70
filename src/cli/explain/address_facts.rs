//! What the files of the operator say of an address.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::flow::ports::Places as _;
use crate::store::places::settings::PlaceSettings;
use crate::store::places::{FilePlaces, PlaceTables};
use crate::store::system::SystemClock;

/// Where an address is used, and on which lists it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AddressFacts {
    pub country: Option<String>,
    /// The autonomous system.
    pub asn: Option<u32>,
    /// Latitude, longitude and how far off that may be.
    pub location: Option<String>,
    /// Name and weight of each list.
    pub lists: Vec<(String, String)>,
}

impl AddressFacts {
    /// `None` where no file is named. Reads them.
    ///
    /// # Errors
    /// One that is there cannot be used.
    pub(super) fn look_up(settings: &PlaceSettings, address: IpAddr) -> Result<Option<Self>, String> {
        if *settings == PlaceSettings::default() {
            return Ok(None);
        }
        let places = FilePlaces::new(Arc::new(SystemClock));
        places.replace(PlaceTables::load(settings.clone(), &SystemClock).map_err(|fault| fault.to_string())?);
        let (place, evidence) = (places.place(address), places.evidence(address));
        Ok(Some(Self {
            country: place.country.map(|country| country.to_string()),
            asn: place.asn,
            location: place.location.map(|at| format!("{}, {} within {} km", at.latitude, at.longitude, at.radius_km)),
            lists: evidence.into_iter().map(|one| (one.list.to_string(), format!("{:+}", one.weight))).collect(),
        }))
    }

    /// In one line: `NO, AS64500, near 59.9, 10.7 within 20 km; on tor (+1.6)`.
    pub(super) fn line(&self) -> String {
        let asn = self.asn.map(|asn| format!("AS{asn}"));
        let near = self.location.as_ref().map(|at| format!("near {at}"));
        let known: Vec<String> = [self.country.clone(), asn, near].into_iter().flatten().collect();
        let place = if known.is_empty() { "a place that is not known".to_owned() } else { known.join(", ") };
        let lists: Vec<String> = self.lists.iter().map(|(name, weight)| format!("{name} ({weight})")).collect();
        if lists.is_empty() { format!("{place}; on no list") } else { format!("{place}; on {}", lists.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::places::settings::{ListSettings, ListSource};
    use crate::store::places::{AddressList, ListEntry, mmdb};

    #[test]
    fn place_and_lists_of_an_address_are_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let record = mmdb::MmdbValue::Map(vec![
            ("country_code", mmdb::MmdbValue::text("NO")),
            ("asn", mmdb::MmdbValue::U32(64_500)),
            ("lat", mmdb::MmdbValue::Double(59.9)),
            ("lon", mmdb::MmdbValue::Double(10.7)),
        ]);
        let city = folder.path().join("city.mmdb");
        std::fs::write(&city, mmdb::database("T", 4_000_000_000, &[("81.0.0.0/8".parse().unwrap(), record)])).unwrap();
        let entries = [ListEntry::System(64_500), ListEntry::parse("10.0.0.0/8").unwrap()];
        let source = ListSource::Given(Arc::new(AddressList::new(entries)));
        let lists = vec![ListSettings { name: "ours".into(), source, weight: -1.5 }];
        let settings = PlaceSettings { city: Some(city), lists, ..PlaceSettings::default() };
        let line = |ip: &str| AddressFacts::look_up(&settings, ip.parse().unwrap()).unwrap().unwrap().line();
        assert_eq!(line("81.1.2.3"), "NO, AS64500, near 59.9, 10.7 within 100 km; on ours (-1.5)");
        assert_eq!(line("10.1.2.3"), "a place that is not known; on ours (-1.5)");
        assert_eq!(line("8.8.8.8"), "a place that is not known; on no list");
        assert_eq!(AddressFacts::look_up(&PlaceSettings::default(), "8.8.8.8".parse().unwrap()), Ok(None));
    }
}
