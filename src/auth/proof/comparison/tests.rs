use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::auth::network::Networks;
use crate::auth::policy::index::IndexedRules;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::Audience;
use crate::auth::policy::trial::AppRules;
use crate::auth::proof::{
    Changed, Method, OnChange, OnRisk, Proofs, Requirement, Risk, RiskAction, RiskLevel, Strength,
};
use crate::auth::resource::Tolerances;
use crate::auth::session::Channel;
use crate::auth::user::{Group, Identity, UserId, Username};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const HOST: &str = "app.example";
const PATHS: [&str; 7] = ["/**", "/a/**", "/admin/**", "/a", "/*.css", "/**/x", "/.well-known/**"];

fn access() -> impl Strategy<Value = Access> {
    let guarded = (select(Strength::ALL.to_vec()), prop::option::of(1u64..900), any::<bool>());
    prop_oneof![
        1 => Just(Access::Public),
        1 => Just(Access::Deny),
        4 => guarded.prop_map(|(strength, max_age, staff)| Access::Guarded {
            audience: Audience { groups: if staff { vec![Group("staff".into())] } else { Vec::new() }, users: Vec::new() },
            requirement: Requirement { max_age: max_age.map(Duration::from_secs), ..Requirement::of(strength) },
        }),
    ]
}

fn on_risk() -> impl Strategy<Value = OnRisk> {
    select(vec![RiskAction::Permit, RiskAction::StepUp, RiskAction::Deny]).prop_map(|high| OnRisk {
        high,
        medium: high.min(RiskAction::StepUp),
        unscored: RiskAction::Permit,
    })
}

fn rules() -> impl Strategy<Value = Vec<Arc<Rule>>> {
    let methods = subsequence(vec!["GET", "HEAD", "POST"], 0..3);
    let network = select(vec!["", "", "192.0.2.0/24", "10.0.0.0/8"]);
    let rule = (select(PATHS.to_vec()), methods, network, access(), on_risk(), prop::bool::weighted(0.3));
    prop::collection::vec(rule, 0..8).prop_map(|rules| {
        let one =
            |(number, (path, methods, network, access, on_risk, shadow)): (usize, (&str, Vec<&str>, &str, _, _, _))| {
                Arc::new(Rule {
                    methods: methods.into_iter().map(str::to_owned).collect(),
                    networks: Networks::new(network.parse().into_iter().collect()),
                    on_risk,
                    on_change: OnChange { network: RiskAction::StepUp, ..OnChange::default() },
                    shadow,
                    ..Rule::new(&format!("r{number}"), PathPattern::glob(path).unwrap(), access)
                })
            };
        rules.into_iter().enumerate().map(one).collect()
    })
}

/// A request, and who sends it in which circumstances.
#[derive(Debug)]
struct Asked {
    resource: Resource,
    circumstances: Circumstances,
    who: Option<Arc<Session>>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let target = select(vec!["/", "/a", "/A/", "/a/x", "/admin/users", "/ADMIN", "/x.css", "/b/x", "/.well-known/y"]);
    let proofs = prop::collection::vec((select(Method::ALL.to_vec()), 0u64..2000), 0..4);
    let level = select(RiskLevel::ALL.to_vec());
    let client = select(vec![[192, 0, 2, 1], [10, 1, 2, 3], [203, 0, 113, 9]]);
    let who = (prop::bool::weighted(0.8), any::<bool>(), proofs);
    (target, select(vec!["GET", "HEAD", "POST"]), client, who, level, any::<bool>()).prop_map(
        |(target, method, client, (signed_in, staff, proofs), level, network)| {
            let client = IpAddr::from(client);
            let add = |all: Proofs, (method, ago)| all.with(method, NOW.minus(Duration::from_secs(ago)));
            let session =
                || session(if staff { &["staff"] } else { &[] }, proofs.into_iter().fold(Proofs::none(), add));
            let changed = Changed { network, ..Changed::default() };
            let risk = Risk { level, changed, since: NOW.minus(Duration::from_secs(500)), ..Risk::none() };
            Asked {
                resource: Resource::parse(HOST, method, target.as_bytes(), Tolerances::default()).unwrap(),
                circumstances: Circumstances { risk, ..Circumstances::of(client) },
                who: signed_in.then(session),
            }
        },
    )
}

fn session(groups: &[&str], proofs: Proofs) -> Arc<Session> {
    Arc::new(Session {
        id: "01J".into(),
        identity: Identity {
            id: UserId("ann".into()),
            username: Username::parse("ann").unwrap(),
            name: None,
            email: None,
            groups: groups.iter().map(|g| Group((*g).into())).collect(),
        },
        proofs,
        host: HOST.into(),
        channel: Channel::Cookie,
        created_at: NOW,
        seen_at: NOW,
        generation: 0,
        checked: Default::default(),
        pinned: None,
        previous_login: None,
        client_ip: "192.0.2.1".parse().unwrap(),
        user_agent: None,
    })
}

fn decided(rules: &IndexedRules, asked: &Asked) -> Decision {
    let judged: Vec<_> = rules.judged(&asked.resource, asked.circumstances.client).collect();
    evaluate(&judged, MethodSet::ALL, &asked.resource, &asked.circumstances, asked.who.as_ref(), NOW)
}

/// All that a person could see of a decision.
fn whole(decision: &Decision) -> String {
    let rule = decision.rule().map(|rule| rule.id.0.to_string());
    match decision {
        Decision::Challenge(c) => format!("{rule:?} {:?} {:?}", c.requirement, c.shortfall),
        Decision::Permit(_) | Decision::Refuse(_) => format!("{rule:?} {} {}", decision.word(), decision.reason()),
    }
}

fn compared(rules: &AppRules, asked: &Asked) -> Vec<Difference> {
    let decision = decided(rules, asked);
    let Asked { resource, circumstances, who } = asked;
    compare(rules.trials(), &decision, MethodSet::ALL, resource, circumstances, who.as_ref(), NOW)
}

fn enforced(rule: &Arc<Rule>) -> Arc<Rule> {
    Arc::new(Rule { shadow: false, ..Rule::clone(rule) })
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(2000))]

    /// A rule in shadow decides as if it were not there.
    #[test]
    fn a_rule_in_shadow_changes_no_decision(rules in rules(), asked in asked()) {
        let without: AppRules = rules.iter().filter(|rule| !rule.shadow).cloned().collect();
        let with = AppRules::from(rules);
        prop_assert_eq!(whole(&decided(&with, &asked)), whole(&decided(&without, &asked)));
        prop_assert!(without.trials().is_empty() && compared(&without, &asked).is_empty());
    }

    /// A candidate that is equal to the rules in force never differs.
    #[test]
    fn equal_files_agree(rules in rules(), asked in asked()) {
        let rules: AppRules = rules.iter().map(enforced).collect();
        let copy = rules.in_force().iter().map(|rule| Arc::new(Rule::clone(rule))).collect();
        let differences = compared(&rules.beside(copy), &asked);
        prop_assert!(differences.is_empty(), "{:?}", differences);
    }

    /// What is told of a rule in shadow is what enforcing it alone would change, and of a candidate what putting it in force
    /// would.
    #[test]
    fn what_is_told_is_what_enforcing_changes(rules in rules(), candidate in rules(), asked in asked()) {
        let all = AppRules::from(rules.clone()).beside(candidate.iter().map(enforced).collect());
        let from = decided(&all, &asked);
        let mut expected = Vec::new();
        for tried in rules.iter().filter(|rule| rule.shadow) {
            let one = rules.iter().filter(|rule| !rule.shadow || Arc::ptr_eq(rule, tried));
            let to = decided(&one.map(enforced).collect(), &asked);
            expected.push((Some(tried.id.clone()), from.word(), to.word()));
        }
        let to = decided(&candidate.iter().map(enforced).collect(), &asked);
        expected.push((to.rule().map(|rule| rule.id.clone()), from.word(), to.word()));
        expected.retain(|(_, from, to)| from != to);
        let told: Vec<_> = compared(&all, &asked).into_iter().map(|d| (d.rule.map(|r| r.id.clone()), d.from, d.to)).collect();
        prop_assert_eq!(told, expected);
    }
}
