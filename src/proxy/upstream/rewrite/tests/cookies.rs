use super::*;
use crate::proxy::settings::SameSite;

fn cookie(app: &AppSettings, asked: &str, cookie: &str) -> String {
    told(app, asked, &[("set-cookie", cookie.as_bytes())]).remove(0)
}

#[test]
fn a_cookie_of_the_apps_own_domain_becomes_the_hosts() {
    for (from, to) in [
        ("a=1; Domain=erp.internal; Secure", "a=1; Secure"),
        ("a=1; Domain=.ERP.internal; Path=/x; Secure", "a=1; Path=/x; Secure"),
        ("a=1;domain = erp.internal. ;Secure", "a=1;Secure"),
        ("a=1; Domain=erp.internal:8080; Secure", "a=1; Secure"),
        ("a=1; Domain=\"erp.internal\"; Secure", "a=1; Secure"),
        ("a=1; Domain=\"evil.test\"; Secure", "a=1; Domain=\"evil.test\"; Secure"),
        ("a=1; Domain=10.0.0.5; Secure", "a=1; Secure"),
        ("a=1; Domain=[2001:db8::5]; Secure", "a=1; Secure"),
        ("a=1; Domain=inner.corp.test; Secure", "a=1; Secure"),
        ("a=1; Domain=corp.test; Secure", "a=1; Secure"),
        ("a=1; Domain=erp.example.com:8080; Secure", "a=1; Secure"),
        ("a=1; Domain=evil.test; Domain=erp.internal; Secure", "a=1; Secure"),
        ("a=1; Domain=erp.internal; Domain=; Secure", "a=1; Secure"),
        ("Domain=erp.internal; Domain=erp.internal; Secure", "Domain=erp.internal; Secure"),
        ("__Host-a=1; Path=/; Domain=erp.internal; Secure", "__Host-a=1; Path=/; Secure"),
    ] {
        assert_eq!(cookie(&app(), ASKED, from), to, "{from}");
    }
    for stays in [
        "a=1; Domain=erp.example.com; Secure",
        "a=1; Domain=.example.com; Secure",
        "a=1; Domain=com; Secure",
        "a=1; Domain=evil.test; Secure",
        "a=1; Domain=x.erp.internal; Secure",
        "a=1; Domain=erp.internal; Domain=evil.test; Secure",
        "a=1; Domain=0.0.5; Secure",
        "a=1; Domain=; Secure",
        "a=1; Domain; Secure",
        "a=1; X-Domain=erp.internal; Secure",
        "Domain=erp.internal; Secure",
    ] {
        assert_eq!(cookie(&app(), ASKED, stays), stays);
    }
}

#[test]
fn cookies_are_secured_over_https_and_get_what_is_configured() {
    let with = |secure, same_site| AppSettings { cookies: CookieSettings { secure, same_site }, ..app() };
    let http = "http://erp.example.com:8000";
    let (lax, none) = (Some(SameSite::Lax), Some(SameSite::None));
    for (secure, same_site, asked, from, to) in [
        (true, None, ASKED, "a=1", "a=1; Secure"),
        (true, None, ASKED, "a=1; secure=x", "a=1; secure=x"),
        (true, None, ASKED, "secure=1", "secure=1; Secure"),
        (true, None, ASKED, "a=1; SameSite=None", "a=1; SameSite=None; Secure"),
        (true, None, ASKED, "a=1; Max-Age=0", "a=1; Max-Age=0; Secure"),
        (true, None, ASKED, "__Secure-a=1", "__Secure-a=1; Secure"),
        (true, None, http, "a=1", "a=1"),
        (true, None, http, "a=1; Secure", "a=1; Secure"),
        (false, None, ASKED, "a=1", "a=1"),
        (true, lax, ASKED, "a=1", "a=1; Secure; SameSite=Lax"),
        (true, lax, ASKED, "a=1; samesite=STRICT", "a=1; samesite=STRICT; Secure"),
        (true, lax, ASKED, "a=1; SameSite=odd; Secure", "a=1; SameSite=odd; Secure; SameSite=Lax"),
        (
            true,
            lax,
            ASKED,
            "a=1; SameSite=None; SameSite; Secure",
            "a=1; SameSite=None; SameSite; Secure; SameSite=Lax",
        ),
        (false, lax, ASKED, "a=1", "a=1; SameSite=Lax"),
        (true, lax, http, "a=1", "a=1; SameSite=Lax"),
        (true, none, ASKED, "a=1", "a=1; Secure; SameSite=None"),
        (false, none, ASKED, "a=1", "a=1; Secure; SameSite=None"),
        (true, none, http, "a=1", "a=1"),
        (
            true,
            Some(SameSite::Strict),
            ASKED,
            "__Host-a=1; Secure; Path=/",
            "__Host-a=1; Secure; Path=/; SameSite=Strict",
        ),
    ] {
        assert_eq!(cookie(&with(secure, same_site), asked, from), to, "{secure} {same_site:?} {asked} {from}");
    }
    let several: &[(_, &[u8])] =
        &[("set-cookie", b"a=1; Secure"), ("set-cookie", b"b=2"), ("set-cookie", b"c=3; Secure")];
    assert_eq!(told(&app(), ASKED, several), ["a=1; Secure", "b=2; Secure", "c=3; Secure"]);
}
