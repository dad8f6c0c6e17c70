use std::path::PathBuf;

use super::*;
use crate::config::{self, read_policy_cases};

/// Cases of a file with this text, asked of the rules of the demo-like configuration below.
fn outcome(cases: &str) -> Result<TestRun, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cases.yaml");
    fs::write(&path, cases).unwrap();
    let cases = read_policy_cases(&path).map_err(|problems| config::problems_text(&problems, false))?;
    let config = dir.path().join("stepgate.yaml");
    fs::write(&config, CONFIG_TEXT).unwrap();
    let settings = config::load(&config).map_err(|report| report.text).unwrap();
    let destinations = Destinations::new(Arc::new(settings.policy));
    let now = Timestamp::from_secs(1_800_000_000);
    test(&destinations, &cases, &PathBuf::from("cases.yaml"), now).map_err(|failure| {
        assert_eq!(failure.code, CONFIG);
        failure.text
    })
}

const CONFIG_TEXT: &str = "
listen: { plain: [\"127.0.0.1:8080\"] }
users: { database: \"sqlite:///tmp/unused.db\" }
apps:
  - host: erp.example.com
    upstream: http://127.0.0.1:9
    rules:
      - { name: static, path: /assets/**, access: public }
      - { name: payroll, path: /payroll/**, allow: { groups: [hr] }, require: { strength: two_factor, max_age: 10m } }
      - { name: rest, path: /**, require: one_factor }
";

const CASES: &str = "
- { name: pictures, given: { url: https://erp.example.com/assets/a.png }, expect: { decision: permit, rule: static } }
- name: an old code
  given: { url: https://erp.example.com/payroll/, user: ann, groups: [hr], amr: [pwd, otp], age: 1h }
  expect: { decision: challenge, rule: payroll, reason: mfa_expired }
- name: a fresh code
  given: { url: https://erp.example.com/payroll/, user: ann, groups: hr, amr: 'pwd,otp', age: 3m }
  expect: { decision: permit }
- name: another group
  given: { url: https://erp.example.com/payroll/, user: ann, groups: [staff], amr: [pwd, otp] }
  expect: { decision: refuse, reason: not_in_audience }
";

#[test]
fn cases_are_asked_of_the_rules_and_uncovered_rules_are_named() {
    let run = outcome(CASES).unwrap();
    let told: Vec<(&str, bool)> = run.cases.iter().map(|case| (case.name.as_str(), case.passed)).collect();
    assert_eq!(told, [("pictures", true), ("an old code", true), ("a fresh code", true), ("another group", true)]);
    assert_eq!((run.coverage.rules, run.coverage.covered), (3, 2));
    assert_eq!(run.coverage.uncovered, ["erp.example.com rest"]);
}

#[test]
fn a_case_that_is_decided_otherwise_says_how_and_where() {
    let wrong = CASES
        .replace("reason: mfa_expired", "reason: mfa_required, methods: [sms]")
        .replace("rule: static", "rule: rest");
    let run = outcome(&wrong).unwrap();
    assert_eq!((run.passed, run.failed), (2, 2));
    let human = run.human(&PathBuf::from("cases.yaml"));
    assert!(human.contains("reason: expected mfa_required, got mfa_expired"), "{human}");
    assert!(human.contains("rule: expected rest, got static"), "{human}");
    assert!(human.contains("cases.yaml:3:3"), "{human}");
    let xml = junit::report(&run, &PathBuf::from("cases.yaml"));
    assert!(xml.contains("tests=\"4\" failures=\"2\"") && xml.matches("<failure ").count() == 2, "{xml}");
}

#[test]
fn a_broken_file_is_told_with_its_place() {
    let broken = [
        ("- { given: { url: https://erp.example.com/ }, expect: { decision: permitted } }", "1:67", "no such decision"),
        ("- { given: { urls: x }, expect: { decision: permit } }", "1:14", "unknown key"),
        ("- { given: { url: x, ip: 300.1.1.1 }, expect: { decision: permit } }", "1:26", "no address"),
        ("- { given: { url: x }, expect: {} }", "1:32", "nothing is expected"),
        ("[]", "1:1", "no case"),
        ("", "1:1", "no case"),
        ("- { given: { url: [", "1:", "not YAML"),
    ];
    for (text, place, word) in broken {
        let told = outcome(text).err().unwrap();
        assert!(told.contains(&format!("cases.yaml:{place}")) && told.contains(word), "{text}\n{told}");
        assert_eq!(told.contains("no case"), word == "no case", "{told}");
        assert!(!told.contains("***"), "a file of cases holds no secret: {told}");
    }
    let told = outcome("- { given: { url: https://other.example.com/ }, expect: { decision: permit } }").err().unwrap();
    assert!(told.starts_with("cases.yaml:1:3: ") && told.contains("no app answers"), "{told}");
    let told =
        outcome("- { given: { url: https://erp.example.com/ }, expect: { methods: [telepathy] } }").err().unwrap();
    assert!(told.contains("`telepathy` is no method"), "{told}");
}

#[test]
fn a_report_is_well_formed_whatever_a_name_holds() {
    let named =
        CASES.replace("an old code", "\"<&\\\">\\u0001\\t]]>\"").replace("reason: mfa_expired", "reason: other");
    let xml = junit::report(&outcome(&named).unwrap(), &PathBuf::from("a&b.yaml"));
    assert!(xml.contains("name=\"&lt;&amp;&quot;&gt;&#9;]]&gt;\"") && xml.contains("name=\"a&amp;b.yaml\""), "{xml}");
    assert!(!xml.contains('\u{1}'));
}
