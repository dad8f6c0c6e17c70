mod habits;
mod related;

use proptest::prelude::*;

use super::*;
pub(in crate::auth) use habits::{Habit, apply, habits, pieces, tolerances};

const STRICT: Tolerances =
    Tolerances { path_parameters: false, encoded_slashes: false, double_slashes: false, latin1: false };
const LAX: Tolerances =
    Tolerances { path_parameters: true, encoded_slashes: true, double_slashes: true, latin1: false };

fn parse(target: &str, tolerate: Tolerances) -> Result<Resource, Malformed> {
    Resource::parse("app.example", "GET", target.as_bytes(), tolerate)
}

fn readings(target: &str, tolerate: Tolerances) -> Vec<String> {
    parse(target, tolerate).unwrap().readings().map(str::to_owned).collect()
}

#[test]
fn usual_urls_pass_unchanged() {
    for target in [
        "/",
        "/?",
        "/a/b.css?v=1.2",
        "/a%20b",
        "/caf%C3%A9",
        "/x?a=b%2Fc&d=%26",
        "/x?next=//evil.com/..%2f;\\|{}[]^`",
        "/~ann/",
        "/a,b;c".split(';').next().unwrap(),
        "/wiki/C%2B%2B",
        "/x?q=100%",
        "/x?a=b?c=d",
        "/@scope/pkg@1.0",
        "/a:b",
        "/(x)/!$&'*+,=",
        "/.well-known/acme",
        "/a/..b/c..d",
        "/x?q=%00%0D%0A",
        "/%E6%97%A5%E6%9C%AC",
        "/wiki/What%3F",
        "/C%23",
        "/100%25",
        "/50%25ab.txt",
        "/x?q=café&r=日本",
    ] {
        let resource = parse(target, STRICT).unwrap_or_else(|e| panic!("{target}: {e}"));
        assert_eq!(resource.target(), target);
        assert_eq!(resource.as_target(), target);
    }
    let resource = parse("/a?b=c?d", STRICT).unwrap();
    assert_eq!((resource.path(), resource.query()), ("/a", Some("b=c?d")));
    assert_eq!(parse("/a?", STRICT).unwrap().query(), Some(""));
    assert_eq!(parse("/a", STRICT).unwrap().query(), None);
}

#[test]
fn equal_paths_become_one() {
    for (target, canonical, decoded) in [
        ("/%61dmin", "/admin", "/admin"),
        ("/%41dmin%7e", "/Admin~", "/Admin~"),
        ("/caf%c3%a9", "/caf%C3%A9", "/café"),
        ("/[id]|{x}^", "/%5Bid%5D%7C%7Bx%7D%5E", "/[id]|{x}^"),
        ("/a%2eb", "/a.b", "/a.b"),
        ("/a%21b", "/a%21b", "/a!b"),
    ] {
        assert_eq!(parse(target, STRICT).unwrap().target(), canonical);
        assert_eq!(readings(target, STRICT), [decoded]);
    }
}

#[test]
fn what_two_parsers_could_read_differently_is_refused() {
    use Malformed::*;
    for (target, reason) in [
        ("", NotOriginForm),
        ("*", NotOriginForm),
        ("http://app.example/", NotOriginForm),
        ("app.example:443", NotOriginForm),
        ("?x", NotOriginForm),
        ("/a b", OddByte),
        ("/a\"b", OddByte),
        ("/<x>", OddByte),
        ("/`", OddByte),
        ("/é", OddByte),
        ("/a\tb", Control),
        ("/a\rb", Control),
        ("/a\u{7f}", Control),
        ("/a%00", Control),
        ("/a%0d%0aX: y", OddByte),
        ("/a%0d%0aX", Control),
        ("/a%7F", Control),
        ("/a%C2%85", Control),
        ("/a#b", Fragment),
        ("/a?b#c", Fragment),
        ("/a?b c", OddQuery),
        ("/a?b\n", Control),
        ("/a\\b", Backslash),
        ("/\\evil.com", Backslash),
        ("/%", BadPercent),
        ("/%2", BadPercent),
        ("/%zz", BadPercent),
        ("/%u002e", BadPercent),
        ("/%%32%65", BadPercent),
        ("/.", DotSegment),
        ("/..", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/./b", DotSegment),
        ("/a/..", DotSegment),
        ("/%2e", DotSegment),
        ("/%2e%2E/x", DotSegment),
        ("/.%2e/x", DotSegment),
        ("/%252e%252e/x", DotSegment),
        ("/%25252e./x", DotSegment),
        ("/...", DotSegment),
        ("/..%20/x", DotSegment),
        ("/.%20./x", DotSegment),
        ("/%20/x", DotSegment),
        ("/%EF%BC%8E%EF%BC%8E/x", DotSegment),
        ("/%E3%80%82%E3%80%82/x", DotSegment),
        ("//", DoubleSlash),
        ("//evil.com/x", DoubleSlash),
        ("/a//b", DoubleSlash),
        ("/a/;x/b", PathParameter),
        ("/a%2fb", EncodedSlash),
        ("/a%2Fb", EncodedSlash),
        ("/a%5cb", EncodedSlash),
        ("/a%252fb", EncodedSlash),
        ("/a%25252fb", EncodedSlash),
        ("/a%255Cb", EncodedSlash),
        ("/a;b", PathParameter),
        ("/a%3Bb", PathParameter),
        ("/a%253bb", PathParameter),
        ("/..;/x", PathParameter),
        ("/%C0%AE%C0%AE/x", NotUtf8),
        ("/%C0%AF", NotUtf8),
        ("/%E9", NotUtf8),
        ("/%ED%A0%80", NotUtf8),
        ("/%25C0%25AE", NotUtf8),
        ("/a%EF%BC%8Fb", LookAlike),
        ("/a%E2%88%95b", LookAlike),
        ("/a%EF%BC%BCb", LookAlike),
    ] {
        assert_eq!(parse(target, STRICT).map(|r| r.target()), Err(reason), "{target:?}");
    }
    for method in ["", "get", "Get", "GE T", "GET\r\n", "GÉT", &"G".repeat(33)] {
        assert_eq!(Resource::parse("h", method, b"/", STRICT), Err(OddMethod), "{method:?}");
    }
    assert_eq!(Resource::parse("h", "GET", b"/\xff", STRICT), Err(OddByte));
    assert_eq!(Resource::parse("h", "GET", b"/?\xff", STRICT), Err(OddQuery));
    assert_eq!(parse(&format!("/{}", "a".repeat(MAX_PATH_BYTES)), STRICT), Err(TooLong));
    assert_eq!(parse(&format!("/?{}", "a".repeat(MAX_TARGET_BYTES)), STRICT), Err(TooLong));
    assert_eq!(parse(&format!("/{}", "[".repeat(MAX_PATH_BYTES / 2)), STRICT), Err(TooLong));
}

#[test]
fn no_tolerance_lets_a_dot_segment_through() {
    for target in [
        "/..;/x",
        "/..;a=b/x",
        "/a/..;/x",
        "/%2e%2e;/x",
        "/..%3b/x",
        "/..%2fx",
        "/a%2f..%2fb",
        "/a%5c..%5cb",
        "/.%5cx",
        "/a//../b",
        "/a%252f..%252fb",
        "/.;x/a",
        "/%2e%2e%5c",
    ] {
        assert_eq!(parse(target, LAX).map(|r| r.target()), Err(Malformed::DotSegment), "{target}");
    }
}

#[test]
fn tolerated_targets_are_judged_in_every_reading() {
    for (target, expected) in [
        ("/a;x=1/b", &["/a;x=1/b", "/a/b"][..]),
        ("/admin;x", &["/admin;x", "/admin"]),
        ("/a%2Fadmin", &["/a%2Fadmin", "/a/admin"]),
        ("/a%5Cadmin", &["/a%5Cadmin", "/a\\admin", "/a/admin"]),
        ("/a//b", &["/a//b", "/a/b"]),
        ("//evil/admin", &["//evil/admin", "/evil/admin", "/admin"]),
        ("///x/admin", &["///x/admin", "/x/admin", "/admin"]),
        ("/%5C/x/admin", &["/\\/x/admin", "/admin"]),
        ("//x%5Cadmin", &["//x\\admin", "/admin"]),
        ("/public%2F;x%2Fy/admin", &["/public/;x/y/admin", "/public//y/admin", "/public/admin"]),
        ("/admin.", &["/admin.", "/admin"]),
        ("/admin%20/x", &["/admin /x", "/admin/x"]),
        ("/admin%3Fx", &["/admin?x", "/admin"]),
        ("/admin%23x", &["/admin#x", "/admin"]),
        ("/%2561dmin", &["/%61dmin", "/admin"]),
        ("/%EF%BD%81dmin", &["/ａdmin", "/admin"]),
        ("/cafe%CC%81", &["/café"]),
    ] {
        let found = readings(target, LAX);
        for reading in expected {
            assert!(found.iter().any(|f| f == reading), "{target}: no {reading} in {found:?}");
        }
    }
    assert_eq!(parse(&"/a;b%2F%5C%252F//c.".repeat(6), LAX).map(|r| r.target()), Err(Malformed::TooManyReadings));
}

#[test]
fn octets_that_are_no_utf8_are_judged_as_windows_1252_beside_the_bytes() {
    let latin1 = Tolerances { latin1: true, ..STRICT };
    for (target, expected) in [
        ("/caf%E9.html", &["/caf%E9.html", "/café.html"][..]),
        ("/%D4%EE%F2%EE/1.jpg", &["/%D4%EE%F2%EE/1.jpg", "/Ôîòî/1.jpg"]),
        // UTF-8 among them, and what Latin-1 and Windows-1252 read apart.
        ("/%C3%A9/%E9", &["/é/%E9", "/Ã©/é"]),
        ("/5%80", &["/5%80", "/5€", "/5\u{80}"]),
        ("/admin%85", &["/admin%85", "/admin…", "/admin\u{85}", "/admin"]),
        ("/admin%A0", &["/admin%A0", "/admin\u{a0}", "/admin"]),
        ("/%AAdmin", &["/%AAdmin", "/ªdmin", "/admin"]),
        // Encoded twice.
        ("/caf%25E9", &["/caf%E9", "/café"]),
        ("/x%FF/%2561dmin", &["/x%FF/%61dmin", "/xÿ/admin"]),
    ] {
        let found = readings(target, latin1);
        assert_eq!(parse(target, latin1).unwrap().target(), target);
        for reading in expected {
            assert!(found.iter().any(|f| f == reading), "{target}: no {reading:?} in {found:?}");
        }
    }
    for (target, reason) in [
        ("/%C0%AE%C0%AE/x", Malformed::NotUtf8),
        ("/%E0%80%AF", Malformed::NotUtf8),
        ("/%F0%80%80%AF", Malformed::NotUtf8),
        ("/%E9/../x", Malformed::DotSegment),
        ("/%E9/%252e%252e/x", Malformed::DotSegment),
        ("/..%85/x", Malformed::DotSegment),
        ("/..%A0/x", Malformed::DotSegment),
        ("/%E9%00", Malformed::Control),
        ("/%E9%7F", Malformed::Control),
    ] {
        assert_eq!(parse(target, latin1).map(|r| r.target()), Err(reason), "{target}");
    }
}

/// A second decoding that is no UTF-8 refuses nothing, and hides nothing that stands beside it.
#[test]
fn what_is_no_utf8_only_when_decoded_twice_is_judged_with_its_octets_kept() {
    assert_eq!(readings("/50%25ab.txt", STRICT), ["/50%ab.txt"]);
    assert_eq!(readings("/%25FF/%2561", STRICT), ["/%FF/%61", "/%FF/a"]);
    assert_eq!(readings("/%25c3%25a9", STRICT), ["/%c3%a9", "/é"]);
    for (target, reason) in [
        ("/%25FF/%252e%252e/admin", Malformed::DotSegment),
        ("/%25FF%252fadmin", Malformed::EncodedSlash),
        ("/%25FF%250a", Malformed::Control),
        ("/%25C0%25AE%25C0%25AE/admin", Malformed::NotUtf8),
        ("/%25E0%2580%25AF", Malformed::NotUtf8),
    ] {
        assert_eq!(parse(target, STRICT).map(|r| r.target()), Err(reason), "{target}");
    }
}

/// The words that the log names let the target pass, and no other target is said to pass.
#[test]
fn what_more_an_app_would_have_to_tolerate_is_told() {
    for (target, words) in [
        ("/a//b", &["double_slashes"][..]),
        ("/a%2fb", &["encoded_slashes"]),
        ("/a;b", &["path_parameters"]),
        ("/caf%E9", &["latin1"]),
        ("/a//b;c", &["path_parameters", "double_slashes"]),
        ("/a//../b", &[]),
        ("/a b", &[]),
        ("/a", &[]),
    ] {
        assert_eq!(STRICT.lacking(target.as_bytes()), words, "{target}");
    }
    assert_eq!(Tolerances { double_slashes: true, ..STRICT }.lacking(b"/a//b;c"), ["path_parameters"]);
}

#[test]
fn reasons_have_distinct_codes() {
    let mut codes: Vec<_> = Malformed::ALL.iter().map(|m| m.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Malformed::ALL.len());
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(4000))]

    /// Parsing what is forwarded gives the same resource again.
    #[test]
    fn parse_is_a_fixed_point(target in pieces(), query in "(\\?[!-~]{0,12})?", tolerate in tolerances()) {
        if let Ok(once) = parse(&format!("{target}{query}"), tolerate) {
            prop_assert_eq!(&parse(&once.target(), tolerate), &Ok(once));
        }
    }

    /// What is said to be lacking lets the target pass, whatever it is.
    #[test]
    fn what_is_lacking_is_enough(target in pieces(), tolerate in tolerances()) {
        let words = tolerate.lacking(target.as_bytes());
        let lax = words.iter().fold(tolerate, |lax, word| lax.with(word));
        prop_assert_eq!(words.is_empty(), parse(&target, tolerate).is_ok() || parse(&target, lax).is_err());
    }

    /// Nothing dangerous is ever forwarded untolerated.
    #[test]
    fn forwarded_paths_are_harmless(target in pieces(), tolerate in tolerances()) {
        if let Ok(resource) = parse(&target, tolerate) {
            let path = resource.path();
            prop_assert!(path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()));
            let delimiters = ['\\', '#', '?', '"', '<', '>', '`', '{', '}', '|', '^'];
            prop_assert!(!path.contains(delimiters), "{}", path);
            prop_assert!(tolerate.double_slashes || !path.contains("//"));
            prop_assert!(tolerate.path_parameters || !path.contains(';'));
            prop_assert!(tolerate.encoded_slashes || !(path.contains("%2F") || path.contains("%5C")));
            for reading in resource.readings() {
                prop_assert!(reading.split('/').all(|s| !matches!(s, "." | "..")), "{}", reading);
                let c1 = |c: char| tolerate.latin1 && !c.is_ascii();
                prop_assert!(!reading.chars().any(|c| c.is_control() && !c1(c)), "{:?}", reading);
            }
        }
    }

    /// Whatever servers do to the forwarded path, in whatever order, the policy has judged the outcome.
    #[test]
    fn every_habit_leads_to_a_judged_reading(target in pieces(), tolerate in tolerances(), habits in habits()) {
        if let Ok(resource) = parse(&target, tolerate) {
            // Who reads octets as characters is provided for where the app says that it does.
            let habits: Vec<Habit> = habits.into_iter().filter(|h| tolerate.latin1 || !h.is_of_latin1()).collect();
            // Every server decodes at some time; one that splits parameters off first is among the habits.
            let seen = habits.iter().fold(resource.path().to_owned(), |path, habit| apply(*habit, &path));
            let decoded = apply(Habit::Decode, &seen);
            let judged: Vec<&str> = resource.readings().collect();
            prop_assert!(judged.contains(&decoded.as_str()), "{:?} reads {:?} as {:?}, judged {:?}", habits, resource.path(), decoded, judged);
        }
    }

    #[test]
    fn nothing_panics(target in prop::collection::vec(any::<u8>(), 0..40), tolerate in tolerances()) {
        let _ = Resource::parse("h", "GET", &target, tolerate);
    }
}
