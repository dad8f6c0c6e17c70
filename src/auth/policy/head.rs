//! HEAD is GET without the body (RFC 9110 §9.3.2): who may not have one may not have the other.
//!
//! A rule for GET covers HEAD, unless a rule for the same path and client names HEAD. Even then HEAD is judged as GET
//! too and the strictest decision wins, but where the rule for it names HEAD and not GET: who writes that means it.

use std::net::IpAddr;
use std::sync::Arc;

use super::rule::{Access, Rule};
use super::{AppPolicy, Resource};

pub(super) const GET: &str = "GET";
pub(super) const HEAD: &str = "HEAD";

/// Whether a rule was written for HEAD alone, beside one for GET.
pub(super) fn is_meant(rule: &Rule) -> bool {
    rule.names(HEAD) && !rule.names(GET)
}

/// Whether a rule covers the method of a request.
pub fn covers_method(app: &AppPolicy, rule: &Rule, resource: &Resource, client: IpAddr) -> bool {
    let method = resource.method();
    let is_here = |rule: &Rule| rule.covers_client(client) && rule.covers_path(resource);
    let as_get = || method == HEAD && !app.rules.iter().any(|other| is_meant(other) && is_here(other));
    rule.covers_method(method) || (rule.covers_method(GET) && as_get())
}

/// What an operator may not expect of HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surprise {
    /// The rule for GET covers HEAD as well, so that the later one for the same paths never sees it.
    CoversHead,
    /// The rule for HEAD alone asks for less than the other one asks for GET.
    LaxerThanGet,
}

/// Where HEAD may not be what an operator expects: what, of which rule, beside which other. Certain, not complete.
pub fn surprises(rules: &[Arc<Rule>]) -> Vec<(Surprise, usize, usize)> {
    let mut found = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let later = rules.iter().enumerate().skip(index + 1);
        let others = |other: &Rule| rank(other) != rank(rule) && overlap(rule, other);
        if rule.names(GET) && !rule.names(HEAD) {
            let mut alike = later.filter(|(_, o)| same_paths(rule, o) && o.covers_method(HEAD) && others(o));
            // One that names HEAD decides about it.
            let first = alike.next().filter(|(_, other)| !other.names(HEAD));
            found.extend(first.map(|(other, _)| (Surprise::CoversHead, index, other)));
        }
        if is_meant(rule) {
            let mut about_get = rules.iter().enumerate().filter(|(_, o)| o.names(GET) && !o.names(HEAD));
            let stricter = about_get.find(|(_, other)| rank(other) > rank(rule) && overlap(rule, other));
            found.extend(stricter.map(|(other, _)| (Surprise::LaxerThanGet, index, other)));
        }
    }
    found
}

fn same_paths(a: &Rule, b: &Rule) -> bool {
    a.pattern.covers_all_of(&b.pattern) && b.pattern.covers_all_of(&a.pattern)
}

/// Whether two rules surely have paths and clients in common.
fn overlap(a: &Rule, b: &Rule) -> bool {
    let paths = a.pattern.covers_all_of(&b.pattern) || b.pattern.covers_all_of(&a.pattern);
    paths && (a.networks.cover_all_of(&b.networks) || b.networks.cover_all_of(&a.networks))
}

const fn rank(rule: &Rule) -> u8 {
    match rule.access {
        Access::Public => 0,
        Access::Guarded { .. } => 1,
        Access::Deny => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;
    use crate::auth::network::Networks;
    use crate::auth::policy::pattern::PathPattern;
    use crate::auth::proof::{Requirement, Strength};
    use crate::auth::resource::Tolerances;

    fn access(name: &str) -> Access {
        let requirement = Requirement::of(Strength::TwoFactor);
        match name {
            "public" => Access::Public,
            "deny" => Access::Deny,
            _ => Access::Guarded { audience: Default::default(), requirement },
        }
    }

    /// `METHODS PATH ACCESS [NETWORK]`; `*` stands for every method.
    fn app(rules: &[&str]) -> AppPolicy {
        let one = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let methods = words[0].split(',').filter(|m| *m != "*").map(str::to_owned).collect();
            let networks = Networks::new(words.iter().skip(3).map(|n| n.parse().unwrap()).collect());
            let rule = Rule::new(line, PathPattern::glob(words[1]).unwrap(), access(words[2]));
            Arc::new(Rule { methods, networks, ..rule })
        };
        AppPolicy {
            offer: Default::default(),
            host: "app.example".into(),
            tolerate: Tolerances::default(),
            rules: rules.iter().map(one).collect(),
        }
    }

    fn resource(method: &str, path: &str) -> Resource {
        Resource::parse("app.example", method, path.as_bytes(), Tolerances::default()).unwrap()
    }

    /// The strictest access that is judged.
    fn strictest(app: &AppPolicy, method: &str, path: &str) -> u8 {
        let client = IpAddr::from([192, 0, 2, 1]);
        app.judged(&resource(method, path), client).map(|rule| rule.map_or(2, |rule| rank(rule))).max().unwrap()
    }

    #[test]
    fn a_rule_for_get_covers_head_unless_another_names_it() {
        for (rules, get, head) in [
            (&["GET /a/** public", "* /a/** deny"][..], 0, 0),
            (&["GET /a/** guarded", "* /a/** public"], 1, 1),
            (&["GET /a/** public"], 0, 0),
            (&["POST /a/** public", "GET /a/** deny"], 2, 2),
            (&["GET /a/** public", "HEAD /a/** deny"], 0, 2),
            (&["GET /a/** guarded", "HEAD /a/** public"], 1, 0),
            (&["HEAD /a/** public", "GET /a/** guarded"], 1, 0),
            // A rule for other paths or clients says nothing here.
            (&["GET /a/** public", "* /a/** deny", "HEAD /b guarded"], 0, 0),
            (&["GET /a/** guarded", "HEAD /a/** public 10.0.0.0/8", "* /a/** public"], 1, 1),
            // One that names both, or is never reached, is no way round the rule for GET.
            (&["GET /a/** guarded", "GET,HEAD /** public"], 1, 1),
            (&["GET /a/** guarded", "* /** public", "HEAD /** deny"], 1, 1),
            (&["GET,POST /a/** public", "GET,HEAD /a/** deny"], 0, 2),
            // Nor is a look-alike of the path.
            (&["HEAD /A/** public", "GET /a/** guarded", "* /** public"], 1, 1),
        ] {
            let app = app(rules);
            let both = ["GET", "HEAD"].map(|method| strictest(&app, method, "/a/x"));
            assert_eq!(both, [get, head], "{rules:?}");
        }
    }

    #[test]
    fn what_an_operator_may_not_expect_of_head_is_found() {
        use Surprise::{CoversHead, LaxerThanGet};
        for (rules, expected) in [
            (&["GET /a/** public", "* /a/** deny"][..], vec![(CoversHead, 0, 1)]),
            (&["GET /a/** guarded", "* /a/** public"], vec![(CoversHead, 0, 1)]),
            (&["GET,HEAD /a/** public", "* /a/** deny"], vec![]),
            (&["GET /a/** public", "* /** guarded"], vec![]),
            (&["GET /a/** public", "POST /a/** deny"], vec![]),
            (&["GET /a/** public", "HEAD /a/** deny"], vec![]),
            (&["GET /a/** guarded", "HEAD /a/** public"], vec![(LaxerThanGet, 1, 0)]),
            (&["HEAD /** public", "GET /a/** guarded"], vec![(LaxerThanGet, 0, 1)]),
            (&["HEAD /up public", "* /** guarded"], vec![]),
        ] {
            assert_eq!(surprises(&app(rules).rules), expected, "{rules:?}");
        }
    }

    fn rules() -> impl Strategy<Value = Vec<String>> {
        let methods = subsequence(vec!["GET", "HEAD", "POST"], 0..3)
            .prop_map(|m| if m.is_empty() { "*".to_owned() } else { m.join(",") });
        let paths = select(vec!["/a", "/a/", "/A", "/**", "/*", "/b"]);
        let rule = (methods, paths, select(vec!["public", "guarded", "deny"]), select(vec!["", " 192.0.2.0/24"]));
        prop::collection::vec(rule.prop_map(|(m, path, access, net)| format!("{m} {path} {access}{net}")), 1..5)
    }

    proptest! {
        #![proptest_config(crate::auth::generated::cases(4000))]

        /// Whatever the rules: HEAD gets by no rule for GET but by one for HEAD alone, and is GET where none names it.
        #[test]
        fn head_is_never_an_easier_get(rules in rules(), path in select(vec!["/a", "/a/", "/A/", "/b", "/c"])) {
            let lines: Vec<&str> = rules.iter().map(String::as_str).collect();
            let app = app(&lines);
            let (get, head) = (strictest(&app, "GET", path), strictest(&app, "HEAD", path));
            let names = |which: fn(&Rule) -> bool| app.rules.iter().any(|rule| which(rule));
            if !names(|rule| rule.names(HEAD)) {
                prop_assert_eq!(get, head);
            }
            if !names(is_meant) {
                prop_assert!(head >= get);
            }
        }
    }
}
