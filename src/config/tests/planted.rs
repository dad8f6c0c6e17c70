//! Every mistake of a file is told in one run, each at its place: mistakes of all kinds are planted into the example.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

const EXAMPLE: &str = include_str!("../../../config/example.yaml");

/// A line of the example, and what it becomes; `¦` marks where the mistake is.
struct Plant {
    line: usize,
    text: String,
}

/// Mistakes that only somebody who knows the key can make: what stands there, and what it becomes.
const JUDGED: &[(&str, &str)] = &[
    ("https: [\"0.0.0.0:443\", ", "https: [¦nonsense, "),
    ("http: [\"0.0.0.0:80\"]", "http: [¦\"0.0.0.0:99999\"]"),
    ("admin: \"127.0.0.1:9180\"", "admin: ¦9180"),
    ("key: /etc/stepgate/wildcard.key", "key: ¦absent.key"),
    ("[10.0.0.0/8, \"2001:db8::/32\"]", "[10.0.0.0/8, ¦10.0.0.1/8]"),
    ("logo: /etc/stepgate/logo.svg", "logo: ¦absent.svg"),
    ("accent: \"#1f4fd8\"", "accent: ¦\"#ffff00\""),
    ("support: \"it-help@example.com\"", "support: ¦nobody"),
    ("database: sqlite:///var/lib/stepgate/stepgate.db", "database: ¦mysql://h/d"),
    ("signup: off", "signup: ¦opn"),
    ("ldap: off", "ldap: ¦{ url: x }"),
    ("memory: 19MiB", "memory: ¦1KiB"),
    ("iterations: 2 ", "iterations: ¦0 "),
    ("concurrent: 2 ", "concurrent: ¦two "),
    ("min_length: 15 ", "min_length: ¦-15 "),
    ("breached: /etc/stepgate/breached.txt", "breached: ¦/etc/stepgate/tor.txt"),
    ("url: redis://127.0.0.1:6379/0", "url: ¦redis://h/zero"),
    ("timeout: 250ms", "timeout: ¦250"),
    ("prefix: \"stepgate:\"", "prefix: ¦\"a b\""),
    ("key_file: /etc/stepgate/master.key", "key_file: ¦absent.key"),
    ("digits: 6 ", "digits: ¦7 "),
    ("period: 30s", "period: ¦1s"),
    ("skew: 1 ", "skew: ¦3 "),
    ("issuer: \"Example Ltd\"", "issuer: ¦\"a:b\""),
    ("backup_codes: 10 ", "backup_codes: ¦300 "),
    ("attestation: none", "attestation: ¦sometimes"),
    ("  idle: 1h  ", "  idle: ¦13h  "),
    ("absolute: 12h", "absolute: ¦0s"),
    ("sign_in: 15m", "sign_in: ¦15"),
    ("password: { tries: 20, refill: 30s }", "password: { tries: 20, refill: ¦30 }"),
    ("totp: { tries: 5, refill: 30s }", "totp: { tries: ¦0, refill: 30s }"),
    ("lockout: { tries: 30 }", "lockout: { ¦often: 30 }"),
    ("lockout: { tries: 30 }", "lockout: { tries: ¦101 }"),
    ("new_network: { tries: 5, ", "new_network: { tries: ¦0, "),
    ("known_browser: { tries: 10, refill: 30s }", "known_browser: { ¦trys: 10, refill: 30s }"),
    ("network: { tries: 1000, ", "network: { tries: ¦5000000000, "),
    ("header_bytes: 64KiB", "header_bytes: ¦1GiB"),
    ("portal_body: 64KiB", "portal_body: ¦0"),
    ("streams: 100 ", "streams: ¦0 "),
    ("mode: shadow", "mode: ¦dark"),
    ("dialects: [htmx, jsf]", "dialects: [htmx, ¦htmx]"),
    ("dialects: [htmx, jsf]", "dialects: ¦[]"),
    ("dialects: [htmx, jsf]", "dialects: [htmx, ¦wicket]"),
    ("step_up_script: on ", "step_up_script: ¦perhaps "),
    ("city: /etc/stepgate/city.mmdb", "city: ¦/etc/stepgate/tor.txt"),
    ("asn: /etc/stepgate/asn.mmdb", "asn: ¦/etc/stepgate/erp.pem"),
    ("max_age: 60d", "max_age: ¦60"),
    ("file: /etc/stepgate/tor.txt, evidence", "file: ¦/etc/stepgate/logo.svg, evidence"),
    ("evidence: 1.6 }", "evidence: ¦much }"),
    ("cidrs: [198.51.100.0/24]", "cidrs: [¦198.51.100.1/24]"),
    ("evidence: -1.0", "evidence: ¦0"),
    ("thresholds: { medium: 2.0, high: 4.0 }", "thresholds: { medium: 2.0, high: ¦1.0 }"),
    ("half_life: 60d", "half_life: ¦60"),
    ("retention: 180d", "retention: ¦1h"),
    ("fail: step_up", "fail: ¦open"),
    ("medium: step_up, high: deny }", "medium: step_up, high: ¦permit }"),
    ("country: step_up, browser", "country: ¦ask, browser"),
    ("shutdown_grace: 30s", "shutdown_grace: ¦5"),
    ("methods: [passkey, totp]", "methods: [¦totpp, totp]"),
    ("- host: erp.example.com", "- host: ¦https://erp.example.com/"),
    ("servers: [\"https://10.0.0.5:8443\", ", "servers: [¦\"ftp://10.0.0.5:8443\", "),
    ("balance: round_robin", "balance: ¦random"),
    ("health: { path: /up, interval: 5s }", "health: { path: ¦up, interval: 5s }"),
    ("ca: /etc/stepgate/corp.pem", "ca: ¦absent.pem"),
    ("sni: erp.internal", "sni: ¦a b"),
    ("connect_timeout: 3s", "connect_timeout: ¦3"),
    ("http2: false", "http2: ¦maybe"),
    ("{ user: Remote-User, ", "{ user: ¦Host, "),
    ("lifetime: 60s", "lifetime: ¦5m"),
    ("username: gateway", "username: ¦\"a:b\""),
    ("password_file: /etc/stepgate/erp-password", "password_file: ¦absent"),
    ("tolerate: [path_parameters]", "tolerate: [¦anything]"),
    ("max_body: 100MiB", "max_body: ¦0"),
    ("path: \"/assets/**\"", "path: ¦assets"),
    ("path: /admin/**", "path: /admin/**\n        path_regex: ¦\"/(\""),
    ("methods: [POST, PUT, PATCH, DELETE]", "methods: [¦\"\", PUT]"),
    ("networks: [10.0.0.0/8]", "networks: [¦inside]"),
    ("require: { strength: two_factor, max_age: 5m }", "require: { strength: two_factor, max_age: ¦5 }"),
    ("on_risk: off", "on_risk: ¦sometimes"),
    ("on_change: off", "on_change: { network: ¦ask }"),
    ("require: payroll }", "require: ¦payrol }"),
    ("path_regex: \"/v[0-9]+/.*\"", "path_regex: ¦\"/(\""),
    ("kind: api", "kind: ¦apis"),
    ("origins: [\"https://spa.example.com\"]", "origins: [¦\"https://spa.example.com/x\"]"),
    ("methods: [GET, PUT]", "methods: [¦\"*\"]"),
    ("headers: [authorization, content-type]", "headers: [¦\"a b\"]"),
    ("max_age: 10m", "max_age: ¦10"),
    ("preflight: pass", "preflight: ¦answer"),
    ("access: deny }", "access: ¦open }"),
    ("- { path: /**, require: two_factor }", "- ¦{ path: /** }"),
];

/// Every mistake that can be planted.
fn plants() -> Vec<Plant> {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let mut all = Vec::new();
    for (from, to) in JUDGED {
        let hits: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].contains(from)).collect();
        assert!(!hits.is_empty(), "the example has no line with {from:?}");
        all.extend(hits.into_iter().map(|line| Plant { line, text: lines[line].replacen(from, to, 1) }));
    }
    for (i, line) in lines.iter().enumerate() {
        let bare = line.split(" #").next().unwrap_or_default().trim_end();
        let indent = " ".repeat(line.len() - line.trim_start().len());
        let Some((key, value)) =
            bare.split_once(": ").filter(|(k, _)| k.trim().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        else {
            continue;
        };
        // a value of the wrong kind; a key that nobody knows
        let wrong = if value.starts_with('[') { "zzz" } else { "[[zzz]]" };
        all.push(Plant { line: i, text: format!("{key}: ¦{wrong}") });
        all.push(Plant { line: i, text: format!("{indent}¦zzz_{i}: 1\n{line}") });
    }
    all
}

/// The file with these mistakes, and the places where they stand.
fn planted(chosen: &[&Plant]) -> (String, BTreeSet<(usize, usize)>) {
    let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).collect();
    let mut taken = BTreeSet::new();
    for plant in chosen {
        if taken.insert(plant.line) {
            lines[plant.line].clone_from(&plant.text);
        }
    }
    // as `Place::load` will do
    let text = lines.join("\n").replace("/etc/stepgate/", "").replace("sqlite:///var/lib/stepgate/", "sqlite://");
    let mut places = BTreeSet::new();
    for (i, line) in text.lines().enumerate() {
        if let Some(at) = line.find('¦') {
            places.insert((i + 1, line[..at].chars().count() + 1));
        }
    }
    (text.replace('¦', ""), places)
}

/// What is told but was not planted, and what was planted but is not told.
fn differences(chosen: &[&Plant]) -> Option<String> {
    let (text, places) = planted(chosen);
    let place = Place::new();
    let loaded = place.load(&text);
    let errors = loaded.problems.iter().filter(|p| p.severity == crate::config::Severity::Error);
    let told: BTreeSet<(usize, usize)> = errors.map(|p| (p.line, p.column)).collect();
    let line = |(n, c): &(usize, usize)| format!("  {n}:{c}: {}\n", text.lines().nth(n - 1).unwrap_or_default());
    let missed: String = places.difference(&told).map(line).collect();
    let invented: String = told.difference(&places).map(line).collect();
    let fine = missed.is_empty() && invented.is_empty();
    (!fine).then(|| format!("not told:\n{missed}told for nothing:\n{invented}"))
}

#[test]
fn each_mistake_alone_is_told_at_its_place_and_nothing_else() {
    let faults: String = plants().iter().filter_map(|p| differences(&[p])).collect();
    assert!(faults.is_empty(), "{faults}");
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(48))]

    #[test]
    fn every_mistake_of_a_file_is_told_in_one_run(chosen in subsequence((0..plants().len()).collect::<Vec<_>>(), 1..60)) {
        let all = plants();
        let chosen: Vec<&Plant> = chosen.into_iter().map(|i| &all[i]).collect();
        let faults = differences(&chosen);
        prop_assert!(faults.is_none(), "{}", faults.unwrap_or_default());
    }
}
