//! Challenges for htmx and Jakarta Faces, and who may read what is told to scripts.

use super::answers::{challenged, session, unapproved};
use super::*;
use crate::auth::proof::Method::{Password, Totp};
use crate::auth::proof::challenge::Dialect;
use crate::portal::error::PortalError;
use crate::portal::settings::ScriptSettings;

const ORIGIN: &str = "https://erp.example.com:8443";
const FACES: [(&str, &str); 2] = [("faces-request", "partial/ajax"), ("sec-fetch-mode", "cors")];

/// A portal whose app has these libraries answered in their own way.
fn portal(dialects: &[Dialect]) -> Portal {
    let stage = Stage::new();
    let scripts = ScriptSettings { dialects: dialects.to_vec(), step_up_script: false };
    let settings = PortalSettings { scripts: [(HOST.to_owned(), scripts)].into(), ..PortalSettings::default() };
    Portal::new(stage.world.flows(), Destinations::new(stage.policy), settings)
}

fn tell(dialects: &[Dialect], method: &str, headers: &[(&str, &str)]) -> Reply {
    portal(dialects).challenge(&info(method, "/rows/7?a=b&c", headers), &challenged(Some(session())))
}

#[test]
fn htmx_is_led_by_a_401_and_comes_back_to_the_page_on_which_it_asked() {
    let page = |url: &str| {
        let headers = [("hx-request", "true"), ("hx-current-url", url), ("sec-fetch-mode", "cors")];
        let answer = tell(&[Dialect::Htmx], "POST", &headers);
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        assert!(header(&answer, "www-authenticate").starts_with("StepUp "));
        assert_eq!(answer.note.unwrap().name(), "htmx");
        let to = header(&answer, "hx-redirect").to_owned();
        let start = "/.stepgate/step-up?to=%2Frows%2F7%3Fa%3Db%26c&around=";
        to.strip_prefix(start).unwrap_or_else(|| panic!("{to}")).to_owned()
    };
    assert_eq!(page(&format!("{ORIGIN}/table?page=2#row-7")), "%2Ftable%3Fpage%3D2%23row-7&for=POST");
    for elsewhere in [
        "https://erp.example.com/table",
        "http://erp.example.com:8443/table",
        "https://evil.example:8443/table",
        "https://erp.example.com:8443@evil.example/table",
        "https://erp.example.com:8443//evil.example/table",
        "https://erp.example.com:8443/\\evil.example",
        "https://erp.example.com:8443/.stepgate/logout",
        "https://erp.example.com:8443",
        "//evil.example/table",
        "/table",
        "javascript:alert(1)",
        "",
    ] {
        assert_eq!(page(elsewhere), "%2F&for=POST", "{elsewhere}");
    }
}

#[test]
fn faces_is_led_by_a_partial_response() {
    let answer = tell(&[Dialect::Faces], "POST", &FACES);
    assert_eq!((answer.status(), header(&answer, "content-type")), (StatusCode::OK, "text/xml; charset=utf-8"));
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(header(&answer, "x-stepgate-response"), "challenge");
    // Its view is asked at its own address.
    let expected = "<partial-response><redirect \
                    url=\"/.stepgate/step-up?to=%2Frows%2F7%3Fa%3Db%26c&amp;for=POST\"/></partial-response>";
    assert_eq!(text(&answer), expected);
    let around = [FACES[0], FACES[1], ("referer", "https://erp.example.com:8443/view?id=1")];
    let answer = tell(&[Dialect::Faces], "POST", &around);
    let expected = "to=%2Frows%2F7%3Fa%3Db%26c&amp;around=%2Fview%3Fid%3D1&amp;for=POST\"/>";
    assert!(text(&answer).contains(expected), "{}", text(&answer));
}

#[test]
fn nobody_is_led_away_from_what_they_typed_for_nothing() {
    for (dialect, headers) in
        [(Dialect::Htmx, &[("hx-request", "true"), ("sec-fetch-mode", "cors")]), (Dialect::Faces, &FACES)]
    {
        let tell = |proved: &[_]| portal(&[dialect]).challenge(&info("POST", "/rows/7", headers), &unapproved(proved));
        let stays = tell(&[Password, Totp]);
        assert_eq!(stays.status(), StatusCode::UNAUTHORIZED);
        assert!(
            !stays.headers().contains_key("hx-redirect") && text(&stays).contains("\"transaction\""),
            "{}",
            text(&stays)
        );
        let led = tell(&[Password]);
        assert!(led.headers().contains_key("hx-redirect") || text(&led).contains("<redirect"), "{}", text(&led));
    }
}

#[test]
fn a_dialect_is_spoken_only_where_the_app_says_so_and_only_to_its_own_pages() {
    let htmx = [("hx-request", "true"), ("sec-fetch-mode", "cors")];
    let foreign = [htmx[0], htmx[1], ("origin", "https://spa.example.com")];
    let own = [htmx[0], htmx[1], ("origin", ORIGIN)];
    let led = |answer: &Reply| answer.headers().contains_key("hx-redirect") || answer.status() == StatusCode::OK;
    for (dialects, headers, expected) in [
        (&[][..], &htmx[..], false),
        (&[], &FACES, false),
        (&[Dialect::Faces], &htmx, false),
        (&[Dialect::Htmx], &FACES, false),
        (&[Dialect::Htmx, Dialect::Faces], &htmx, true),
        (&[Dialect::Htmx, Dialect::Faces], &FACES, true),
        (&[Dialect::Htmx], &own, true),
        (&[Dialect::Htmx], &foreign, false),
        (&[Dialect::Htmx], &[("hx-request", "false")], false),
    ] {
        let answer = tell(dialects, "POST", headers);
        assert_eq!(led(&answer), expected, "{dialects:?} {headers:?}");
        let vary: Vec<_> = answer.headers().get_all("vary").iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(vary.contains(&"HX-Request"), dialects.contains(&Dialect::Htmx), "{vary:?}");
        assert_eq!(vary.contains(&"Faces-Request"), dialects.contains(&Dialect::Faces), "{vary:?}");
    }
}

#[test]
fn what_is_told_to_scripts_can_be_read_by_the_origins_of_the_rule_and_no_other() {
    let stage = Stage::new();
    let spa = [("sec-fetch-mode", "cors"), ("origin", "https://spa.example.com")];
    let evil = [("sec-fetch-mode", "cors"), ("origin", "https://evil.example")];
    let errors = [
        PortalError::TooMany(std::time::Duration::from_secs(3)),
        PortalError::Unavailable,
        PortalError::NoUpstream,
        PortalError::BadGateway,
        PortalError::GatewayTimeout,
        PortalError::TooLarge { limit: 1 },
    ];
    let answers = |headers: &[(&str, &str)], target: &str| {
        let info = info("POST", target, headers);
        let challenge = stage.portal.challenge(&info, &challenged(None)).response;
        [challenge].into_iter().chain(errors.map(|error| stage.portal.error(&info, error))).collect::<Vec<_>>()
    };
    for answer in answers(&spa, "/admin/7") {
        assert_eq!(header(&answer, "access-control-allow-origin"), "https://spa.example.com", "{answer:?}");
        assert_eq!(header(&answer, "access-control-allow-credentials"), "true");
        let exposed = header(&answer, "access-control-expose-headers");
        for name in ["WWW-Authenticate", "X-Request-Id", "X-Stepgate-Response", "Retry-After"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert!(answer.headers().get_all("vary").iter().any(|vary| vary == "Origin"));
    }
    for answer in answers(&evil, "/admin/7") {
        let granted = answer.headers().keys().find(|name| name.as_str().starts_with("access-control"));
        assert_eq!(granted, None, "{answer:?}");
        assert!(answer.headers().get_all("vary").iter().any(|vary| vary == "Origin"));
    }
    // What lies under no rule of theirs, they do not read.
    for answer in answers(&spa, "/.stepgate/login").iter().skip(1) {
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{answer:?}");
    }
}
