//! Files that were made to cost time, or that the system shows no more.

use super::*;

#[test]
fn a_database_whose_look_ups_take_long_is_refused() {
    let slow = ManualClock { now: AtomicU64::new(0), step: 3_000 };
    let database = GeoDatabase::open(city()).unwrap();
    let refused = database.survey(usize::MAX, &slow, |_, _| {}).unwrap_err();
    assert!(refused.to_string().starts_with("a look-up takes longer than"), "{refused}");
}

/// A record in which each of thirty maps names the next twice: 2^30 values, in 500 bytes.
fn unfolding() -> Vec<u8> {
    let mut record = Vec::new();
    for level in 0..30_usize {
        // A map of two; the rest of it is as long in each.
        record.push(0xe2);
        let next = (level + 1) * 25;
        for _ in 0..2 {
            record.extend_from_slice(b"\x48location");
            record.extend_from_slice(&[0x20 | u8::try_from(next >> 8).unwrap(), next.to_le_bytes()[0]]);
        }
        record.extend_from_slice(&[0xa0; 2]);
    }
    record.push(0xe0);
    record
}

/// What a look-up may cost is counted by the reader in values, whatever clocks say: none goes on for ever.
#[test]
fn a_record_that_unfolds_without_end_is_refused_by_steps_and_not_by_time() {
    let still = clock(BUILT);
    let database = GeoDatabase::open(mmdb::of_one_record(&unfolding())).unwrap();
    assert!(database.record(ip("81.1.2.3")).is_none(), "it says nothing");
    let refused = database.survey(usize::MAX, still.as_ref(), |_, _| {}).unwrap_err().to_string();
    assert!(refused.contains("exceeded") && !refused.contains("takes longer"), "{refused}");
    let folder = Folder::new();
    let city = Some(folder.file("unfolding.mmdb", &mmdb::of_one_record(&unfolding())));
    let refused = PlaceTables::load(PlaceSettings { city, ..PlaceSettings::default() }, still.as_ref());
    assert!(refused.is_err_and(|why| why.to_string().contains("unfolding.mmdb: ")));
}

#[test]
fn a_file_of_which_the_system_tells_nothing_is_told_of_and_what_was_read_stays() {
    let folder = Folder::new();
    let clock = clock(BUILT);
    let settings = both(&folder);
    let city = settings.city.clone().unwrap();
    let places = places(settings, &clock);
    let seen = places.look(&[]);
    std::fs::remove_file(&city).unwrap();
    std::os::unix::fs::symlink(&city, &city).unwrap();
    let seen = places.look(&places.look(&seen));
    assert!(places.place(ip("81.1.2.3")).country.is_some(), "what was read stays");
    assert!(places.databases()[0].refused);
    let told = notices::all(&places.tables.load(), clock.now());
    assert!(matches!(&told[0], Notice::Bad(text) if text.contains("what was read before stays")), "{told:?}");
    // At the start it is an error.
    let refused =
        PlaceTables::load(PlaceSettings { city: Some(city.clone()), ..PlaceSettings::default() }, clock.as_ref());
    assert!(refused.is_err());
    std::fs::remove_file(&city).unwrap();
    places.look(&places.look(&seen));
    assert!(!places.databases()[0].refused && places.place(ip("81.1.2.3")).country.is_none());
}
