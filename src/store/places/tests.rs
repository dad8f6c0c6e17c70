//! Places by files of our own making, and what becomes of bad ones.

mod hostile;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use proptest::prelude::*;

use super::mmdb::{self, MmdbValue};
use super::settings::{DatabaseRole, ListSettings, ListSource, PlaceSettings};
use super::*;
use crate::risk::{Country, Location};

/// 2026-11-20.
const BUILT: u64 = 1_795_000_000;

/// A clock that a test sets, and that goes on by itself at each look where `step` says so.
#[derive(Default)]
struct ManualClock {
    now: AtomicU64,
    step: u64,
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.fetch_add(self.step, Ordering::SeqCst))
    }
}

fn clock(secs: u64) -> Arc<ManualClock> {
    Arc::new(ManualClock { now: AtomicU64::new(secs * 1000), step: 0 })
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn map(entries: &[(&'static str, MmdbValue)]) -> MmdbValue {
    MmdbValue::Map(entries.to_vec())
}

/// As MaxMind writes them.
fn nested(country: &str, latitude: f64, radius: u16) -> MmdbValue {
    map(&[
        ("country", map(&[("geoname_id", MmdbValue::U32(1)), ("iso_code", MmdbValue::text(country))])),
        (
            "location",
            map(&[
                ("accuracy_radius", MmdbValue::U16(radius)),
                ("latitude", MmdbValue::Double(latitude)),
                ("longitude", MmdbValue::Double(10.5)),
            ]),
        ),
        ("subdivisions", MmdbValue::List(vec![map(&[("iso_code", MmdbValue::text("03"))])])),
    ])
}

fn nets(networks: &[(&str, MmdbValue)]) -> Vec<(IpNet, MmdbValue)> {
    networks.iter().map(|(net, value)| (net.parse().unwrap(), value.clone())).collect()
}

fn city() -> Vec<u8> {
    let networks = nets(&[
        ("81.0.0.0/8", nested("NO", 59.9, 20)),
        ("81.2.0.0/16", nested("SE", 59.3, 50)),
        ("2a02:2121::/32", nested("NO", 63.4, 5)),
        ("10.0.0.0/8", nested("DE", 50.0, 5)),
    ]);
    mmdb::database("Test-City", BUILT, &networks)
}

fn asn() -> Vec<u8> {
    let number = |asn: u32| map(&[("autonomous_system_number", MmdbValue::U32(asn))]);
    let networks =
        nets(&[("81.0.0.0/9", number(64_500)), ("81.2.0.0/16", number(64_501)), ("2a02:2121::/32", number(64_500))]);
    mmdb::database("Test-ASN", BUILT, &networks)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Files of their own, in force.
fn places(settings: PlaceSettings, clock: &Arc<ManualClock>) -> Arc<FilePlaces> {
    let places = FilePlaces::new(clock.clone());
    places.replace(PlaceTables::load(settings, clock.as_ref()).unwrap());
    Arc::new(places)
}

fn both(folder: &Folder) -> PlaceSettings {
    let (city, asn) = (folder.file("city.mmdb", &city()), folder.file("asn.mmdb", &asn()));
    PlaceSettings { city: Some(city), asn: Some(asn), ..PlaceSettings::default() }
}

#[test]
fn a_place_is_put_together_from_all_databases() {
    let folder = Folder::new();
    let places = places(both(&folder), &clock(BUILT));
    let place = places.place(ip("81.1.2.3"));
    assert_eq!(place.country, Country::parse("NO"));
    assert_eq!(place.asn, Some(64_500));
    assert_eq!(place.location, Some(Location { latitude: 59.9, longitude: 10.5, radius_km: 20.0 }));
    // 128 of /9 in /16, one of which is another's.
    assert_eq!(place.country_share, Some(127.0 / 128.0));
    assert_eq!(place.asn_share, Some(1.0));
    assert_eq!(place.asn_prefixes, Some(127 * 256));
    let inside = places.place(ip("::ffff:81.2.9.9"));
    assert_eq!((inside.country, inside.asn), (Country::parse("SE"), Some(64_501)));
    let six = places.place(ip("2a02:2121::1"));
    assert_eq!((six.country, six.asn, six.asn_prefixes), (Country::parse("NO"), Some(64_500), Some(65_536)));
}

#[test]
fn private_and_unknown_addresses_abstain() {
    let folder = Folder::new();
    let settings = both(&folder);
    let known = places(settings.clone(), &clock(BUILT));
    for address in ["10.1.2.3", "127.0.0.1", "::1", "fe80::1", "fd00::1", "100.64.0.1", "192.168.1.1", "8.8.8.8"] {
        assert_eq!(known.place(ip(address)), Place::default(), "{address}");
    }
    let demo = places(PlaceSettings { private: true, ..settings }, &clock(BUILT));
    assert_eq!(demo.place(ip("10.1.2.3")).country, Country::parse("DE"));
}

#[test]
fn other_writers_are_understood() {
    let texts = map(&[
        ("country_code", MmdbValue::text("no")),
        ("latitude", MmdbValue::text("59.9")),
        ("longitude", MmdbValue::U16(10)),
        ("asn", MmdbValue::text("AS64500")),
    ]);
    let short = map(&[("country", MmdbValue::text("FR")), ("autonomous_system_number", MmdbValue::U16(1234))]);
    let odd = map(&[
        ("country", MmdbValue::List(vec![MmdbValue::text("FR")])),
        ("asn", MmdbValue::Double(7.5)),
        ("location", MmdbValue::text("Oslo")),
        ("latitude", MmdbValue::Double(f64::NAN)),
        ("longitude", MmdbValue::Double(400.0)),
    ]);
    let networks = nets(&[
        ("81.0.0.0/16", texts),
        ("81.1.0.0/16", short),
        ("81.2.0.0/16", odd),
        ("81.3.0.0/16", MmdbValue::text("FR")),
        ("81.4.0.0/16", map(&[("registered_country", map(&[("iso_code", MmdbValue::text("BR"))]))])),
    ]);
    let folder = Folder::new();
    let city = Some(folder.file("flat.mmdb", &mmdb::database("Flat", BUILT, &networks)));
    let places = places(PlaceSettings { city, ..PlaceSettings::default() }, &clock(BUILT));
    let of = |address: &str| {
        let place = places.place(ip(address));
        (
            place.country.map(|c| c.to_string()),
            place.asn,
            place.location.map(|l| (l.latitude, l.longitude, l.radius_km)),
        )
    };
    assert_eq!(of("81.0.0.1"), (Some("NO".to_owned()), Some(64_500), Some((59.9, 10.0, 100.0))));
    assert_eq!(of("81.1.0.1"), (Some("FR".to_owned()), Some(1234), None));
    assert_eq!(of("81.2.0.1"), (None, None, None));
    assert_eq!(of("81.3.0.1"), (None, None, None));
    assert_eq!(of("81.4.0.1"), (Some("BR".to_owned()), None, None));
}

#[test]
fn metadata_of_other_writers_are_understood() {
    let good = city();
    let at = good.windows(mmdb::MARKER.len()).rposition(|window| window == mmdb::MARKER).unwrap();
    let nodes = maxminddb_nodes(&good);
    let odd = mmdb::metadata(vec![
        ("binary_format_major_version", MmdbValue::U32(2)),
        ("binary_format_minor_version", MmdbValue::U64(0)),
        ("build_epoch", MmdbValue::U32(u32::try_from(BUILT).unwrap())),
        ("database_type", MmdbValue::text("Odd")),
        ("description", MmdbValue::text("a database")),
        ("ip_version", MmdbValue::U32(6)),
        ("languages", MmdbValue::text("en")),
        ("node_count", MmdbValue::U64(nodes)),
        ("record_size", MmdbValue::U32(32)),
    ]);
    let database = GeoDatabase::open([&good[..at], &odd].concat()).unwrap();
    assert_eq!((database.kind.as_str(), database.built.as_secs()), ("Odd", BUILT));
    assert_eq!(database.record(ip("81.1.2.3")).unwrap().country(), Country::parse("NO"));
}

/// How many nodes a database of ours has.
fn maxminddb_nodes(bytes: &[u8]) -> u64 {
    let text = GeoDatabase::open(bytes.to_vec()).unwrap();
    text.nodes()
}

#[test]
fn what_is_stale_or_missing_abstains() {
    let folder = Folder::new();
    let clock = clock(BUILT);
    let settings = PlaceSettings { max_age: Duration::from_secs(10), ..both(&folder) };
    let asn = settings.asn.clone().unwrap();
    std::fs::remove_file(&asn).unwrap();
    let places = places(settings, &clock);
    let place = places.place(ip("81.1.2.3"));
    assert_eq!((place.country, place.asn, place.is_partial), (Country::parse("NO"), None, true));
    let of = |role| places.databases().into_iter().find(|d| d.role == role).unwrap();
    assert!(of(DatabaseRole::City).used && !of(DatabaseRole::Asn).used);
    let missing = Notice::Absent(format!("geoip: asn: {}: there is no such file: it abstains", asn.display()));
    assert!(notices::all(&places.tables.load(), clock.now()).contains(&missing));
    clock.now.store((BUILT + 11) * 1000, Ordering::SeqCst);
    assert_eq!(places.place(ip("81.1.2.3")), Place { is_partial: true, ..Place::default() });
    assert!(!of(DatabaseRole::City).used);
    let told = notices::all(&places.tables.load(), clock.now());
    assert!(matches!(&told[0], Notice::Absent(text) if text.contains("Test-City was built")), "{told:?}");
}

#[test]
fn a_file_that_changed_is_read_when_it_stands_still() {
    let folder = Folder::new();
    let clock = clock(BUILT);
    let list = folder.file("tor.txt", b"198.51.100.7\n");
    let lists = vec![ListSettings { name: "tor".into(), source: ListSource::File(list.clone()), weight: 1.6 }];
    let settings = PlaceSettings { lists, ..both(&folder) };
    let city = settings.city.clone().unwrap();
    let places = places(settings, &clock);
    let country = || places.place(ip("81.1.2.3")).country.map(|country| country.to_string());
    let listed = || places.evidence(ip("198.51.100.7")).len();
    let seen = places.look(&[]);
    assert_eq!((country().as_deref(), listed()), (Some("NO"), 1));
    // Another file takes its place, as updaters do.
    let next = mmdb::database("Next", BUILT, &nets(&[("81.0.0.0/8", nested("DK", 55.7, 20))]));
    std::fs::rename(folder.file("next.mmdb", &next), &city).unwrap();
    std::fs::write(&list, b"203.0.113.9\n").unwrap();
    let seen = places.look(&seen);
    assert_eq!((country().as_deref(), listed()), (Some("NO"), 1), "it may still be written");
    let seen = places.look(&seen);
    assert_eq!((country().as_deref(), listed()), (Some("DK"), 0));
    // What cannot be read leaves what was read.
    std::fs::write(&city, b"no database").unwrap();
    std::fs::write(&list, b"198.51.100.7\nnonsense\n").unwrap();
    let seen = places.look(&places.look(&seen));
    assert_eq!((country().as_deref(), listed()), (Some("DK"), 0));
    assert!(places.databases()[0].refused && places.lists()[0].refused);
    let told = notices::all(&places.tables.load(), clock.now());
    assert!(matches!(&told[0], Notice::Bad(text) if text.contains("what was read before stays")), "{told:?}");
    assert!(matches!(&told[2], Notice::Bad(text) if text.contains("tor.txt: 2:1: no address")), "{told:?}");
    std::fs::remove_file(&city).unwrap();
    std::fs::write(&list, b"").unwrap();
    places.look(&places.look(&seen));
    assert_eq!((country(), listed()), (None, 0));
    assert!(!places.databases()[0].refused && !places.lists()[0].refused);
}

#[test]
fn what_is_corrupt_is_refused_at_the_start() {
    let folder = Folder::new();
    for bytes in [b"no database".to_vec(), Vec::new(), city()[..300].to_vec()] {
        let city = Some(folder.file("bad.mmdb", &bytes));
        let refused = PlaceTables::load(PlaceSettings { city, ..PlaceSettings::default() }, clock(BUILT).as_ref());
        assert!(refused.is_err_and(|why| why.to_string().contains("bad.mmdb: ")));
    }
    let pipe = Path::new("/dev/zero").to_owned();
    let refused =
        PlaceTables::load(PlaceSettings { asn: Some(pipe), ..PlaceSettings::default() }, clock(BUILT).as_ref());
    assert!(refused.is_err_and(|why| why.to_string() == "/dev/zero: it is no regular file"));
}

#[test]
fn lists_say_what_stands_on_them() {
    let folder = Folder::new();
    let entries = |text: &str| ListSource::Given(Arc::new(AddressList::parse(text.as_bytes()).unwrap()));
    let list = |name: &str, source, weight| ListSettings { name: name.into(), source, weight };
    let lists = vec![
        list("office", entries("10.0.0.0/8\n81.1.0.0/16"), -1.0),
        list("hosting", entries("AS64500"), 0.7),
        list("gone", ListSource::File(folder.0.path().join("gone.txt")), 9.0),
    ];
    let places = places(PlaceSettings { lists, ..both(&folder) }, &clock(BUILT));
    let of = |address: &str| -> Vec<(String, f64)> {
        places.evidence(ip(address)).into_iter().map(|e| (e.list.to_string(), e.weight)).collect()
    };
    let (office, hosting) = (("office".to_owned(), -1.0), ("hosting".to_owned(), 0.7));
    assert_eq!(of("10.9.9.9"), std::slice::from_ref(&office));
    assert_eq!(of("81.1.2.3"), [office, hosting.clone()]);
    assert_eq!(of("2a02:2121::5"), [hosting]);
    assert!(of("8.8.8.8").is_empty());
}

/// Opens a database, goes through it and asks it for ten addresses.
fn exercise(bytes: Vec<u8>) -> Result<(), UnusableDatabase> {
    let database = GeoDatabase::open(bytes)?;
    for address in [
        "0.0.0.0",
        "1.1.1.1",
        "81.2.69.142",
        "89.160.20.112",
        "216.160.83.56",
        "255.255.255.255",
        "::",
        "2001:218::1",
        "2a02:2121::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        database.record(ip(address)).map(|found| (found.country(), found.location()));
    }
    database.survey(100_000, &ManualClock::default(), |_, _| {}).map(drop)
}

proptest! {
    #[test]
    fn no_mutant_of_a_database_makes_it_panic_or_runs_for_ever(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        which in any::<bool>(),
    ) {
        let mut bytes = if which { city() } else { asn() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = exercise(bytes);
    }
}

/// The databases by which the readers of this format are tested: `MMDB_FOLDER` names the folder of a source package that
/// holds them (`make geoip` fetches one).
#[test]
fn every_database_that_readers_are_tested_by_is_opened_without_a_panic() {
    let Some(folder) = std::env::var_os("MMDB_FOLDER") else { return };
    let (mut folders, mut count, mut good) = (vec![PathBuf::from(folder)], 0, 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == "GeoLite2-City-Test.mmdb") {
                let database = GeoDatabase::open(std::fs::read(&path).unwrap()).unwrap();
                let london = database.record(ip("81.2.69.142")).unwrap();
                assert_eq!(london.country(), Country::parse("GB"));
                assert_eq!(london.location().map(|l| (l.latitude, l.radius_km)), Some((51.5142, 10.0)));
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "mmdb") {
                count += 1;
                good += usize::from(exercise(std::fs::read(&path).unwrap()).is_ok());
            }
        }
    }
    assert_eq!((count, good), (73, 49), "of the package maxminddb 3.2.0");
}

#[test]
fn the_owner_of_a_network_is_told_where_a_database_tells() {
    let folder = Folder::new();
    let named = |key, value| map(&[("autonomous_system_number", MmdbValue::U32(64_500)), (key, value)]);
    let networks = nets(&[
        ("81.0.0.0/16", named("autonomous_system_organization", MmdbValue::text(" Example\u{7} Net "))),
        ("81.1.0.0/16", named("as_name", MmdbValue::text(&"x".repeat(100)))),
        ("81.2.0.0/16", named("autonomous_system_organization", MmdbValue::U32(7))),
        ("81.3.0.0/16", MmdbValue::text("FR")),
        ("10.0.0.0/8", named("as_name", MmdbValue::text("Inside"))),
    ]);
    let asn = Some(folder.file("asn.mmdb", &mmdb::database("Test-ASN", BUILT, &networks)));
    let now = clock(BUILT);
    let places = places(PlaceSettings { asn, max_age: Duration::from_secs(60), ..PlaceSettings::default() }, &now);
    let owner = |address: &str| places.network_owner(ip(address));
    assert_eq!(owner("81.0.0.1").as_deref(), Some("Example Net"));
    assert_eq!(owner("81.1.0.1").map(|name| name.len()), Some(64));
    for unknown in ["81.2.0.1", "81.3.0.1", "81.4.0.1", "10.1.2.3"] {
        assert_eq!(owner(unknown), None, "{unknown}");
    }
    now.now.fetch_add(61_000, Ordering::SeqCst);
    assert_eq!(owner("81.0.0.1"), None, "too old");
}
