use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;

use super::pattern::{PathPattern, is_loose, loosely};
use super::rule::{Access, Rule};
use super::*;
use crate::auth::network::Networks;
use crate::auth::resource::tests::{Habit, apply, habits, pieces, tolerances};

fn glob(text: &str) -> PathPattern {
    PathPattern::glob(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn rule(name: &str, pattern: PathPattern, methods: &[&str], networks: &[&str]) -> Rule {
    Rule {
        methods: methods.iter().map(|m| (*m).to_owned()).collect(),
        networks: Networks::new(networks.iter().map(|n| n.parse().unwrap()).collect()),
        ..Rule::new(name, pattern, Access::Public)
    }
}

fn app(rules: Vec<Rule>, tolerate: Tolerances) -> AppPolicy {
    AppPolicy {
        offer: Default::default(),
        host: "app.example".into(),
        tolerate,
        rules: rules.into_iter().map(Arc::new).collect(),
    }
}

#[test]
fn globs_cover_by_segments() {
    for (pattern, yes, no) in [
        ("/**", &["/", "/a", "/a/b/", "//"][..], &[""][..]),
        ("/", &["/"], &["/a", "//"]),
        ("/admin", &["/admin"], &["/admin/", "/admin/x", "/adminx", "/Admin", "/"]),
        ("/admin/", &["/admin/"], &["/admin", "/admin/x"]),
        (
            "/admin/**",
            &["/admin", "/admin/", "/admin/x", "/admin/x/y/"],
            &["/administrator", "/adminx/y", "/x/admin", "/"],
        ),
        ("/*", &["/a", "/index.html"], &["/", "/a/", "/a/b"]),
        ("/a/*/c", &["/a/b/c"], &["/a/c", "/a/b/b/c", "/a//c", "/a/b/c/"]),
        ("/*.css", &["/a.css", "/.css", "/a.b.css"], &["/a.css/x", "/a.csss", "/x/a.css"]),
        ("/img-*-x*.png", &["/img-1-x.png", "/img--x2.png", "/img-a-x-x.png"], &["/img-1.png", "/img-1-x.pn"]),
        ("/**/edit", &["/edit", "/a/edit", "/a/b/edit"], &["/edit/", "/xedit", "/a/edit/b"]),
        ("/a/**/b/**/c", &["/a/b/c", "/a/x/b/y/z/c", "/a/b/b/c/c"], &["/a/c/b", "/a/b", "/a/b/cc"]),
        ("/**/x/*.js", &["/x/a.js", "/x/x/a.js"], &["/x/a/b.js", "/x"]),
        ("/a b/é", &["/a b/é"], &["/a%20b/é"]),
        ("/a%20b/%C3%A9", &["/a b/é"], &["/a%20b/é"]),
        ("/100%25/%2A", &["/100%/*"], &["/100%/x"]),
        ("/p/x%2fy", &["/p/x%2Fy"], &["/p/x/y"]),
        ("/v1.0/(x)", &["/v1.0/(x)"], &["/v1x0/(x)", "/v1.0/x"]),
    ] {
        let compiled = glob(pattern);
        assert_eq!(compiled.as_str(), pattern);
        yes.iter().for_each(|path| assert!(compiled.matches(path), "{pattern} covers {path}"));
        no.iter().for_each(|path| assert!(!compiled.matches(path), "{pattern} does not cover {path}"));
    }
}

#[test]
fn regular_expressions_cover_the_whole_path() {
    let regex = PathPattern::regex("/v[0-9]+/users|/x").unwrap();
    for (path, covered) in [("/v1/users", true), ("/x", true), ("/v1/users/7", false), ("/a/x", false), ("/x\n", false)]
    {
        assert_eq!(regex.matches(path), covered, "{path:?}");
    }
    let multiline = PathPattern::regex("(?m)^/x$").unwrap();
    assert!(!multiline.matches("/x\n/y"));
}

#[test]
fn bad_patterns_are_explained() {
    let bad = |text: &str| PathPattern::glob(text).unwrap_err().to_string();
    let regex = |text: &str| PathPattern::regex(text).unwrap_err().to_string();
    let long = format!("/{}", "a".repeat(3000));
    let told: Vec<String> = [
        "admin/**", "", "/a?b", "/a#b", "/a\\b", "/a**", "/***", "/a//b", "/a/../b", "/./x", "/%2e%2e", "/%", "/%zz",
        "/%FF", "/a%00", &long,
    ]
    .iter()
    .map(|t| format!("{} => {}", t.get(..12.min(t.len())).unwrap(), bad(t)))
    .chain(["/a(", "/a)(b", "(?<=x)y", "a{1000}{1000}"].iter().map(|t| format!("{t} => {}", regex(t))))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn slow_patterns_stay_fast() {
    let path = format!("/{}", "a/".repeat(4000));
    assert!(!glob("/**/a/**/a/**/a/**/b").matches(&path));
    let segment = format!("/{}", "a".repeat(8000));
    assert!(!glob("/*a*a*a*a*a*b").matches(&segment));
}

#[test]
fn rules_that_can_never_match_are_found() {
    let r = |pattern: &str, methods: &[&str], networks: &[&str]| rule(pattern, glob(pattern), methods, networks);
    let regex = |text: &str| rule(text, PathPattern::regex(text).unwrap(), &[], &[]);
    for (rules, expected) in [
        (vec![r("/**", &[], &[]), r("/admin/**", &["POST"], &["10.0.0.0/8"])], vec![(1, 0)]),
        (vec![r("/admin/**", &[], &[]), r("/**", &[], &[])], vec![]),
        (vec![r("/a/**", &["GET"], &[]), r("/a/b", &[], &[])], vec![]),
        (vec![r("/a/**", &["GET", "POST"], &[]), r("/a/b", &["GET"], &[])], vec![(1, 0)]),
        (vec![r("/a/**", &[], &["10.0.0.0/8"]), r("/a/b", &[], &["10.1.0.0/16"]), r("/a/c", &[], &[])], vec![(1, 0)]),
        (vec![r("/*", &[], &[]), r("/x", &[], &[]), r("/", &[], &[])], vec![(1, 0)]),
        (vec![r("/x", &[], &[]), r("/x", &[], &[])], vec![(1, 0)]),
        (vec![r("/x", &[], &[]), r("/X", &[], &[])], vec![]),
        (vec![r("/*.css", &[], &[]), r("/a*.css", &[], &[]), r("/a.*", &[], &[])], vec![(1, 0)]),
        (vec![r("/**", &[], &[]), regex("/x|/y")], vec![(1, 0)]),
        (vec![regex("/.*"), r("/a", &[], &[])], vec![(1, 0)]),
        (vec![regex("/x|/y"), regex("/x|/y"), r("/x", &[], &[])], vec![(1, 0)]),
    ] {
        let names: Vec<String> = rules.iter().map(|r| r.id.0.to_string()).collect();
        assert_eq!(shadowed(app(rules, Tolerances::default()).rules.all()), expected, "{names:?}");
    }
}

/// The names of the rules that are judged for a target.
fn judged(app: &AppPolicy, target: &str) -> Vec<String> {
    let resource = Resource::parse("app.example", "GET", target.as_bytes(), app.tolerate).unwrap();
    let client: IpAddr = "192.0.2.1".parse().unwrap();
    app.judged(&resource, client).map(|r| r.map_or_else(|| "-".into(), |r| r.id.0.to_string())).collect()
}

#[test]
fn every_reading_is_judged() {
    let lax =
        Tolerances { path_parameters: true, encoded_slashes: true, double_slashes: true, ..Tolerances::default() };
    let rules = ["/public/**", "/admin/**", "/Wiki/**", "/static/"];
    let app = app(rules.map(|p| rule(p, glob(p), &[], &[])).into(), lax);
    for (target, expected) in [
        ("/public/x", &["/public/**"][..]),
        ("/admin", &["/admin/**"]),
        ("/%61dmin/x", &["/admin/**"]),
        ("/public%2F;/x", &["-", "/public/**"]),
        ("/ADMIN/x", &["-", "/admin/**"]),
        ("/PUBLIC/x", &["-", "/public/**"]),
        ("/wiki/x", &["-", "/Wiki/**"]),
        ("/Wiki/x", &["/Wiki/**"]),
        ("/static", &["-", "/static/"]),
        ("/static/", &["/static/"]),
        ("/admin;x/y", &["-", "/admin/**"]),
        ("/admin./y", &["-", "/admin/**"]),
        ("/nothing", &["-"]),
        ("//public/admin/x", &["-", "/public/**", "/admin/**"]),
    ] {
        let mut found = judged(&app, target);
        found.sort();
        found.dedup();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{target}");
    }
    assert_eq!(judged(&app, "/public/x").len(), 1);
}

#[test]
fn composed_and_decomposed_characters_are_the_same() {
    for pattern in ["/caf\u{e9}/**", "/cafe\u{301}/**", "/caf%C3%A9/**", "/cafe%CC%81/**"] {
        let app = app(vec![rule("cafe", glob(pattern), &[], &[])], Tolerances::default());
        for target in ["/caf%C3%A9/x", "/cafe%CC%81/x"] {
            assert_eq!(judged(&app, target), ["cafe"], "{pattern} {target}");
        }
    }
    for pattern in ["/caf\u{e9}/.*", "/cafe\u{301}/.*"] {
        let app = app(vec![rule("cafe", PathPattern::regex(pattern).unwrap(), &[], &[])], Tolerances::default());
        assert_eq!([judged(&app, "/caf%C3%A9/x"), judged(&app, "/cafe%CC%81/x")], [["cafe"], ["cafe"]], "{pattern}");
    }
}

fn glob_text() -> impl Strategy<Value = String> {
    let segment = select(vec!["**", "*", "a", "b", "A", "ab", "a*", "*b", "*a*", "", "a*b"]);
    prop::collection::vec(segment, 1..5).prop_map(|s| {
        let joined = format!("/{}", s.join("/"));
        joined.split('/').filter(|s| !s.is_empty()).fold(String::new(), |all, s| all + "/" + s)
            + if joined.ends_with('/') { "/" } else { "" }
    })
}

fn path_text() -> impl Strategy<Value = String> {
    let segment = select(vec!["a", "b", "A", "ab", "aab", "ba", "", "é"]);
    prop::collection::vec(segment, 1..6).prop_map(|s| format!("/{}", s.join("/")))
}

/// The same glob as a regular expression, written by other rules than the matcher.
fn as_regex(glob: &str) -> regex::Regex {
    let mut out = String::from("\\A");
    for segment in glob[1..].split('/') {
        match segment {
            "**" => out.push_str("(?:/[^/]*)*"),
            "*" => out.push_str("/[^/]+"),
            _ => out.push_str(&format!("/{}", segment.replace('*', "[^/]*"))),
        }
    }
    regex::Regex::new(&format!("{out}\\z")).unwrap()
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(4000))]

    #[test]
    fn globs_mean_what_their_regex_means(glob_text in glob_text(), path in path_text()) {
        prop_assert_eq!(glob(&glob_text).matches(&path), as_regex(&glob_text).is_match(&path));
    }

    #[test]
    fn covering_is_sound(a in glob_text(), b in glob_text(), path in path_text()) {
        let (a, b) = (glob(&a), glob(&b));
        if a.covers_all_of(&b) && b.matches(&path) {
            prop_assert!(a.matches(&path));
        }
        prop_assert!(a.covers_all_of(&a));
    }

    /// No server's reading of what is forwarded, in whatever letter case it compares, with or
    /// without the slash at the end, lies in an area that asks for more than was judged.
    #[test]
    fn no_reading_asks_for_more_than_was_judged(
        target in pieces(),
        tolerate in tolerances(),
        habits in habits(),
        order in Just(["/public/**", "/admin/**", "/a/**", "/*.css", "/**"].to_vec()).prop_shuffle(),
    ) {
        let level = |rule: Option<&Arc<Rule>>| match rule.map(|r| r.id.0.as_ref()) {
            Some("/public/**" | "/*.css") => 0,
            Some("/**") => 1,
            Some("/a/**") => 2,
            _ => 3,
        };
        let rules = order.into_iter().map(|p| rule(p, glob(p), &[], &[])).collect();
        let app = app(rules, tolerate);
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        if let Ok(resource) = Resource::parse("app.example", "GET", target.as_bytes(), tolerate) {
            let judged = app.judged(&resource, client).map(level).max();
            let habits: Vec<Habit> = habits.into_iter().filter(|h| tolerate.latin1 || !h.is_of_latin1()).collect();
            let seen = habits.iter().fold(resource.path().to_owned(), |path, habit| apply(*habit, &path));
            let seen = apply(Habit::Decode, &seen);
            let lower = seen.to_lowercase();
            let bare = lower.strip_suffix('/').filter(|p| !p.is_empty()).unwrap_or(&lower);
            for reading in [&seen, &lower, bare] {
                prop_assert!(Some(level(app.rule_for(reading, resource.method(), client))) <= judged, "{} as {}", target, reading);
            }
        }
    }

    /// What is covered exactly is covered loosely; and the shortcut for steady patterns is none.
    #[test]
    fn loose_covers_exact(text in glob_text(), path in path_text()) {
        let pattern = glob(&text);
        let loose = loosely(&path);
        if pattern.matches(&path) {
            // `/a/**/` and the like need the slash that a loose path has lost.
            prop_assert!(pattern.matches_loosely(&loose) || path.contains("//"), "{} {}", text, path);
        }
        if is_loose(&path) {
            prop_assert_eq!(&loose, &path);
            if pattern.is_steady() {
                prop_assert_eq!(pattern.matches(&path), pattern.matches_loosely(&path));
            }
        }
    }
}

#[test]
fn every_method_that_an_app_may_read_is_judged() {
    let only = |method: &str| rule(method, glob("/**"), &[method], &[]);
    let app = app(vec![only("DELETE"), only("PATCH"), only("GET")], Tolerances::default());
    let judged = |method: &str, others: &[&str]| {
        let mut resource = Resource::parse("app.example", method, b"/a", Tolerances::default()).unwrap();
        for other in others {
            resource = resource.taken_for(other).unwrap();
        }
        let name = |rule: Option<&Arc<Rule>>| rule.map_or("none", |rule| &rule.id.0).to_owned();
        app.judged(&resource, IpAddr::from([192, 0, 2, 1])).map(name).collect::<Vec<_>>().join(" ")
    };
    for (method, others, expected) in [
        ("GET", &[][..], "GET"),
        ("GET", &["GET", "get"], "GET"),
        ("GET", &["delete"], "GET DELETE"),
        ("GET", &["PATCH", "DELETE", "PATCH"], "GET PATCH DELETE"),
        ("DELETE", &["POST"], "DELETE none"),
    ] {
        assert_eq!(judged(method, others), expected, "{method} {others:?}");
    }
    let get = Resource::parse("app.example", "GET", b"/", Tolerances::default()).unwrap();
    for odd in ["", "DELETE, GET", "D\u{e9}", "X Y"] {
        assert!(get.clone().taken_for(odd).is_err(), "{odd:?}");
    }
}
