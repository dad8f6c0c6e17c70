use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::auth::resource::tests::{pieces, tolerances};

/// As an app without tolerances reads it.
fn parse(text: &str) -> Option<ReturnTo> {
    ReturnTo::parse(text, Tolerances::default())
}

#[test]
fn deep_links_are_kept() {
    for text in [
        "/",
        "/a",
        "/a/b?c=d&e=%2F",
        "/a?x=y#frag",
        "/caf%C3%A9",
        "/a%20b",
        "/x?next=https://other.example/",
        "/?a=//b",
        "/x?text=a%0D%0Ab",
        "/a;b=c/d",
        "/a%2Fb",
        "/x?f=C:\\y",
        "/x?it's=[1]|`{}^",
        "/?\\evil.com",
        "/a//b",
        "/.well-known/x",
        "/.stepgateway/x",
        "/x/.stepgate/",
    ] {
        assert_eq!(parse(text).as_ref().map(ReturnTo::as_str), Some(text));
    }
    assert_eq!(parse("/a/../b/./c").unwrap().as_str(), "/b/c");
    assert_eq!(parse("/é?ü").unwrap().as_str(), "/%C3%A9?%C3%BC");
}

#[test]
fn other_places_are_none() {
    for text in [
        "",
        "a",
        "//evil.com",
        "///evil.com",
        "/\\evil.com",
        "\\\\evil.com",
        "/\\/evil.com",
        "https://evil.com",
        "https:/evil.com",
        "https:evil.com",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.com",
        "/\n/evil.com",
        "\t//evil.com",
        " //evil.com",
        "/ /evil.com",
        "/%09/evil.com",
        "/%2fevil.com",
        "/%2Fevil.com",
        "/%5cevil.com",
        "/%5C%5Cevil.com",
        "/%252fevil.com",
        "/%25255cevil.com",
        "/..//evil.com",
        "/.//evil.com",
        "/a/..//evil.com",
        "/%2e%2e//evil.com",
        "/%2e/%2fevil.com",
        "/x/..\\..//evil.com",
        "/a%0d%0aSet-Cookie:x",
        "/a\r\nX: y",
        "/a\0",
        "/a%00",
        "@evil.com",
        "/\u{200b}/evil.com",
        "/\u{2028}x",
        "?x",
        "#x",
        "/\u{feff}//evil.com",
        "/.stepgate",
        "/.stepgate/",
        "/.stepgate/login?return_to=/",
        "/.STEPGATE/logout",
        "/%2estepgate/login",
        "/%2Estepgat%65/login",
        "/%252estepgate/",
        "/x/../.stepgate/login",
        "/.stepgate;x/login",
        "/.stepgate%2flogin",
        "/.stepgate?x",
        "/.stepgate#x",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
    assert_eq!(parse(&format!("/{}", "a".repeat(MAX_BYTES))), None);
    assert_eq!(parse(&format!("/{}", "é".repeat(2000))), None, "longer once written");
}

fn payloads() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "/",
        "//",
        "\\",
        "%2f",
        "%5c",
        "%252f",
        ".",
        "..",
        "%2e",
        "\t",
        "\n",
        "\r",
        "%09",
        "%0a",
        "%00",
        " ",
        "@",
        ":",
        "evil.com",
        "https:",
        "http://",
        "javascript:",
        "?",
        "#",
        "&",
        "x",
        "user:pw@",
        ";",
        "%",
        "%zz",
        "\u{ff0f}",
        "\u{2215}",
        "\u{3002}",
        "\u{200b}",
        "é",
        ".stepgate",
        "%2estepgate",
        "[::1]",
        "a=b",
        "\u{0}",
        "\u{7f}",
        "\u{85}",
    ]);
    let pieces = prop::collection::vec(piece, 0..9).prop_map(|p| p.concat());
    prop_oneof![pieces.clone(), pieces.prop_map(|p| format!("/{p}")), "\\PC{0,30}", "/\\PC{0,30}"]
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(4000))]

    /// Whatever is accepted stays on the host where it is used, and is none of our pages.
    #[test]
    fn destinations_never_leave_the_origin(
        text in payloads(), port in select(vec!["", ":8443"]), tolerate in tolerances(),
    ) {
        if let Some(to) = ReturnTo::parse(&text, tolerate) {
            let origin = Url::parse(&format!("https://app.example{port}/.stepgate/login")).unwrap();
            let there = origin.join(to.as_str()).unwrap();
            prop_assert_eq!(there.origin(), origin.origin());
            prop_assert!(!there.path().to_ascii_lowercase().starts_with("/.stepgate/"));
            // Old readers of Location: no second slash, no backslash, no control, ASCII only.
            let written = to.as_str();
            prop_assert!(written.starts_with('/') && !written.starts_with("//") && !written.starts_with("/\\"));
            prop_assert!(written.bytes().all(|b| b.is_ascii_graphic()), "{:?}", written);
            prop_assert!(written.len() <= MAX_BYTES);
            let again = ReturnTo::parse(written, tolerate);
            prop_assert_eq!(again.as_ref(), Some(&to));
        }
    }

    /// Whoever is stopped on the way to something that the gate accepts gets back to exactly that, by way of our
    /// pages and of a browser; whatever its query, up to the length that is told.
    #[test]
    fn what_the_gate_accepts_is_a_destination(
        path in pieces(), query in "(\\?[!-~]{0,20})?", long in select(vec![0_usize, 0, 0, 4090, 9000]), tolerate in tolerances(),
    ) {
        let query = if long > 0 && !query.is_empty() { format!("{query}{}", "x".repeat(long)) } else { query };
        let Ok(resource) = Resource::parse("app.example", "GET", format!("{path}{query}").as_bytes(), tolerate) else {
            return Ok(());
        };
        let target = resource.target();
        let Some(to) = ReturnTo::parse(&target, tolerate) else {
            prop_assert!(target.len() > MAX_BYTES, "lost: {}", target);
            prop_assert!(ReturnTo::parse(resource.path(), tolerate).is_some(), "the path is never too long");
            return Ok(());
        };
        prop_assert_eq!(to.target(), &target);
        prop_assert_eq!(ReturnTo::parse(to.as_str(), tolerate), Some(to.clone()), "as our own URLs carry it");
        let page = Url::parse("https://app.example/.stepgate/login").unwrap();
        let there = page.join(to.as_str()).unwrap();
        prop_assert_eq!(there.origin(), page.origin());
        // Browsers write the apostrophe of a query as a triplet, in links as in the address bar.
        let sent = there.as_str().strip_prefix("https://app.example").unwrap();
        prop_assert_eq!(sent.replace("%27", "'"), target.replace("%27", "'"));
    }
}

#[test]
fn two_slashes_at_the_beginning_name_no_host() {
    let lax = Tolerances { double_slashes: true, encoded_slashes: true, ..Tolerances::default() };
    for (target, written) in [("//adm/x", "/.//adm/x"), ("///x?y", "/.///x?y"), ("/%2Fx", "/%2Fx")] {
        let to = ReturnTo::parse(target, lax).unwrap();
        assert_eq!((to.as_str(), to.target()), (written, target));
        assert_eq!(parse(target), None, "only where the app tolerates it");
    }
    for ours in ["//.stepgate/login", "/.//.stepgate/login", "/%2f.stepgate/x", "/.stepgate//login"] {
        assert_eq!(ReturnTo::parse(ours, lax), None, "{ours}");
    }
}
