//! Large files are read, and what is too large is named.

use std::fmt::Write as _;

use super::*;
use crate::config::yaml::parse::MAX_BYTES;

fn header() -> String {
    "users: { database: sqlite://./a.db }\nlisten: { plain: [\"127.0.0.1:8080\"] }\nsecrets: { key_file: master.key }\n"
        .to_owned()
}

/// A file of so many hosts with two rules each.
fn hosts(count: usize) -> String {
    let mut text = header() + "apps:\n";
    for n in 0..count {
        let _ = write!(
            text,
            "  - host: app{n}.example.com\n    upstream: http://10.0.{}.{}:8080\n    identity:\n      headers: {{ user: Remote-User }}\n    \
             rules:\n      - {{ path: /public/**, access: public }}\n      - {{ name: all, path: /**, require: two_factor }}\n",
            n / 250 % 250,
            n % 250 + 1
        );
    }
    text
}

/// The same as JSON in one line.
fn in_one_line(count: usize) -> String {
    let host = |n: usize| {
        format!(
            r#"{{"host":"app{n}.example.com","upstream":"http://10.0.{}.{}:8080","rules":[{{"path":"/public/**","access":"public"}},{{"name":"all","path":"/**","require":"two_factor"}}]}}"#,
            n / 250 % 250,
            n % 250 + 1
        )
    };
    let hosts: Vec<String> = (0..count).map(host).collect();
    let rest = r#""users":{"database":"sqlite://./a.db"},"listen":{"plain":["127.0.0.1:8080"]}"#;
    format!("{{{rest},\"apps\":[{}]}}", hosts.join(","))
}

#[test]
fn ten_thousand_hosts_are_read() {
    let place = Place::new();
    // In one line, as programs write it, too.
    for text in [hosts(10_000), in_one_line(10_000)] {
        let loaded = from_bytes("large.yaml", place.path(), text.as_bytes(), None, false);
        assert_eq!(loaded.text(false), "");
        assert_eq!(loaded.summary(Path::new("l.yaml")), "l.yaml: ok, 10000 apps, 20000 rules, 0 warnings");
    }
}

#[test]
fn mistakes_in_many_hosts_are_each_told_at_their_place() {
    let text = hosts(2000);
    let text = text
        .replace("app7.example.com", "app7.example.com/")
        .replace("app1999.example.com\n    upstream:", "app1999.example.com\n    upstraem:");
    let text = text.replacen("access: public", "acess: public", 150);
    let place = Place::new();
    let loaded = place.load(&text);
    let told: Vec<String> = loaded.problems.iter().map(|p| format!("{}: {}", p.line, p.message)).collect();
    assert_eq!(told.len(), 152, "{told:#?}");
    assert!(told.contains(&"54: not a host".to_owned()), "{told:#?}");
    assert!(told.contains(&format!("{}: unknown key `upstraem`", 4 + 7 * 1999 + 2)), "{told:#?}");
}

#[test]
fn what_is_too_large_is_named_with_the_limit() {
    let place = Place::new();
    let told = |text: &str| place.load(text).problems.into_iter().map(|p| p.message).collect::<Vec<_>>();
    assert_eq!(
        told(&" ".repeat(MAX_BYTES + 1)),
        ["this file has 16777217 bytes, more than the 16777216 (16 MiB) that are read"]
    );
    let many = format!("apps: [{}]", "1,".repeat(1_000_001));
    assert_eq!(told(&many), ["this file has more than 1000000 values, keys included"]);
    let mut bomb = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let _ = writeln!(bomb, "b{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 10].join(","));
    }
    assert_eq!(told(&bomb), ["aliases make this file too large: more than 50000 values, or 48 levels"]);
    // One alias in each host is no bomb.
    let shared = hosts(10_000).replacen("    rules:\n", "    rules: &rules\n", 1);
    let (first, rest) = shared.split_once("  - host: app1.").unwrap();
    let rules = "    rules:\n      - { path: /public/**, access: public }\n      - { name: all, path: /**, require: two_factor }\n";
    let shared = format!("{first}  - host: app1.{}", rest.replace(rules, "    rules: *rules\n"));
    assert_eq!(told(&shared), [""; 0]);
}
