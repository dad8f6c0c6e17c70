use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const STRICT: Tolerances = Tolerances { path_parameters: false, encoded_slashes: false, double_slashes: false };
const LAX: Tolerances = Tolerances { path_parameters: true, encoded_slashes: true, double_slashes: true };

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
        ("/a?é", OddQuery),
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
        ("/public%2F;x%2Fy/admin", &["/public/;x/y/admin", "/public//y/admin", "/public/admin"]),
        ("/admin.", &["/admin.", "/admin"]),
        ("/admin%20/x", &["/admin /x", "/admin/x"]),
        ("/admin%3Fx", &["/admin?x", "/admin"]),
        ("/admin%23x", &["/admin#x", "/admin"]),
        ("/%2561dmin", &["/%61dmin", "/admin"]),
        ("/%EF%BD%81dmin", &["/ａdmin", "/admin"]),
        ("/cafe%CC%81", &["/cafe\u{301}", "/café"]),
    ] {
        let found = readings(target, LAX);
        for reading in expected {
            assert!(found.iter().any(|f| f == reading), "{target}: no {reading} in {found:?}");
        }
    }
    assert_eq!(parse(&"/a;b%2F%5C%252F//c.".repeat(6), LAX).map(|r| r.target()), Err(Malformed::TooManyReadings));
}

#[test]
fn reasons_have_distinct_codes() {
    let mut codes: Vec<_> = Malformed::ALL.iter().map(|m| m.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Malformed::ALL.len());
}

/// Pieces that attacks are made of, and pieces of honest paths.
pub(in crate::auth) fn pieces() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "/",
        "//",
        ".",
        "..",
        ";",
        ";x=1",
        "%2e",
        "%2E",
        "%2f",
        "%2F",
        "%5c",
        "\\",
        "%25",
        "%252e",
        "%252f",
        "%3b",
        "%3B",
        "%20",
        "%00",
        "%0a",
        "%c0%ae",
        "%ef%bc%8f",
        "%ef%bc%8e",
        "%c3%a9",
        "%3f",
        "%23",
        "%61",
        "%2561",
        "admin",
        "public",
        "Admin",
        "a",
        "b.css",
        "~",
        "[",
        "|",
        "%7e",
        "%e2%80%a6",
        "*",
        "%2a",
        "%25252f",
        "%",
        "é",
        " ",
        ":",
        "@",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|p| format!("/{}", p.concat()))
}

pub(in crate::auth) fn tolerances() -> impl Strategy<Value = Tolerances> {
    any::<(bool, bool, bool)>().prop_map(|(path_parameters, encoded_slashes, double_slashes)| Tolerances {
        path_parameters,
        encoded_slashes,
        double_slashes,
    })
}

/// What upstreams do to a path, written apart from the code under test.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth) enum Habit {
    Decode,
    DropParameters,
    MergeSlashes,
    BackslashIsSlash,
    DropTrailingDots,
    CutAtQuestionMark,
    CutAtHash,
    ResolveDots,
}

pub(in crate::auth) fn apply(habit: Habit, path: &str) -> String {
    let join = |segments: Vec<&str>| segments.join("/");
    match habit {
        Habit::Decode => {
            let bytes = path.as_bytes();
            let mut out = Vec::new();
            let mut i = 0;
            while i < bytes.len() {
                let hex = (bytes[i] == b'%').then(|| path.get(i + 1..i + 3)).flatten();
                match hex.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit())) {
                    Some(hex) => {
                        out.push(u8::from_str_radix(hex, 16).unwrap());
                        i += 3;
                    }
                    None => {
                        out.push(bytes[i]);
                        i += 1;
                    }
                }
            }
            String::from_utf8_lossy(&out).into_owned()
        }
        Habit::DropParameters => join(path.split('/').map(|s| s.split(';').next().unwrap()).collect()),
        Habit::MergeSlashes => {
            let mut path = path.to_owned();
            while path.contains("//") {
                path = path.replace("//", "/");
            }
            path
        }
        Habit::BackslashIsSlash => path.replace('\\', "/"),
        Habit::DropTrailingDots => join(path.split('/').map(|s| s.trim_end_matches(['.', ' '])).collect()),
        Habit::CutAtQuestionMark => path.split('?').next().unwrap().to_owned(),
        Habit::CutAtHash => path.split('#').next().unwrap().to_owned(),
        Habit::ResolveDots => {
            let mut out: Vec<&str> = Vec::new();
            for segment in path.split('/') {
                match segment {
                    "." => {}
                    ".." => {
                        out.pop();
                    }
                    _ => out.push(segment),
                }
            }
            out.join("/")
        }
    }
}

pub(in crate::auth) fn habits() -> impl Strategy<Value = Vec<Habit>> {
    use Habit::*;
    let habit = select(vec![
        Decode,
        DropParameters,
        MergeSlashes,
        BackslashIsSlash,
        DropTrailingDots,
        CutAtQuestionMark,
        CutAtHash,
        ResolveDots,
    ]);
    prop::collection::vec(habit, 0..7)
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
                prop_assert!(!reading.chars().any(char::is_control));
            }
        }
    }

    /// Whatever servers do to the forwarded path, in whatever order, the policy has judged the outcome.
    #[test]
    fn every_habit_leads_to_a_judged_reading(target in pieces(), tolerate in tolerances(), habits in habits()) {
        if let Ok(resource) = parse(&target, tolerate) {
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
