use std::net::IpAddr;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::auth::network::Networks;
use crate::auth::policy::pattern::{is_loose, loosely};
use crate::auth::policy::rule::Access;
use crate::auth::policy::{AppPolicy, head};
use crate::auth::resource::Resource;
use crate::auth::resource::tests::{pieces, tolerances};

/// Patterns with shared beginnings, more than are asked one by one, and some that cover the same paths.
static PATTERNS: LazyLock<Vec<PathPattern>> = LazyLock::new(|| {
    let globs = [
        "/**",
        "/",
        "/*",
        "/a",
        "/A",
        "/a/",
        "/a/**",
        "/a/*",
        "/a/**/",
        "/a*",
        "/a*/**",
        "/ab",
        "/ab/**",
        "/admin",
        "/admin/**",
        "/ADMIN/*",
        "/admin/users/**",
        "/admin/u*",
        "/public/**",
        "/**/edit",
        "/**/a/*",
        "/*/a",
        "/*.css",
        "/é",
        "/É/**",
        "/a.b",
        "/a+(x)/**",
        "/p/x%2Fy",
        "/p/*",
        "/a;x=1/**",
        "/İ",
    ];
    let regexes = ["/a/.*", "/[a-z]+", "/(?i)ADMIN", "/(a|ab)/?", "/\\w+/\\d*", ".*x", "(?-i)/A.*", "/a$|/b"];
    let one = |made: Result<PathPattern, _>| made.unwrap();
    globs
        .map(|text| one(PathPattern::glob(text)))
        .into_iter()
        .chain(regexes.map(|text| one(PathPattern::regex(text))))
        .collect()
});

fn rules() -> impl Strategy<Value = Vec<Arc<Rule>>> {
    let methods = subsequence(vec!["GET", "HEAD", "POST", "DELETE"], 0..3);
    let rule = (0..PATTERNS.len(), methods, select(vec!["", "", "192.0.2.0/24", "10.0.0.0/8"]));
    prop::collection::vec(rule, 0..60).prop_map(|rules| {
        let one = |(place, (pattern, methods, network)): (usize, (usize, Vec<&str>, &str))| {
            let rule = Rule::new(&place.to_string(), PATTERNS[pattern].clone(), Access::Public);
            let networks = Networks::new(network.parse().into_iter().collect());
            Arc::new(Rule { methods: methods.into_iter().map(str::to_owned).collect(), networks, ..rule })
        };
        rules.into_iter().enumerate().map(one).collect()
    })
}

fn targets() -> impl Strategy<Value = String> {
    let segment = select(vec![
        "a", "A", "b", "ab", "admin", "Admin", "users", "edit", "x", "x.css", "%C3%A9", "%C3%89", "a.b", "a+(x)",
        "x%2Fy", "a;x=1", "", "%C4%B0", "7",
    ]);
    let plain = prop::collection::vec(segment, 1..4).prop_map(|segments| format!("/{}", segments.join("/")));
    prop_oneof![3 => plain, 1 => pieces()]
}

/// The rules one by one, as the operator reads them.
fn first<'a>(rules: &'a [Arc<Rule>], path: &str, method: &str, client: IpAddr, loose: bool) -> Option<&'a Arc<Rule>> {
    let covers = |rule: &Rule| if loose { rule.pattern.matches_loosely(path) } else { rule.pattern.matches(path) };
    let named = |rule: &Arc<Rule>| rule.names("HEAD") && rule.covers_client(client) && covers(rule);
    let method = if method == "HEAD" && !rules.iter().any(named) { "GET" } else { method };
    rules.iter().find(|rule| rule.applies(method, client) && covers(rule))
}

/// What is judged of a request, without an index.
fn judged(rules: &[Arc<Rule>], resource: &Resource, client: IpAddr) -> Vec<Option<String>> {
    let mut all = Vec::new();
    let both = |path: &str, method: &str| {
        let exact = first(rules, path, method, client, false);
        let shortcut = is_loose(path) && rules.iter().all(|rule| rule.pattern.is_steady());
        let loose = (!shortcut).then(|| first(rules, &loosely(path), method, client, true)).flatten();
        [exact, loose.or(exact)]
    };
    for resource in std::iter::once(resource).chain(resource.others()) {
        for method in resource.methods() {
            for path in resource.readings() {
                let found = both(path, method);
                all.extend(found);
                if method == "HEAD" && !found.iter().all(|rule| rule.is_some_and(|rule| head::is_meant(rule))) {
                    all.extend(both(path, "GET"));
                }
            }
        }
    }
    all.dedup_by_key(|rule| rule.map(Arc::as_ptr));
    all.into_iter().map(|rule| rule.map(|rule| rule.id.0.to_string())).collect()
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(600))]

    #[test]
    fn the_index_finds_what_reading_the_rules_finds(
        rules in rules(), targets in prop::collection::vec(targets(), 1..12), tolerate in tolerances(),
        method in select(vec!["GET", "HEAD", "POST", "PUT", "MOVE"]), taken_for in select(vec![None, Some("DELETE"), Some("HEAD")]),
        client in select(vec![[192, 0, 2, 1], [10, 1, 2, 3], [203, 0, 113, 9]]),
    ) {
        let client = IpAddr::from(client);
        let app = AppPolicy { offer: Default::default(), host: "a.example".into(), tolerate, rules: rules.clone().into() };
        for target in targets {
            let Ok(resource) = Resource::parse("a.example", method, target.as_bytes(), tolerate) else { continue };
            let resource = match taken_for {
                Some(other) => resource.taken_for(other).unwrap(),
                None => resource,
            };
            let found: Vec<_> = app.judged(&resource, client).map(|r| r.map(|r| r.id.0.to_string())).collect();
            prop_assert_eq!(found, judged(&rules, &resource, client), "{} {}", method, target);
        }
    }
}

fn many(count: usize, text: impl Fn(usize) -> PathPattern) -> IndexedRules {
    let rule = |n: usize| Arc::new(Rule::new(&n.to_string(), text(n), Access::Public));
    (0..count).map(rule).collect()
}

/// How many patterns are matched with a path one by one.
fn asked(rules: &IndexedRules, path: &str) -> usize {
    rules.exact.buckets_of(path).filter(|bucket| bucket.set.is_none()).map(|bucket| bucket.rules.len()).sum()
}

#[test]
fn a_thousand_rules_are_not_asked_one_by_one() {
    let glob = |text: String| PathPattern::glob(&text).unwrap();
    let regex = |text: String| PathPattern::regex(&text).unwrap();
    for (rules, path) in [
        (many(1000, |n| glob(format!("/area-{n}/**"))), "/area-777/x"),
        (many(1000, |n| glob(format!("/api/*/area-{n}/**"))), "/api/7/area-777/x"),
        (many(1000, |n| glob(format!("/**/area-{n}"))), "/x/y/area-777"),
        (many(200, |n| regex(format!("/area-{n}/[0-9]+"))), "/area-77/7"),
    ] {
        let asked = asked(&rules, path);
        assert!(asked <= MAX_LINEAR, "{path}: {asked}");
        let named = rules.iter().filter(|rule| rule.pattern.matches(path)).map(|rule| rule.id.0.as_ref());
        assert_eq!(rules.first(path, |_| true).map(|rule| rule.id.0.as_ref()), named.min());
    }
}
