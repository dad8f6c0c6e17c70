//! `factors.passkeys`: judged by the hosts that use them.

use super::{Place, file, tells};

#[test]
fn passkeys_are_judged_by_the_hosts_that_use_them() {
    let with = |passkeys: &str| file("", &format!("factors: {{ passkeys: {{ {passkeys} }} }}\n"));
    for (passkeys, message) in [
        ("rp_id: com", "public suffix"),
        ("rp_id: co.uk", "public suffix"),
        ("rp_id: 10.0.0.1", "public suffix"),
        ("rp_id: \"https://example.com\"", "not a domain"),
        ("rp_id: example.org", "no host lies in this domain"),
        ("rp_id: p.example.com", "no host lies in this domain"),
        ("allow: [yubikey]", "not an AAGUID"),
        ("allow: []", "nobody could register"),
        ("allow: [ee882879-721c-4913-9775-3dfcce97072a]", "only claimed"),
        ("attestation: required", "without roots"),
        ("upgrade: on, attestation: required, roots: corp.pem", "every such passkey is refused"),
        ("attestation: required, roots: nowhere.pem", "cannot read"),
    ] {
        tells(&with(passkeys), message);
    }
    let place = Place::new();
    let settings = |passkeys: &str| place.load(&with(passkeys)).settings.unwrap();
    assert_eq!(settings("rp_id: example.com").flow.rp_id("erp.example.com"), "example.com");
    let default = settings("attestation: none").flow;
    assert_eq!(default.rp_id("erp.example.com"), "erp.example.com");
    assert!(default.offer_at("erp.example.com").served.contains(crate::auth::proof::Method::Passkey));
    assert!(place.load(&file("", "factors: { passkeys: off }\n")).settings.unwrap().flow.passkeys.is_none());
}

/// An app on each of these hosts.
fn apps(hosts: &[&str], passkeys: &str) -> String {
    let app = |host: &&str| {
        format!(
            "  - host: {host}\n    upstream: http://10.0.0.5:8080\n    rules: [{{ path: /**, require: two_factor }}]\n"
        )
    };
    let apps: String = hosts.iter().map(app).collect();
    format!(
        "apps:\n{apps}listen: {{ plain: [\"127.0.0.1:8080\"] }}\nusers: {{ database: sqlite://./a.db }}\n\
         factors: {{ passkeys: {{ {passkeys} }} }}\n"
    )
}

#[test]
fn hosts_outside_of_the_domain_are_related_to_it_if_the_operator_says_so() {
    const ON: &str = "rp_id: example.com, related_origins: on";
    let offered = |text: &str, host: &str| {
        let settings = Place::new().load(text).settings.unwrap();
        settings.flow.offer_at(host).served.contains(crate::auth::proof::Method::Passkey)
    };
    let two = ["example.com", "erp.example.com", "shop.example.net"];
    let off = apps(&two, "rp_id: example.com");
    tells(&off, "add `related_origins: on`");
    assert!(!offered(&off, "shop.example.net"));
    let on = apps(&two, ON);
    assert!(offered(&on, "shop.example.net") && !offered(&on, "example.net"));
    let flow = Place::new().load(&on).settings.unwrap().flow;
    assert_eq!(flow.rp_id("shop.example.net"), "example.com");
    assert!(Place::new().load(&on).problems.is_empty());
    tells(&apps(&two[1..], ON), "{\"origins\":[\"https://shop.example.net\"]}");
    tells(&apps(&["example.com"], "related_origins: on"), "add `rp_id: example.com`");
    tells(&apps(&["example.com", "erp"], ON), "no passkeys are offered on erp");
    // One name, however many suffixes.
    let five = ["example.com", "a.one.net", "two.net", "three.net", "four.net", "five.net", "one.co.uk", "b.one.net"];
    let settings = Place::new().load(&apps(&five, ON)).settings.unwrap();
    assert_eq!(settings.flow.passkeys.unwrap().related, five[1..]);
    let six = [&five[..], &["six.net"]].concat();
    tells(&apps(&six, ON), "domains of 5 names, and these have more: five, four, one, six, three, two");
    assert!(Place::new().load(&apps(&six, ON)).settings.is_none(), "an error");
}
