mod cookies;
mod inward;

use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::proxy::request::head::Authority;
use crate::proxy::settings::{IdentitySettings, Server, UpstreamSettings};

/// An app with two servers and a `host_header`.
fn app() -> AppSettings {
    let server = |host: &str, port, tls| Server { host: host.to_owned(), port, tls };
    let servers = vec![
        server("10.0.0.5", 8080, false),
        server("inner.corp.test", 8081, false),
        server("2001:db8::5", 8082, false),
        server("other.test", 8083, false),
    ];
    let mut upstream = UpstreamSettings::new(servers);
    upstream.host_header = Some("erp.internal".to_owned());
    AppSettings {
        host: "erp.example.com".to_owned(),
        upstream,
        identity: IdentitySettings::default(),
        max_body: None,
        rewrite: true,
        cookies: CookieSettings::default(),
        hold: None,
    }
}

fn of(app: &AppSettings) -> Rewriting {
    Rewriting::new(app, &["erp.example.com", "other.test"])
}

/// The fields of an answer as the browser gets them, in their order. `asked`: as `https://erp.example.com:8443`.
fn told(app: &AppSettings, asked: &str, fields: &[(&'static str, &[u8])]) -> Vec<String> {
    let (scheme, authority) = asked.split_once("://").unwrap();
    let authority = Authority::parse(authority).unwrap();
    let mut answer = ResponseHeader::build(302, None).unwrap();
    for (name, value) in fields {
        answer.append_header(*name, HeaderValue::from_bytes(value).unwrap()).unwrap();
    }
    of(app).answer(&mut answer, Public { https: scheme == "https", authority: &authority }).unwrap();
    answer.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

fn location(asked: &str, location: &str) -> String {
    told(&app(), asked, &[("location", location.as_bytes())]).remove(0)
}

const ASKED: &str = "https://erp.example.com";

#[test]
fn what_names_the_app_becomes_what_the_browser_asked() {
    for (from, to) in [
        // Its servers.
        ("http://10.0.0.5:8080/a?b=c#d", "https://erp.example.com/a?b=c#d"),
        ("https://10.0.0.5:8080/", "https://erp.example.com/"),
        ("http://10.0.0.5:8080", "https://erp.example.com"),
        ("http://10.0.0.5:8080?q", "https://erp.example.com?q"),
        ("http://10.0.0.5:8080#f", "https://erp.example.com#f"),
        ("http://inner.corp.test:8081/", "https://erp.example.com/"),
        ("http://[2001:db8::5]:8082/", "https://erp.example.com/"),
        // A server's name without its port; any port of a server.
        ("http://inner.corp.test/", "https://erp.example.com/"),
        ("https://inner.corp.test:443/", "https://erp.example.com/"),
        // Its `host_header`, with any scheme, and with a server's port.
        ("http://erp.internal/a", "https://erp.example.com/a"),
        ("https://erp.internal/a", "https://erp.example.com/a"),
        ("http://erp.internal:80/a", "https://erp.example.com/a"),
        ("http://erp.internal:8081/a", "https://erp.example.com/a"),
        // The public host with a server's port or scheme.
        ("http://erp.example.com/a", "https://erp.example.com/a"),
        ("http://erp.example.com:80/a", "https://erp.example.com/a"),
        ("http://erp.example.com:443/a", "https://erp.example.com/a"),
        ("https://erp.example.com:8080/a", "https://erp.example.com/a"),
        ("http://erp.example.com:8082/a", "https://erp.example.com/a"),
        // Without a scheme.
        ("//erp.internal/a", "//erp.example.com/a"),
        ("//erp.example.com:8080/a", "//erp.example.com/a"),
        // Byte for byte behind the host.
        (
            "http://erp.internal/%7e/../a;x=1//b?u=http://erp.internal/&%zz#/é",
            "https://erp.example.com/%7e/../a;x=1//b?u=http://erp.internal/&%zz#/é",
        ),
        // Names of people in it.
        ("http://ann@erp.internal/", "https://erp.example.com/"),
        ("http://ann:pw@x@erp.internal:80/", "https://erp.example.com/"),
        // As browsers read it, and nobody else.
        ("HTTP://ERP.Internal/A", "https://erp.example.com/A"),
        ("http://erp.internal./", "https://erp.example.com/"),
        ("http://erp.internal:/", "https://erp.example.com/"),
        ("http://erp.internal:00080/", "https://erp.example.com/"),
        ("http:\\\\erp.internal\\a\\b", "https://erp.example.com/a\\b"),
        ("http:/\\erp.internal/a", "https://erp.example.com/a"),
        ("\\\\erp.internal/a", "//erp.example.com/a"),
        ("/\\erp.internal/a", "//erp.example.com/a"),
        ("///erp.internal/a", "//erp.example.com/a"),
        ("http:////erp.internal/a", "https://erp.example.com/a"),
        ("http:erp.internal/a", "https://erp.example.com/a"),
        ("http:/erp.internal/a", "https://erp.example.com/a"),
        ("ht\ttp://erp.\tinternal/a", "https://erp.example.com/a"),
        ("http://erp%2Einternal/", "https://erp.example.com/"),
        ("http://ｅrp.internal/", "https://erp.example.com/"),
        ("http://0x0a.0.0.5:8080/", "https://erp.example.com/"),
        ("http://167772165:8080/", "https://erp.example.com/"),
        ("http://[2001:DB8:0::5]:8082/", "https://erp.example.com/"),
        ("http://erp.internal\\@evil.test/", "https://erp.example.com/@evil.test/"),
    ] {
        assert_eq!(location(ASKED, from), to, "{from}");
    }
}

#[test]
fn what_names_nobody_or_somebody_else_stays() {
    for stays in [
        "",
        "/a",
        "a/b",
        "?q",
        "#f",
        "../x",
        "/a?u=http://erp.internal/",
        "erp.internal/a",
        "https://erp.example.com/a",
        "https://ERP.example.com:443/a",
        "https:/erp.internal/a", // a path, behind the page's own scheme
        "https:erp.internal/a",
        "http://evil.test/erp.internal",
        "http://erp.internal@evil.test/",
        "http://erp.internal:80@evil.test/",
        "http://evil.test\\@erp.internal/",
        "http://evil.test?@erp.internal/",
        "http://evil.test#@erp.internal/",
        "http://erp.internal.evil.test/",
        "http://xerp.internal/",
        "http://internal/",
        "http://10.0.0.5/a", // another server of that address
        "http://10.0.0.5:9999/a",
        "http://10.0.0.50:8080/a",
        "http://erp.internal:9999/a",
        "https://erp.example.com:9999/a",
        "http://erp.example.com:9999/a",
        "http://other.test/a", // another app
        "http://erp.internal:x/",
        "http://erp.internal:80:80/",
        "http://erp.internal:99999/",
        "http://[::1/",
        "http://[2001:db8::5]x:8082/",
        "http:///",
        "http://:80/",
        "http://@/",
        "ftp://erp.internal/",
        "ws://erp.internal/",
        "mailto:ann@erp.internal",
        "javascript://erp.internal/%0aalert(1)",
        "x-http://erp.internal/",
    ] {
        assert_eq!(location(ASKED, stays), stays.trim(), "{stays}");
    }
}

#[test]
fn the_address_is_the_one_of_this_request() {
    for (asked, from, to) in [
        ("https://erp.example.com:8443", "http://erp.internal/a", "https://erp.example.com:8443/a"),
        ("https://erp.example.com:8443", "http://erp.example.com:8443/a", "https://erp.example.com:8443/a"),
        ("https://erp.example.com:8443", "http://erp.example.com/a", "https://erp.example.com:8443/a"),
        ("https://erp.example.com:8443", "https://erp.example.com/a", "https://erp.example.com/a"),
        ("https://erp.example.com:443", "http://erp.internal/a", "https://erp.example.com/a"),
        ("http://erp.example.com", "https://erp.internal/a", "http://erp.example.com/a"),
        ("http://erp.example.com", "https://erp.example.com/a", "https://erp.example.com/a"),
        ("http://erp.example.com:8000", "http://erp.example.com/a", "http://erp.example.com:8000/a"),
        ("http://[::1]:8000", "http://[::1]:8080/a", "http://[::1]:8000/a"),
        ("http://localhost:8000", "http://localhost:8081/a", "http://localhost:8000/a"),
        ("http://localhost:8000", "http:erp.internal/a", "http:erp.internal/a"),
    ] {
        assert_eq!(location(asked, from), to, "{asked} {from}");
    }
    let mut app = app();
    app.upstream.servers.iter_mut().for_each(|server| server.tls = true);
    let from: &[(_, &[u8])] = &[("location", b"https://erp.example.com/a")];
    assert_eq!(told(&app, "http://erp.example.com:8000", from), ["http://erp.example.com:8000/a"]);
}

#[test]
fn every_header_that_names_a_place_is_rewritten() {
    for (name, from, to) in [
        ("content-location", "http://erp.internal/a", "https://erp.example.com/a"),
        ("refresh", "5", "5"),
        ("refresh", "5; url=http://erp.internal/a", "5; url=https://erp.example.com/a"),
        ("refresh", "0;URL='http://erp.internal/a' x", "0;URL='https://erp.example.com/a' x"),
        ("refresh", "1.5, url = \"http://erp.internal/a;b\"", "1.5, url = \"https://erp.example.com/a;b\""),
        ("refresh", "0 http://erp.internal/a", "0 https://erp.example.com/a"),
        ("refresh", "; http://erp.internal/a", "; https://erp.example.com/a"),
        ("refresh", "0; url=/a", "0; url=/a"),
        ("refresh", "0; url=http://evil.test/", "0; url=http://evil.test/"),
        ("refresh", "0; urlhttp://erp.internal/", "0; urlhttp://erp.internal/"),
        ("refresh", "0http://erp.internal/", "0http://erp.internal/"),
        ("refresh", "", ""),
        ("link", "<http://erp.internal/a>", "<http://erp.internal/a>"),
    ] {
        assert_eq!(told(&app(), ASKED, &[(name, from.as_bytes())]), [to], "{name}: {from}");
    }
    let two: &[(_, &[u8])] = &[("location", b"/a"), ("location", b"http://erp.internal/b"), ("location", b"/c")];
    assert_eq!(told(&app(), ASKED, two), ["/a", "https://erp.example.com/b", "/c"]);
    let latin: &[(_, &[u8])] = &[("location", b"http://erp.internal/caf\xe9")];
    assert_eq!(told(&app(), ASKED, latin), [String::from_utf8_lossy(b"https://erp.example.com/caf\xe9")]);
}

#[test]
fn off_means_off_but_for_what_keeps_cookies_safe() {
    let app = AppSettings { rewrite: false, ..app() };
    let from: &[(_, &[u8])] = &[
        ("location", b"http://erp.internal/a"),
        ("set-cookie", b"a=1; Domain=erp.internal"),
        ("x-sendfile", b"/etc/passwd"),
    ];
    assert_eq!(told(&app, ASKED, from), ["http://erp.internal/a", "a=1; Domain=erp.internal; Secure"]);
}

#[test]
fn orders_to_a_web_server_in_front_end_here() {
    for name in [
        "X-Accel-Redirect",
        "x-accel-expires",
        "X-Accel-Limit-Rate",
        "X-Accel-Charset",
        "X-Sendfile",
        "X-SendFile2",
        "X-LiteSpeed-Location",
        "X-Lighttpd-Send-File",
        "X-Lighttpd-Send-Tempfile",
        "X-Reproxy-URL",
    ] {
        assert_eq!(told(&app(), ASKED, &[(name, b"/secret"), ("x-end", b"1")]), ["1"], "{name}");
    }
    assert_eq!(told(&app(), ASKED, &[("X-Accel-Buffering", b"no")]), ["no"]);
}

/// References in many spellings, about us and about others.
fn reference() -> impl Strategy<Value = String> {
    let scheme = prop_oneof!["http:", "https:", "HTTP:", "ftp:", Just(String::new())];
    let slashes = prop_oneof!["//", "/", "[/\\\\]{0,4}"];
    let user = prop_oneof![4 => Just(""), 1 => Just("u@"), 1 => Just("erp.internal@"), 1 => Just("a:b@c@")];
    let host = prop_oneof![
        Just("erp.internal".to_owned()),
        Just("ERP%2einternal.".to_owned()),
        Just("erp.example.com".to_owned()),
        Just("10.0.0.5".to_owned()),
        Just("0xa.5".to_owned()),
        Just("[2001:db8:0::5]".to_owned()),
        Just("evil.test".to_owned()),
        "[a-z0-9.\\[\\]:%@-]{0,9}",
    ];
    let port = prop_oneof![4 => Just(""), 1 => Just(":"), 1 => Just(":080"), 1 => Just(":8080"), 1 => Just(":8443")];
    let rest = "([/\\\\?#][ -~]{0,12})?";
    (scheme, slashes, user, host, port, rest).prop_map(|(a, b, c, d, e, f)| format!("{a}{b}{c}{d}{e}{f}"))
}

proptest! {
    /// A browser that follows what is told never leaves the app for where it would not have gone, and never goes to the
    /// app's own address; the URL crate is the browser.
    #[test]
    fn a_rewritten_reference_leads_to_the_public_host_and_any_other_where_it_led(text in reference()) {
        for asked in ["https://erp.example.com", "http://erp.example.com:8000"] {
            let base = url::Url::parse(asked).unwrap();
            let (before, after) = (base.join(&text), base.join(&location(asked, text.trim())));
            let Ok(before) = before else { continue };
            let after = after.unwrap();
            let inner = before.host_str().is_some_and(|host| host.trim_end_matches('.') == "erp.internal")
                && matches!(before.scheme(), "http" | "https") && before.port().is_none_or(|port| port == 8080);
            prop_assert!(!inner || after.origin() == base.origin(), "{} {} {}", text, before, after);
            if after.origin() == base.origin() {
                prop_assert_eq!(&after[url::Position::BeforePath..], &before[url::Position::BeforePath..]);
            } else {
                prop_assert_eq!(after, before, "{}", text);
            }
        }
    }
}
