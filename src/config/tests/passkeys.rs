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
