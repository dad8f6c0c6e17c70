use http::HeaderMap;

use super::*;

#[derive(Debug, PartialEq)]
enum Seen {
    AsItWas,
    Nothing,
    Is(&'static str),
}

#[test]
fn only_the_public_origin_is_the_apps_own_towards_the_app() {
    use Seen::{AsItWas, Is, Nothing};
    let see = |app: &AppSettings, asked: &str, name: HeaderName, values: &[&'static str]| {
        let (scheme, authority) = asked.split_once("://").unwrap();
        let authority = Authority::parse(authority).unwrap();
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let Inward { origin, referer } =
            of(app).inward(&headers, Public { https: scheme == "https", authority: &authority });
        let (fate, other) = if name == header::ORIGIN { (origin, referer) } else { (referer, origin) };
        assert_eq!(other, Fate::Passes);
        match fate {
            Fate::Passes => AsItWas,
            Fate::Dropped => Nothing,
            Fate::Becomes(value) => Is(value.to_str().unwrap().to_owned().leak()),
        }
    };
    let port = "https://erp.example.com:8443";
    for (asked, origin, seen) in [
        (ASKED, "https://erp.example.com", Is("http://erp.internal")),
        (ASKED, "https://erp.example.com:443", Is("http://erp.internal")),
        (port, "https://erp.example.com:8443", Is("http://erp.internal")),
        ("http://erp.example.com:8000", "http://erp.example.com:8000", Is("http://erp.internal")),
        (ASKED, "https://evil.test", AsItWas),
        (ASKED, "null", AsItWas),
        (ASKED, "", AsItWas),
        (ASKED, "//erp.example.com", AsItWas),
        (ASKED, "http://erp.example.com", AsItWas),
        (ASKED, "https://erp.example.com:8443", AsItWas),
        (port, "https://erp.example.com", AsItWas),
        (ASKED, "https://erp.example.com.evil.test", AsItWas),
        (ASKED, "https://10.0.0.5:8080", AsItWas),
        // A foreign page that has the name which the app takes for its own.
        (ASKED, "http://erp.internal", Is("null")),
        (ASKED, "https://ERP.internal", Is("null")),
        (ASKED, "http://erp.internal:9999", Is("null")),
    ] {
        assert_eq!(see(&app(), asked, header::ORIGIN, &[origin]), seen, "{asked} {origin}");
    }
    for (referer, seen) in [
        (
            "https://erp.example.com/a?b=https://erp.example.com/",
            Is("http://erp.internal/a?b=https://erp.example.com/"),
        ),
        ("https://erp.example.com", Is("http://erp.internal")),
        ("https://evil.test/https://erp.example.com/", AsItWas),
        ("/a", AsItWas),
        ("http://erp.internal/a", Nothing),
    ] {
        assert_eq!(see(&app(), ASKED, header::REFERER, &[referer]), seen, "{referer}");
    }
    let (own, inner) = ("https://erp.example.com", "http://erp.internal");
    assert_eq!(see(&app(), ASKED, header::ORIGIN, &[own, "https://evil.test"]), AsItWas);
    assert_eq!(see(&app(), ASKED, header::ORIGIN, &["https://evil.test", inner]), Is("null"));
    assert_eq!(see(&app(), ASKED, header::ORIGIN, &[]), AsItWas);
    let mut tls = app();
    tls.upstream.servers.iter_mut().for_each(|server| server.tls = true);
    tls.upstream.host_header = Some("erp.internal:8443".to_owned());
    assert_eq!(see(&tls, ASKED, header::ORIGIN, &[own]), Is("https://erp.internal:8443"));
    let off = AppSettings { rewrite: false, ..app() };
    assert_eq!(see(&off, ASKED, header::ORIGIN, &[own]), AsItWas);
    let mut plain = app();
    plain.upstream.host_header = None;
    assert_eq!(see(&plain, ASKED, header::ORIGIN, &[own]), AsItWas);
}
