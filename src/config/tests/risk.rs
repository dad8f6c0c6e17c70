//! `risk`: what is told of databases and lists that cannot be used, and what the settings are.

use std::time::Duration;

use super::*;
use crate::auth::proof::RiskAction;
use crate::auth::time::Timestamp;
use crate::flow::settings::RiskSettings;
use crate::risk::settings::{IpStore, Mode, OnFault, TargetRate};

fn load(risk: &str, now: u64) -> Loaded {
    let place = Place::new();
    let text = file("", &format!("risk: {risk}\n"));
    from_bytes("stepgate.yaml", place.path(), text.as_bytes(), Some(Timestamp::from_secs(now)), false)
}

/// What is told of it, with the columns.
fn faults(risk: &str) -> Vec<String> {
    load(risk, BUILT).problems.iter().map(|p| format!("{}: {} = {}", p.column, p.message, p.fix)).collect()
}

#[test]
fn files_that_cannot_be_used_are_told_at_their_place() {
    for (risk, parts) in [
        ("{ geoip: { city: erp.pem } }", ["24: this database cannot be used: ", "could not find MaxMind DB metadata"]),
        ("{ geoip: { city: gone.mmdb } }", ["24: there is no such file", "geoip.city says nothing"]),
        ("{ geoip: { asn: \".\" } }", ["23: cannot read ", "it is a directory"]),
        ("{ geoip: { max_age: 3d } }", ["16: `geoip` names no database", "add `city: …`"]),
        ("{ lists: [{ name: a, file: logo.svg, evidence: 1 }] }", ["34: ", "logo.svg:1:1: no address"]),
        ("{ lists: [{ name: a, file: gone, evidence: 1 }] }", ["34: there is no such file", "this list says nothing"]),
        ("{ lists: [{ name: a, evidence: 1 }] }", ["17: nothing says what stands", "add `file: …` or `cidrs"]),
        ("{ lists: [{ name: a, cidrs: [AS1], file: tor.txt, evidence: 1 }] }", ["35: ", "both given"]),
        ("{ lists: [{ name: a, cidrs: [10.0.0.1/8], evidence: 1 }] }", ["36: ", "write `10.0.0.0/8`"]),
        ("{ lists: [{ name: \"a b\", cidrs: [AS1], evidence: 1 }] }", ["25: not the name", "lower-case"]),
        ("{ lists: [{ name: a, cidrs: [AS1], evidence: 99 }] }", ["52: a list of this weight", "-10 to 10"]),
        (
            "{ thresholds: { medium: 1 }, target_prompt_rate: { medium: 1% } }",
            ["56: `thresholds` and `target_prompt_rate` are both given", "keep one of them"],
        ),
        ("{ target_prompt_rate: { medium: 1 } }", ["39: not a percentage", "write it like `1%`"]),
        ("{ target_prompt_rate: { medium: 90% } }", ["39: nobody can be held", "0.01% to 20%"]),
        ("{ target_prompt_rate: { medium: 0.1% } }", ["39: `high` (0.2%) is not below `medium` (0.1%)", "smaller"]),
        ("{ privacy: { key_rotation: 1h } }", ["34: a key of profiles", "write 7d to 365d"]),
        ("{ lists: [{ name: a, cidrs: [AS1] }] }", ["17: `evidence` is missing", "as 1.6"]),
    ] {
        let told = faults(risk);
        assert_eq!(told.len(), 1, "{risk}: {told:#?}");
        let missing: Vec<_> = parts.iter().filter(|part| !told[0].contains(**part)).collect();
        assert!(missing.is_empty(), "{risk}: {missing:?} not in {told:#?}");
    }
}

/// A change that no database tells of never happens.
#[test]
fn a_change_that_cannot_be_seen_is_warned_of() {
    for (risk, expected) in [
        ("{ on_change: { network: step_up } }", Some("31: no database says which network")),
        ("{ geoip: { city: city.mmdb }, on_change: { network: step_up } }", Some("no database says which network")),
        ("{ geoip: { asn: asn.mmdb }, on_change: { country: deny } }", Some("add `country: …` or `city: …`")),
        ("{ geoip: { asn: asn.mmdb }, on_change: { network: step_up } }", None),
        ("{ geoip: { city: city.mmdb }, on_change: { country: deny, browser: step_up } }", None),
        ("{ on_change: { network: permit } }", None),
    ] {
        let told = faults(risk);
        assert_eq!(told.len(), usize::from(expected.is_some()), "{risk}: {told:#?}");
        assert!(told.iter().zip(expected).all(|(told, part)| told.contains(part)), "{risk}: {told:#?}");
    }
    let rules = "    rules:\n      - { path: /**, require: two_factor, on_change: { network: step_up } }\n";
    let told = Place::new().load(&file(rules, "risk: { mode: shadow }\n")).problems;
    assert!(told.len() == 1 && told[0].message.starts_with("no database says which network"), "{told:#?}");
}

#[test]
fn a_stale_database_and_one_of_another_kind_are_told() {
    let told = |now| load("{ geoip: { asn: asn.mmdb, max_age: 30d } }", now).problems;
    assert!(told(BUILT).is_empty());
    let late = told(BUILT + 40 * 24 * 3600);
    assert_eq!(late[0].message, "this database is 40 days old, beyond `max_age`: it says nothing");
    let place = Place::new();
    let record = MmdbValue::Map(vec![("country_code", MmdbValue::text("NO"))]);
    let bytes = mmdb::database("Countries", BUILT, &[("81.0.0.0/8".parse().unwrap(), record)]);
    std::fs::write(place.path().join("asn.mmdb"), bytes).unwrap();
    let wrong = place.load(&file("", "risk: { geoip: { asn: asn.mmdb } }\n")).problems;
    assert_eq!(wrong[0].message, "this database (Countries) names no autonomous system");
}

#[test]
fn what_stands_there_is_what_holds() {
    let risk = "{ mode: shadow, fail: deny, geoip: { city: city.mmdb }, thresholds: { medium: 1 }, half_life: 10d,
        lists: [{ name: tor, file: tor.txt, evidence: 1.6 }], on_risk: { medium: step_up }, on_change: { country: deny } }";
    let settings = load(risk, BUILT).settings.unwrap();
    let (risk, places) = (settings.flow.risk.unwrap(), settings.store.places);
    assert_eq!((risk.model.mode, risk.model.fail, risk.model.thresholds.medium), (Mode::Shadow, OnFault::Deny, 1.0));
    assert_eq!((risk.model.half_life, risk.model.retention.as_secs()), (Duration::from_secs(864_000), 180 * 86_400));
    assert_eq!((risk.on_risk.unscored, risk.on_risk.high), (RiskAction::Permit, RiskAction::StepUp));
    assert_eq!(risk.on_change.country, RiskAction::Deny);
    assert!(places.city.unwrap().ends_with("city.mmdb") && places.asn.is_none());
    assert_eq!((&*places.lists[0].name, places.lists[0].weight), ("tor", 1.6));
    let risk = "{ target_prompt_rate: { high: 0.5 % }, privacy: { ip_store: prefix, key_rotation: 30d } }";
    let model = load(risk, BUILT).settings.unwrap().flow.risk.unwrap().model;
    assert_eq!(model.target, Some(TargetRate { medium: 0.01, high: 0.005 }));
    assert_eq!((model.ip_store, model.key_rotation), (IpStore::Prefix, Duration::from_secs(30 * 86_400)));
    let settings = load("{ mode: enforce }", BUILT).settings.unwrap();
    assert_eq!(settings.flow.risk, Some(RiskSettings::default()));
}
