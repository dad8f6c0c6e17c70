use std::time::Duration;

use super::*;
use crate::auth::policy::cors::*;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::proof::{Requirement, Strength};
use crate::auth::resource::Tolerances;

fn preflight<'h>(origin: &'h str, method: &'h str, headers: Option<&'h str>) -> Option<Preflight<'h>> {
    Preflight::parse(origin.as_bytes(), method.as_bytes(), headers.map(str::as_bytes))
}

#[test]
fn a_true_preflight_is_one_that_a_browser_sends() {
    for (origin, method, headers) in [
        ("https://spa.example", "PUT", None),
        ("null", "DELETE", None),
        ("https://spa.example:8443", "GET", Some("authorization,content-type")),
        ("http://localhost:5173", "PROPFIND", Some("depth, x-a")),
    ] {
        assert!(preflight(origin, method, headers).is_some(), "{origin} {method} {headers:?}");
    }
    for (origin, method, headers) in [
        ("", "PUT", None),
        ("spa.example", "PUT", None),
        ("https://spa.example/x", "PUT", None),
        ("https://a.example https://b.example", "PUT", None),
        ("https://spa.example", "", None),
        ("https://spa.example", "P UT", None),
        ("https://spa.example", "GET, PUT", None),
        ("https://spa.example", "G\u{c9}T", None),
        ("https://spa.example", "TRACE", None),
        ("https://spa.example", "CONNECT", None),
        ("https://spa.example", "PUT", Some("")),
        ("https://spa.example", "PUT", Some("x a")),
        ("https://spa.example", "PUT", Some("x,,y")),
        ("https://spa.example", "PUT", Some("x:")),
        ("https://spa.example", "PUT", Some("\u{fc}")),
    ] {
        assert!(preflight(origin, method, headers).is_none(), "{origin} {method} {headers:?}");
    }
}

fn rule(name: &str, path: &str, methods: &[&str], access: Access, preflights: Preflights) -> Arc<Rule> {
    let cors = Cors { origins: vec!["https://spa.example".to_owned()], preflights };
    let methods = methods.iter().map(|m| (*m).to_owned()).collect();
    Arc::new(Rule { cors, methods, ..Rule::new(name, PathPattern::glob(path).unwrap(), access) })
}

fn app() -> AppPolicy {
    let guarded =
        || Access::Guarded { audience: Default::default(), requirement: Requirement::of(Strength::TwoFactor) };
    let texts = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect();
    let allowed = || {
        let max_age = Some(Duration::from_secs(600));
        Preflights::Answered(Allowances { methods: texts(&["GET", "PUT"]), headers: texts(&["x-a", "x-b"]), max_age })
    };
    AppPolicy {
        offer: Default::default(),
        host: "app.example".into(),
        tolerate: Tolerances::default(),
        rules: vec![
            rule("kept", "/kept/**", &["OPTIONS"], Access::Deny, Preflights::Judged),
            rule("kept-pass", "/kept/**", &[], guarded(), Preflights::Passed),
            rule("reads", "/mixed/**", &["GET"], Access::Public, Preflights::Judged),
            rule("writes", "/mixed/**", &["PUT", "POST"], guarded(), allowed()),
            rule("pass", "/pass/**", &["GET", "PUT"], guarded(), Preflights::Passed),
            rule("answered", "/answered/**", &[], guarded(), allowed()),
            rule("open", "/open/**", &[], Access::Public, allowed()),
            rule("shut", "/shut/**", &[], Access::Deny, allowed()),
            rule("rest", "/rest/**", &[], guarded(), Preflights::Judged),
        ]
        .into(),
    }
}

/// What becomes of a preflight, in a word and the rule.
fn becomes(path: &str, origin: &str, method: &str, headers: Option<&str>) -> String {
    let app = app();
    let resource = Resource::parse("app.example", "OPTIONS", path.as_bytes(), app.tolerate).unwrap();
    let asked = preflight(origin, method, headers).unwrap();
    match app.preflighted(&resource, IpAddr::from([192, 0, 2, 1]), &asked) {
        Preflighted::Judged => "judged".to_owned(),
        Preflighted::Passed(rule) => format!("passed {}", rule.id.0),
        Preflighted::Granted(rule, _) => format!("granted {}", rule.id.0),
        Preflighted::Forbidden(rule, why) => format!("{} {}", why.code(), rule.id.0),
    }
}

#[test]
fn the_rule_for_the_method_to_come_says_what_becomes_of_a_preflight() {
    let spa = "https://spa.example";
    for (path, origin, method, headers, expected) in [
        ("/answered/x", spa, "PUT", None, "granted answered"),
        ("/answered/x", spa, "PUT", Some("X-B,x-a"), "granted answered"),
        ("/answered/x", spa, "HEAD", None, "granted answered"),
        ("/answered/x", spa, "PUT", Some("x-a,x-c"), "cors_header answered"),
        ("/answered/x", spa, "DELETE", None, "cors_method answered"),
        ("/answered/x", spa, "POST", None, "cors_method answered"),
        ("/answered/x", "https://spa.example:444", "PUT", None, "cors_origin answered"),
        ("/answered/x", "null", "PUT", None, "cors_origin answered"),
        ("/open/x", spa, "GET", None, "granted open"),
        ("/mixed/x", spa, "PUT", None, "granted writes"),
        ("/mixed/x", spa, "POST", None, "cors_method writes"),
        ("/mixed/x", spa, "GET", None, "judged"),
        ("/mixed/x", spa, "DELETE", None, "judged"),
        ("/pass/x", "https://other.example", "PUT", None, "passed pass"),
        ("/pass/x", spa, "DELETE", None, "judged"),
        ("/pass/x", spa, "put", None, "judged"),
        // A path that some servers read as another one has no single rule.
        ("/PASS/x", spa, "PUT", None, "judged"),
        ("/Answered/x", spa, "PUT", None, "judged"),
        // Nobody may pass here, and an OPTIONS that is denied by name stays denied.
        ("/shut/x", spa, "PUT", None, "judged"),
        ("/kept/x", spa, "PUT", None, "judged"),
        ("/rest/x", spa, "PUT", None, "judged"),
        ("/nothing", spa, "PUT", None, "judged"),
    ] {
        assert_eq!(becomes(path, origin, method, headers), expected, "{path} {origin} {method} {headers:?}");
    }
}
