use std::time::Duration;

use super::*;
use crate::auth::resource::{Resource, Tolerances};
use crate::config::json_schema;
use crate::store::settings::{KeySettings, StateSettings};

const SMALLEST: &str = include_str!("../../../config/smallest.yaml");
const EXAMPLE: &str = include_str!("../../../config/example.yaml");
const SCHEMA: &str = include_str!("../../../config/stepgate.schema.json");

#[test]
fn the_smallest_file_loads_and_is_small() {
    assert!(SMALLEST.lines().count() <= 12);
    let place = Place::new();
    let loaded = place.load(SMALLEST);
    assert_eq!(loaded.text(false), "");
    assert_eq!(loaded.summary(Path::new("s.yaml")), "s.yaml: ok, 1 app, 1 rule, 0 warnings");
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.proxy.listen.https[0].to_string(), "0.0.0.0:443");
    assert_eq!(settings.proxy.listen.http[0].to_string(), "0.0.0.0:80");
    assert_eq!(settings.proxy.apps[0].max_body, Some(100 * 1024 * 1024));
    assert!(matches!(settings.store.state, StateSettings::Embedded(None)));
    assert!(matches!(settings.store.keys, KeySettings::Beside(_)));
}

#[test]
fn the_full_example_loads_and_says_the_defaults() {
    let place = Place::new();
    let loaded = place.load(EXAMPLE);
    assert_eq!(loaded.text(false), "");
    let s = loaded.settings.unwrap();
    let d = crate::flow::settings::FlowSettings::default();
    assert_eq!(s.flow.password, d.password);
    assert_eq!(s.flow.totp, d.totp);
    assert_eq!(s.flow.limits, d.limits);
    assert_eq!(s.flow.session, d.session);
    assert_eq!((s.flow.ceremony_ttl, s.flow.enroll_max_age), (d.ceremony_ttl, d.enroll_max_age));
    assert_eq!((s.flow.backup_codes, s.flow.device_ttl), (d.backup_codes, d.device_ttl));
    let thresholds = s.flow.risk.as_ref().unwrap().model.thresholds;
    assert_eq!(thresholds, crate::risk::settings::Thresholds::default());
    assert_eq!(s.flow.issuer, "Example Ltd");
    let mut ample = crate::proxy::settings::ClientLimits::default();
    ample.fit(None);
    assert_eq!(s.proxy.limits, ample, "as where there is memory enough");
    assert_eq!(s.portal.logo.unwrap().0, "image/svg+xml");
    let basic = s.proxy.apps[0].identity.basic_auth.as_ref().unwrap();
    assert_eq!(basic.password.expose(), "s3cret-of-erp");
    assert!(s.policy.app("erp.example.com").unwrap().tolerate.path_parameters);
    let rules = &s.policy.app("erp.example.com").unwrap().rules;
    let names: Vec<&str> = rules.iter().map(|r| &*r.id.0).collect();
    assert_eq!(names, ["static", "admin-writes", "rule-4", "rule-5", "rule-6", "rule-7", "rule-8"]);
    assert!(rules[3].api);
    assert_eq!(rules.trials().len(), 2, "a rule in shadow, and the candidate");
    let StateSettings::Redis { timeout, prefix, .. } = s.store.state else { panic!("not redis") };
    assert_eq!((timeout, prefix.as_str()), (Duration::from_millis(250), "stepgate:"));
    let KeySettings::Ring(ring) = s.store.keys else { panic!("no ring") };
    assert_eq!(ring.used[0].expose(), [0xab; 32]);
    assert!(Resource::parse("erp.example.com", "GET", b"/", Tolerances::default()).is_ok());
}

#[test]
fn every_key_of_the_schema_stands_in_the_example() {
    fn keys(schema: &serde_json::Value, all: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(map) => {
                if let Some(properties) = map.get("properties").and_then(|p| p.as_object()) {
                    all.extend(properties.keys().cloned());
                }
                map.values().for_each(|v| keys(v, all));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|v| keys(v, all)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    keys(&serde_json::from_str(SCHEMA).unwrap(), &mut all);
    assert!(all.len() > 80);
    let absent: Vec<_> =
        all.iter().filter(|k| !EXAMPLE.contains(&format!("{k}:")) && !EXAMPLE.contains(&format!("`{k}`"))).collect();
    assert!(absent.is_empty(), "not in config/example.yaml: {absent:?}");
}

/// Run with UPDATE_SCHEMA=1 to write the file anew.
#[test]
fn the_schema_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/stepgate.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, json_schema()).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == json_schema(), "config/stepgate.schema.json is stale");
}

#[test]
fn the_examples_fit_the_schema_and_a_typo_does_not() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let judge = jsonschema::draft202012::new(&schema).unwrap();
    for text in [SMALLEST, EXAMPLE] {
        let value: serde_json::Value = serde_saphyr::from_str(text).unwrap();
        let faults: Vec<String> = judge.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
    let typo: serde_json::Value = serde_saphyr::from_str(&SMALLEST.replace("upstream", "upstraem")).unwrap();
    assert!(!judge.is_valid(&typo));
}

/// What `check` takes, an editor that goes by the schema takes too: every value of the example, written otherwise.
#[test]
fn the_schema_takes_what_check_takes() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let judge = jsonschema::draft202012::new(&schema).unwrap();
    let place = Place::new();
    let values = [
        "1.5h",
        "\"5\"",
        "5",
        "123",
        "\"10\"",
        "1h 30m",
        "90s",
        "2d",
        "64.5KiB",
        "65536",
        "\" 64 KiB \"",
        "unlimited",
        "true",
        "\"true\"",
        "on",
        "No",
        "OFF",
        "{}",
        "[]",
        "false",
        "[123]",
        "[true, x]",
        "1e3",
        "abc",
        "\"+5\"",
        "public",
        "0.5s",
    ];
    let mut taken = 0;
    for (i, line) in EXAMPLE.lines().enumerate() {
        let Some((key, _)) = line.split_once(": ").filter(|(key, _)| !key.contains('#')) else { continue };
        // each line gets some of them; together every kind of value meets many keys
        for value in values.iter().skip(i % 9).step_by(9) {
            let lines = EXAMPLE.lines().enumerate();
            let text: String =
                lines.map(|(j, l)| if i == j { format!("{key}: {value}\n") } else { format!("{l}\n") }).collect();
            if place.load(&text).settings.is_none() {
                continue;
            }
            taken += 1;
            let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
            let faults: Vec<String> =
                judge.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(faults.is_empty(), "line {}: {key}: {faults:?}", i + 1);
        }
    }
    assert!(taken > 40, "{taken}");
}
