//! `portal.host`, and the apps beside it.

use super::*;

fn with(host: &str, app: &str) -> String {
    file(&format!("{app}    rules: [{{ path: /**, require: two_factor }}]\n"), &format!("portal: {{ host: {host} }}\n"))
}

#[test]
fn people_sign_in_at_one_host_for_the_apps_of_its_domain() {
    let settings = Place::new().load(&with("Login.Example.COM", "")).settings.unwrap();
    let portal = settings.portal.host.unwrap();
    assert_eq!((portal.name.as_str(), portal.without.len()), ("login.example.com", 0));
    assert_eq!(settings.proxy.portal_host.as_deref(), Some("login.example.com"));
    assert_eq!(settings.flow.portal_host.as_deref(), Some("login.example.com"));
    let settings = Place::new().load(&file("", "")).settings.unwrap();
    assert!(settings.portal.host.is_none() && settings.proxy.portal_host.is_none());
}

#[test]
fn an_app_of_another_registrable_domain_keeps_its_sign_in_to_itself() {
    tells(
        &with("login.example.org", ""),
        "2: erp.example.com and login.example.org, where people sign in (line 7), have no",
    );
    tells(&with("login.example.org", ""), "give the app a host under example.org, or add `portal: off`");
    let settings = Place::new().load(&with("login.example.org", "    portal: off\n")).settings.unwrap();
    assert_eq!(settings.portal.host.unwrap().without.into_iter().collect::<Vec<_>>(), ["erp.example.com"]);
    // Two customers of one hosting provider are two sites (publicsuffix.org).
    let github = |host: &str| with("login.github.io", "").replace("erp.example.com", host);
    tells(&github("erp.github.io"), "erp.github.io and login.github.io");
    assert_eq!(told(&github("erp.login.github.io")), Vec::<String>::new());
}

#[test]
fn the_host_is_one_of_its_own_that_can_have_apps_beside_it() {
    tells(&with("erp.example.com", ""), "no app can stand there");
    for odd in ["login", "10.0.0.1", "co.uk", "localhost"] {
        let told = told(&with(odd, "    portal: off\n"));
        assert_eq!(told, ["8: this host is an address, a single name or a public suffix"], "{odd}");
    }
    for odd in
        ["https://login.example.com", "login.example.com:443", "login.example.com/x", "\"*.example.com\"", "\"\""]
    {
        assert_eq!(told(&with(odd, "")), ["7: not a host"], "{odd}");
    }
}

#[test]
fn a_certificate_must_be_good_for_the_host() {
    let tls = |host: &str, stem: &str| {
        with(host, "").replace("{ plain: [\"127.0.0.1:8080\"] }", "{ https: [\"127.0.0.1:8443\"] }")
            + &format!(
                "tls: {{ certificates: [{{ cert: wildcard.pem, key: wildcard.key }}, {{ cert: {stem}.pem, key: {stem}.key }}] }}\n"
            )
    };
    assert_eq!(told(&tls("login.example.com", "erp")), Vec::<String>::new());
    tells(&tls("login.eu.example.com", "erp"), "browsers will refuse login.eu.example.com, and nobody could sign in");
}
