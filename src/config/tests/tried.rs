use std::sync::Arc;

use super::*;
use crate::auth::policy::rule::Rule;

fn rules(lines: &str) -> String {
    file(&format!("    rules:\n{lines}"), "")
}

#[test]
fn a_rule_that_is_tried_hides_none_and_may_be_hidden() {
    let tried = |rules_text: &str| told(&rules(rules_text));
    let hides =
        "      - { name: try, path: /**, mode: shadow, access: deny }\n      - { path: /**, require: two_factor }\n";
    assert_eq!(tried(hides), Vec::<String>::new(), "the one that is in force behind it decides");
    let hidden =
        "      - { path: /**, require: two_factor }\n      - { name: try, path: /a, mode: shadow, access: deny }\n";
    let told = tried(hidden);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("6: rule `try`, which is only tried, can never match: `rule-1` in line 5"), "{told:?}");
    tells(&rules("      - { path: /**, mode: shadow, access: deny }\n"), "every rule of this app is only tried");
    tells(&rules("      - { path: /**, mode: shady, access: deny }\n"), "did you mean `shadow`?");
    let place = Place::new();
    let settings = place.load(&rules(hides)).settings.unwrap();
    let rules = &settings.policy.app("erp.example.com").unwrap().rules;
    let names = |rules: &[Arc<Rule>]| rules.iter().map(|rule| rule.id.0.to_string()).collect::<Vec<_>>();
    assert_eq!(names(rules), ["rule-2"]);
    assert_eq!(names(&rules.trials()[0].rules), ["try", "rule-2"]);
}

#[test]
fn the_rules_of_a_candidate_are_tried_at_the_hosts_of_both() {
    let place = Place::new();
    let app = |host: &str, rule: &str| {
        format!(
            "  - host: {host}\n    upstream: http://10.0.0.5:8080\n    rules: [{{ name: {rule}, path: /**, require: two_factor }}]\n"
        )
    };
    let file = |apps: &[String], more: &str| {
        format!(
            "apps:\n{}listen: {{ plain: [\"127.0.0.1:8080\"] }}\nusers: {{ database: sqlite://./a.db }}\n{more}",
            apps.concat()
        )
    };
    let live = file(&[app("a.example.com", "now"), app("b.example.com", "now")], "policy: { candidate: other.yaml }\n");
    let told = |live: &str| {
        let loaded = place.load(live);
        let told: Vec<String> =
            loaded.problems.iter().map(|p| format!("{}:{}:{}: {}", p.file, p.line, p.column, p.message)).collect();
        (loaded.settings, told)
    };
    let (settings, problems) = told(&live);
    assert!(settings.is_none() && problems.len() == 1 && problems[0].contains("10:22: cannot read"), "{problems:?}");

    place.write("other.yaml", &file(&[app("b.example.com", "then"), app("c.example.com", "then")], ""));
    let (settings, problems) = told(&live);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("nothing is tried there: a.example.com"), "{problems:?}");
    assert!(problems[1].contains("only the candidate has these hosts: c.example.com"), "{problems:?}");
    let policy = settings.unwrap().policy;
    assert!(policy.app("a.example.com").unwrap().rules.trials().is_empty() && policy.app("c.example.com").is_none());
    let rules = &policy.app("b.example.com").unwrap().rules;
    assert_eq!(&*rules[0].id.0, "now");
    assert_eq!(&*rules.trials()[0].rules[0].id.0, "then");

    place.write("other.yaml", &file(&[app("b.example.com", "then").replace("two_factor", "two_facter")], ""));
    let (settings, problems) = told(&live);
    assert!(settings.is_none() && problems.len() == 2, "{problems:?}");
    assert!(problems[0].contains("the candidate cannot be used"), "{problems:?}");
    assert!(problems[1].contains("other.yaml:4:47: "), "{problems:?}");

    place.write("other.yaml", &live);
    let (settings, problems) = told(&live);
    assert!(settings.is_none() && problems[1].contains("a candidate has no candidate of its own"), "{problems:?}");
}
