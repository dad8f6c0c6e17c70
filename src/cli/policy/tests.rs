use std::path::PathBuf;

use super::*;
use crate::config::{self, read_policy_cases};

/// Cases of a file with this text, asked of the rules of the demo-like configuration below.
fn outcome(cases: &str) -> Result<TestRun, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cases.yaml");
    fs::write(&path, cases).unwrap();
    let config = dir.path().join("stepgate.yaml");
    fs::write(&config, CONFIG_TEXT).unwrap();
    let settings = config::load(&config).map_err(|report| report.text).unwrap();
    let destinations = Destinations::new(Arc::new(settings.policy));
    let cases = read_policy_cases(&path, &known_words(&destinations, settings.flow.risk.is_some()))
        .map_err(|problems| config::problems_text(&problems, false))?;
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
      - { name: try, path: /**, mode: shadow, access: deny }
      - { name: payroll, path: /payroll/**, allow: { groups: [hr] }, require: { strength: two_factor, max_age: 10m } }
      - { name: risky, path: /risky, require: one_factor, on_risk: { medium: step_up, high: deny }, on_change: { network: step_up } }
      - { name: rest, path: /**, require: one_factor }
risk: { mode: enforce }
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
    assert_eq!((run.coverage.rules, run.coverage.covered), (4, 2));
    assert_eq!(run.coverage.uncovered, ["erp.example.com risky", "erp.example.com rest"]);
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
        ("- { given: { url: x }, expect: { rule: payrol } }", "1:40", "did you mean `payroll`?"),
        ("- { given: { url: x }, expect: { rule: zzz } }", "1:40", "known are static, payroll, risky, rest"),
        ("- { given: { url: x }, expect: { rule: try } }", "1:40", "rule `try` is only tried"),
        ("- { given: { url: x }, expect: { reason: mfa_expire } }", "1:42", "did you mean `mfa_expired`?"),
        ("- { given: { url: x, risk: mediun }, expect: { decision: permit } }", "1:28", "did you mean `medium`?"),
        ("- { given: { url: x, risk: { changed: [planet] } }, expect: { decision: permit } }", "1:40", "`planet`"),
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

/// What a case is decided by, given a risk and what was proved five minutes before.
fn risky(risk: &str, amr: &str) -> String {
    let given = format!("url: https://erp.example.com/risky, user: ann, amr: [{amr}], age: 5m{risk}");
    let case = outcome(&format!("- {{ given: {{ {given} }}, expect: {{ rule: risky }} }}")).unwrap().cases.remove(0);
    format!("{} {}", case.decision, case.reason.unwrap_or_default())
}

#[test]
fn a_risk_that_is_given_counts() {
    for (risk, amr, expected) in [
        ("", "pwd", "permit "),
        (", risk: low", "pwd", "permit "),
        (", risk: medium", "pwd", "challenge risk"),
        (", risk: { level: medium }", "pwd, otp", "permit "),
        (", risk: high", "pwd, otp", "refuse risk"),
        (", risk: { changed: [network] }", "pwd, otp", "challenge risk"),
        (", risk: { changed: [browser, country] }", "pwd", "permit "),
    ] {
        assert_eq!(risky(risk, amr), expected, "{risk} {amr}");
    }
}

#[test]
fn a_slip_that_is_given_counts_where_the_rule_asks_for_one() {
    use crate::auth::policy::pattern::PathPattern;
    use crate::auth::policy::rule::{Access, Audience, Rule};
    use crate::auth::policy::{AppPolicy, Policy};
    use crate::auth::proof::{Binding, Requirement, Strength};

    let asks = |name: &str, binding| {
        let requirement = Requirement { binding, ..Requirement::of(Strength::TwoFactor) };
        let access = Access::Guarded { audience: Audience::default(), requirement };
        Arc::new(Rule::new(name, PathPattern::glob(&format!("/{name}")).unwrap(), access))
    };
    let destinations = Destinations::new(Arc::new(Policy::new([AppPolicy {
        offer: Default::default(),
        host: "erp.example.com".into(),
        tolerate: Default::default(),
        rules: vec![asks("once", Binding::Request), asks("told", Binding::Transaction)].into(),
    }])));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cases.yaml");
    for (url, slip, expected) in [
        ("once", "", "challenge once"),
        ("once", ", slip: { method: totp }", "permit "),
        ("once", ", slip: { method: totp, age: 61s }", "challenge once"),
        ("once", ", slip: { method: pwd }", "challenge once"),
        ("told", ", slip: { method: totp }", "challenge transaction"),
        ("told", ", slip: { method: totp, transaction: true }", "permit "),
    ] {
        let given = format!("url: https://erp.example.com/{url}, user: ann, amr: [pwd, otp], age: 5m{slip}");
        fs::write(&path, format!("- {{ given: {{ {given} }}, expect: {{ rule: {url} }} }}")).unwrap();
        let cases = read_policy_cases(&path, &known_words(&destinations, false)).unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        let case = test(&destinations, &cases, &path, now).unwrap_or_else(|e| panic!("{}", e.text));
        let case = case.cases.into_iter().next().unwrap();
        assert_eq!(format!("{} {}", case.decision, case.reason.unwrap_or_default()), expected, "{url}{slip}");
    }
}

#[test]
fn every_reason_that_is_known_is_a_word_of_its_own() {
    let mut known = outcome::reasons();
    known.sort_unstable();
    known.dedup();
    for word in ["risk", "mfa_required", "stronger_required", "no_rule", "out_of_reach", "double_slash", "cors_origin"]
    {
        assert!(known.contains(&word), "{word}");
    }
}

#[test]
fn a_report_is_well_formed_whatever_a_name_holds() {
    let named =
        CASES.replace("an old code", "\"<&\\\">\\u0001\\t]]>\"").replace("reason: mfa_expired", "reason: mfa_required");
    let xml = junit::report(&outcome(&named).unwrap(), &PathBuf::from("a&b.yaml"));
    assert!(xml.contains("name=\"&lt;&amp;&quot;&gt;&#9;]]&gt;\"") && xml.contains("name=\"a&amp;b.yaml\""), "{xml}");
    assert!(!xml.contains('\u{1}'));
}
