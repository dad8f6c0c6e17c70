use std::time::Duration;

use super::*;
use crate::auth::network::Networks;
use crate::auth::policy::cors::{Allowances, Cors, Preflights};
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::{Changed, MethodSet, OnChange, OnRisk, Proofs, Requirement, RiskAction, RiskLevel, Strength};
use crate::auth::resource::Tolerances;
use crate::auth::user::Group;

/// What `explain` says under these rules.
fn explain(policy: &Policy, question: &Question, now: Timestamp) -> Result<Explanation, String> {
    super::explain(&Destinations::new(Arc::new(policy.clone())), question, now)
}

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn rule(name: &str, path: &str, methods: &[&str], networks: &[&str], access: Access) -> Rule {
    Rule {
        methods: methods.iter().map(|m| (*m).to_owned()).collect(),
        networks: Networks::new(networks.iter().map(|n| n.parse().unwrap()).collect()),
        remediation: (name == "admin").then(|| "Ask finance-it for the group admins".to_owned()),
        ..Rule::new(name, PathPattern::glob(path).unwrap(), access)
    }
}

fn policy() -> Policy {
    let guarded = |strength, max_age: Option<u64>, methods: MethodSet, group: Option<&str>| Access::Guarded {
        audience: Audience { groups: group.map(|g| Group(g.into())).into_iter().collect(), users: Vec::new() },
        requirement: Requirement { max_age: max_age.map(Duration::from_secs), methods, ..Requirement::of(strength) },
    };
    let held: MethodSet = [Method::Totp, Method::Passkey].into_iter().collect();
    let rules = vec![
        rule("static", "/assets/**", &["GET"], &[], Access::Public),
        rule("cgi", "/cgi/**", &[], &[], Access::Deny),
        rule("admin", "/admin/**", &[], &["10.0.0.0/8"], guarded(Strength::TwoFactor, Some(300), held, Some("admins"))),
        rule("app", "/app/**", &[], &[], guarded(Strength::TwoFactor, None, MethodSet::ALL, None)),
    ];
    Policy::new([AppPolicy {
        offer: Default::default(),
        host: "erp.example.com".into(),
        tolerate: Tolerances { path_parameters: true, ..Tolerances::default() },
        rules: rules.into_iter().map(Arc::new).collect(),
    }])
}

fn question(url: &str) -> Question {
    Question {
        url: url.into(),
        method: "GET".into(),
        ip: "10.0.0.7".parse().unwrap(),
        user: None,
        groups: Vec::new(),
        amr: Vec::new(),
        age: None,
        known: None,
        cross_origin: CrossOrigin::default(),
        proofs: None,
        risk: None,
        slip: None,
    }
}

fn root(url: &str, amr: &[&str], minutes: u64) -> Question {
    Question {
        user: Some("root".into()),
        groups: vec!["staff".into(), "admins".into()],
        amr: amr.iter().map(|a| (*a).to_owned()).collect(),
        age: Some(Duration::from_secs(60 * minutes)),
        ..question(url)
    }
}

#[test]
fn explanations_for_people() {
    let ann = |url| Question { user: Some("Ann".into()), groups: vec!["staff".into()], ..question(url) };
    let questions = [
        question("https://erp.example.com/assets/a.css"),
        question("https://ERP.example.com:443/app"),
        question("erp.example.com/admin?x=1#frag"),
        root("https://erp.example.com/admin/users", &["pwd", "otp"], 31),
        root("https://erp.example.com/admin/users", &["pwd", "otp", "mfa"], 1),
        root("https://erp.example.com/admin", &["pwd"], 1),
        ann("https://erp.example.com/admin"),
        ann("https://erp.example.com/app/é x"),
        ann("https://erp.example.com/app/%C3%A9%20x"),
        Question { ip: "192.0.2.1".parse().unwrap(), ..root("https://erp.example.com/admin", &["pwd", "otp"], 1) },
        root("https://erp.example.com/ADMIN/", &["pwd", "otp"], 1),
        root("https://erp.example.com/app;x/a", &["pwd", "otp"], 1),
        question("https://erp.example.com/cgi/x"),
        question("https://erp.example.com"),
        question("https://erp.example.com/app/../admin"),
        question("https://erp.example.com/a%2fb"),
        Question { method: "TRACE".into(), ..question("https://erp.example.com/app") },
        question("https://erp.example.com/.stepgate/login?to=%2F"),
        question("https://erp.example.com/%2Estepgate/login"),
    ];
    let told: Vec<String> = questions.iter().map(|q| explain(&policy(), q, NOW).unwrap().human()).collect();
    insta::assert_snapshot!(told.join("--------\n"));
}

#[test]
fn what_nobody_can_prove_is_not_promised() {
    let requirement = Requirement::of(Strength::PhishingResistant);
    let access = Access::Guarded { audience: Audience::default(), requirement };
    let rules = vec![Arc::new(rule("vault", "/vault/**", &[], &[], access))];
    let policy = Policy::new([AppPolicy {
        offer: Default::default(),
        host: "erp.example.com".into(),
        tolerate: Tolerances::default(),
        rules: rules.into(),
    }]);
    for amr in [&["pwd"][..], &["pwd", "otp"]] {
        let told = explain(&policy, &root("https://erp.example.com/vault", amr, 1), NOW).unwrap().human();
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("Nothing that is switched on reaches phishing_resistant"), "{told}");
        assert!(told.contains("it would take one of: passkey, security_key."), "{told}");
    }
}

#[test]
fn what_an_account_has_set_up_is_what_is_asked_of_its_owner() {
    let of = |methods: &[Method]| {
        Some(AccountFactors { methods: methods.iter().copied().collect(), locked: MethodSet::EMPTY, disabled: false })
    };
    let off = |known: Option<AccountFactors>, method| {
        known.map(|known| AccountFactors { locked: MethodSet::EMPTY.with(method), ..known })
    };
    let (password, totp, backup) = (Method::Password, Method::Totp, Method::BackupCode);
    for (known, amr, told) in [
        (None, &[][..], "Needs two_factor: password and one of totp, backup_code."),
        (of(&[password, totp, backup]), &[], "Needs two_factor: password and one of totp, backup_code."),
        (of(&[password, totp]), &[], "Needs two_factor: password and totp."),
        (of(&[password]), &[], "Needs two_factor: password, and then setting up totp."),
        (of(&[password]), &["pwd"], "Needs two_factor. First to be set up: totp."),
        (of(&[password, totp]), &["pwd"], "Needs two_factor. It takes totp."),
        (off(of(&[password, totp, backup]), totp), &[], "Needs two_factor: password and backup_code."),
        (off(of(&[password, totp]), totp), &[], "Needs two_factor: nothing that this account has set up reaches it."),
        (
            off(of(&[password, totp]), totp),
            &["pwd"],
            "Needs two_factor, and nothing that this account has set up brings it on.",
        ),
        (of(&[]), &[], "Needs two_factor: nothing that this account has set up reaches it."),
    ] {
        let question = Question { known, ..root("https://erp.example.com/app", amr, 1) };
        assert_eq!(explain(&policy(), &question, NOW).unwrap().remedy.as_deref(), Some(told), "{known:?} {amr:?}");
    }
    let question = Question { known: off(of(&[password, totp]), totp), ..root("https://erp.example.com/app", &[], 1) };
    let told = explain(&policy(), &question, NOW).unwrap();
    assert!(told.human().contains("Switched off") && told.can_prove == Some(vec!["password"]), "{}", told.human());
    let known = Some(AccountFactors { methods: MethodSet::EMPTY, locked: MethodSet::EMPTY, disabled: true });
    let told = explain(&policy(), &Question { known, ..root("https://erp.example.com/app", &[], 1) }, NOW).unwrap();
    assert!(told.note.is_some() && told.human().contains("This account is disabled"), "{}", told.human());
}

/// What would let an address in is named in full, and only where it would.
#[test]
fn the_tolerances_that_an_address_needs_are_named() {
    for (path, words) in [
        ("/app//x", Some("double_slashes")),
        ("/app/caf%E9", Some("latin1")),
        ("/app/a%2fb//c", Some("encoded_slashes, double_slashes")),
        ("/app//../x", None),
    ] {
        let told = explain(&policy(), &question(&format!("https://erp.example.com{path}")), NOW).unwrap();
        assert_eq!(told.outcome, Outcome::Malformed);
        let expected =
            words.map(|w| format!("If the app needs such URLs: `tolerate: [{w}]`; every reading is then judged."));
        assert_eq!(told.remedy, expected, "{path}");
    }
}

#[test]
fn explanations_for_programs() {
    let told = explain(&policy(), &root("https://erp.example.com/admin/users", &["pwd", "otp"], 31), NOW).unwrap();
    insta::assert_json_snapshot!(told);
}

#[test]
fn explanations_fit_a_terminal() {
    let mut policy = policy().apps().next().unwrap().rules.iter().map(|r| Rule::clone(r)).collect::<Vec<_>>();
    for (i, rule) in policy.iter_mut().enumerate() {
        rule.id = crate::auth::policy::rule::RuleId("n".repeat(16 * (i + 1)).into());
        rule.place = Some("stepgate.example.yaml:1234:56".into());
    }
    let policy = Policy::new([AppPolicy {
        offer: Default::default(),
        host: "erp.example.com".into(),
        tolerate: Tolerances::default(),
        rules: policy.into_iter().map(Arc::new).collect(),
    }]);
    for path in ["/assets/x", "/cgi/x", "/admin/x", "/app/x", "/a//b", "/a;b", "/%zz", "/.stepgate/login", "/none"] {
        for q in [question(path), root(path, &["pwd"], 1), root(path, &["pwd", "otp"], 31)] {
            let q = Question { url: format!("https://erp.example.com{path}"), ..q };
            let told = explain(&policy, &q, NOW).unwrap().human();
            assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
        }
    }
}

#[test]
fn impossible_questions_are_answered_in_words() {
    let asked = [
        question("https://other.example/"),
        question("https://us er@erp.example.com/"),
        question(""),
        Question { amr: vec!["fingerprint".into()], ..question("erp.example.com") },
        Question { user: Some(" ".into()), ..question("erp.example.com") },
    ];
    let told: Vec<String> = asked.iter().map(|q| explain(&policy(), q, NOW).unwrap_err()).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_pages_of_other_origins_ask_is_told_as_it_is_decided() {
    let cors = |preflights| Cors { origins: vec!["https://spa.example".into()], preflights };
    let guarded =
        || Access::Guarded { audience: Audience::default(), requirement: Requirement::of(Strength::TwoFactor) };
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let allowed = Allowances { methods: texts(&["GET", "PUT"]), headers: texts(&["x-a"]), max_age: None };
    let with = |name: &str, path: &str, preflights| {
        Arc::new(Rule { cors: cors(preflights), ..rule(name, path, &[], &[], guarded()) })
    };
    let rules = vec![
        with("passed", "/passed/**", Preflights::Passed),
        with("answered", "/answered/**", Preflights::Answered(allowed)),
        with("plain", "/plain/**", Preflights::Judged),
        Arc::new(rule("probed", "/.well-known/**", &[], &[], guarded())),
    ];
    let policy = Policy::new([AppPolicy {
        offer: Default::default(),
        host: "erp.example.com".into(),
        tolerate: Tolerances::default(),
        rules: rules.into(),
    }]);
    let ask = |path: &str, method: &str, cross_origin: CrossOrigin| {
        let url = format!("https://erp.example.com{path}");
        let answer =
            explain(&policy, &Question { method: method.into(), cross_origin, ..question(&url) }, NOW).unwrap();
        (answer.outcome, answer.reason.unwrap_or("-"), answer.rule.unwrap_or_default())
    };
    let preflight = |path: &str, origin: &str, method: &str, headers: &[&str]| {
        let (origin, preflight) = (Some(origin.to_owned()), Some(method.to_owned()));
        ask(path, "OPTIONS", CrossOrigin { origin, preflight, headers: texts(headers), websocket: false })
    };
    let socket = |path: &str, origin: Option<&str>| {
        let origin = origin.map(str::to_owned);
        ask(path, "GET", CrossOrigin { origin, websocket: true, ..CrossOrigin::default() })
    };
    let spa = "https://spa.example";
    for (told, expected) in [
        (preflight("/passed/x", "https://any.example", "PUT", &["x-b"]), (Outcome::Preflight, "passed", "passed")),
        (preflight("/answered/x", spa, "PUT", &["X-A"]), (Outcome::Preflight, "granted", "answered")),
        (preflight("/answered/x", "https://any.example", "PUT", &[]), (Outcome::Refuse, "cors_origin", "answered")),
        (preflight("/answered/x", spa, "DELETE", &[]), (Outcome::Refuse, "cors_method", "answered")),
        (preflight("/answered/x", spa, "PUT", &["x-b"]), (Outcome::Refuse, "cors_header", "answered")),
        (preflight("/plain/x", spa, "PUT", &[]), (Outcome::Challenge, "login_required", "plain")),
        (preflight("/passed/x", "nonsense", "PUT", &[]), (Outcome::Challenge, "login_required", "passed")),
        (socket("/plain/x", None), (Outcome::Challenge, "login_required", "plain")),
        (socket("/plain/x", Some("https://erp.example.com")), (Outcome::Challenge, "login_required", "plain")),
        (socket("/plain/x", Some(spa)), (Outcome::Challenge, "login_required", "plain")),
        (socket("/plain/x", Some("https://any.example")), (Outcome::Refuse, "foreign_origin", "plain")),
        (socket("/plain/x", Some("http://erp.example.com")), (Outcome::Refuse, "foreign_origin", "plain")),
        (ask("/.well-known/x", "GET", CrossOrigin::default()), (Outcome::Refuse, "well_known", "probed")),
    ] {
        assert_eq!((told.0, told.1, told.2.as_str()), expected);
    }
}

#[test]
fn a_rule_that_a_sent_code_meets_says_what_the_standards_say_of_it() {
    let asks = |strength| Access::Guarded { audience: Audience::default(), requirement: Requirement::of(strength) };
    let rules = vec![
        Arc::new(rule("mailed", "/mailed/**", &[], &[], asks(Strength::TwoSteps))),
        Arc::new(rule("books", "/books/**", &[], &[], asks(Strength::TwoFactor))),
    ];
    let told = |offer, path: &str| {
        let app = AppPolicy {
            offer,
            host: "erp.example.com".into(),
            tolerate: Tolerances::default(),
            rules: rules.clone().into(),
        };
        let told = explain(&Policy::new([app]), &question(&format!("https://erp.example.com{path}")), NOW).unwrap();
        let json = serde_json::to_value(&told).unwrap();
        (told.human().split_whitespace().collect::<Vec<_>>().join(" "), json["standards"].clone())
    };
    let sends = Offer::BASIC.with(Method::EmailCode, false);
    let (text, json) = told(sends, "/mailed/x");
    for part in ["SP 800-63B-4 takes mail for no authenticator (§3.1.3.1)", "ASVS 5.0 does (6.6.1)"] {
        assert!(text.contains(part) && json.as_str().unwrap().contains(part), "{text} {json}");
    }
    for (offer, path) in [(sends, "/books/x"), (Offer::BASIC, "/mailed/x")] {
        let (text, json) = told(offer, path);
        assert!(!text.contains("63B") && json.is_null(), "{text} {json}");
    }
}

/// One app: a rule that looks at risk, one that is only tried, and a candidate that shuts everything.
fn tried() -> Policy {
    let requirement = Requirement::of(Strength::OneFactor);
    let guarded = || Access::Guarded { audience: Audience::default(), requirement };
    let on_risk = OnRisk { unscored: RiskAction::Permit, medium: RiskAction::StepUp, high: RiskAction::Deny };
    let on_change = OnChange { network: RiskAction::StepUp, ..OnChange::default() };
    let shadow = Rule { shadow: true, ..rule("shut", "/a/**", &[], &[], Access::Deny) };
    let risky = Rule { on_risk, on_change, ..rule("risky", "/**", &[], &[], guarded()) };
    let app = |rules: Vec<Rule>| AppPolicy {
        offer: Default::default(),
        host: "erp.example.com".into(),
        tolerate: Tolerances::default(),
        rules: rules.into_iter().map(Arc::new).collect(),
    };
    Policy::new([app(vec![shadow, risky])]).beside(&Policy::new([app(vec![rule(
        "none",
        "/b",
        &[],
        &[],
        Access::Deny,
    )])]))
}

#[test]
fn a_risk_that_is_supposed_counts_as_it_would() {
    let asked = |level, changed, amr: &[&str]| {
        let risk = Some(AskedRisk { level, changed, since: None });
        let told = explain(&tried(), &Question { risk, ..root("https://erp.example.com/x", amr, 5) }, NOW).unwrap();
        format!("{} {}", told.outcome.word(), told.reason.unwrap_or_default())
    };
    let (same, network) = (Changed::default(), Changed { network: true, ..Changed::default() });
    for (level, changed, amr, expected) in [
        (RiskLevel::Low, same, &["pwd"][..], "permit "),
        (RiskLevel::Medium, same, &["pwd"], "challenge risk"),
        (RiskLevel::Medium, same, &["pwd", "otp"], "permit "),
        (RiskLevel::High, same, &["pwd", "otp"], "refuse risk"),
        (RiskLevel::Low, network, &["pwd", "otp"], "challenge risk"),
    ] {
        assert_eq!(asked(level, changed, amr), expected, "{level:?} {changed:?} {amr:?}");
    }
}

#[test]
fn what_is_tried_is_told_and_decides_nothing() {
    let told = explain(&tried(), &root("https://erp.example.com/a/x", &["pwd"], 1), NOW).unwrap();
    assert_eq!((told.outcome, told.rule.as_deref()), (Outcome::Permit, Some("risky")));
    let rows: Vec<_> = told.rules.iter().map(|row| (row.name.as_str(), row.shadow, row.chosen)).collect();
    assert_eq!(rows, [("shut", true, false), ("risky", false, true)], "in the operator's order");
    let otherwise: Vec<_> = told.tried.iter().map(|t| (t.rule.as_deref(), t.candidate, t.decision, t.reason)).collect();
    assert_eq!(otherwise, [(Some("shut"), false, "refuse", "deny_rule"), (None, true, "refuse", "no_rule")]);
    let human = told.human();
    assert!(
        human.contains("shut, only tried") && human.contains("Rule shut, which is only tried, would decide"),
        "{human}"
    );
    assert!(human.contains("The candidate would decide otherwise, by its rule none: refuse (no_rule)."), "{human}");
}

#[test]
fn what_was_proved_counts_from_when_it_was_proved() {
    let at = |minutes: u64| NOW.minus(Duration::from_secs(60 * minutes));
    let old = Proofs::none().with(Method::Password, at(1)).with(Method::Totp, at(31));
    let question = Question { proofs: Some(old), ..root("https://erp.example.com/admin", &[], 0) };
    assert_eq!(explain(&policy(), &question, NOW).unwrap().reason, Some("fresher_required"));
    let new = Proofs::none().with(Method::Password, at(31)).with(Method::Totp, at(1));
    let question = Question { proofs: Some(new), ..question };
    assert_eq!(explain(&policy(), &question, NOW).unwrap().outcome, Outcome::Permit);
}
