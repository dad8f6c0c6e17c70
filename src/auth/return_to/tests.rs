use proptest::prelude::*;
use proptest::sample::select;

use super::*;

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
        "/a//b",
        "/.well-known/x",
        "/.stepgateway/x",
        "/x/.stepgate/",
    ] {
        assert_eq!(ReturnTo::parse(text).as_ref().map(ReturnTo::as_str), Some(text));
    }
    assert_eq!(ReturnTo::parse("/a/../b/./c").unwrap().as_str(), "/b/c");
    assert_eq!(ReturnTo::parse("/é?ü").unwrap().as_str(), "/%C3%A9?%C3%BC");
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
        "/x?\\evil",
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
        assert_eq!(ReturnTo::parse(text), None, "{text:?}");
    }
    assert_eq!(ReturnTo::parse(&format!("/{}", "a".repeat(4096))), None);
    assert_eq!(ReturnTo::parse(&format!("/{}", "é".repeat(1000))), None, "longer once written");
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
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever is accepted stays on the host where it is used, and is none of our pages.
    #[test]
    fn destinations_never_leave_the_origin(text in payloads(), port in select(vec!["", ":8443"])) {
        if let Some(to) = ReturnTo::parse(&text) {
            let origin = Url::parse(&format!("https://app.example{port}/.stepgate/login")).unwrap();
            let there = origin.join(to.as_str()).unwrap();
            prop_assert_eq!(there.origin(), origin.origin());
            prop_assert!(!there.path().to_ascii_lowercase().starts_with("/.stepgate/"));
            // Old readers of Location: no second slash, no backslash, no control, ASCII only.
            let written = to.as_str();
            prop_assert!(written.starts_with('/') && !written.starts_with("//") && !written.starts_with("/\\"));
            prop_assert!(written.bytes().all(|b| b.is_ascii_graphic()), "{:?}", written);
            prop_assert!(written.len() <= MAX_BYTES);
            let again = ReturnTo::parse(written);
            prop_assert_eq!(again.as_ref(), Some(&to));
        }
    }
}
