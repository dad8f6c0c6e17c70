mod risk;
mod slips;

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::auth::policy::AppPolicy;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::Audience;
use crate::auth::proof::{Lack, Method, MethodSet};
use crate::auth::resource::{Resource, Tolerances};
use crate::auth::session::Channel;
use crate::auth::user::{Group, Identity, UserId, Username};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn session(name: &str, groups: &[&str], proofs: Proofs) -> Arc<Session> {
    Arc::new(Session {
        id: "01J".into(),
        identity: Identity {
            id: UserId(name.into()),
            username: Username::parse(name).unwrap(),
            name: None,
            email: None,
            groups: groups.iter().map(|g| Group((*g).into())).collect(),
        },
        proofs,
        host: "app.example".into(),
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

fn rule(name: &str, path: &str, methods: &[&str], access: Access) -> Arc<Rule> {
    Arc::new(Rule {
        methods: methods.iter().map(|m| (*m).to_owned()).collect(),
        ..Rule::new(name, PathPattern::glob(path).unwrap(), access)
    })
}

fn guarded(strength: Strength, max_age: Option<u64>, methods: MethodSet, groups: &[&str], users: &[&str]) -> Access {
    Access::Guarded {
        audience: Audience {
            groups: groups.iter().map(|g| Group((*g).into())).collect(),
            users: users.iter().map(|u| Username::parse(u).unwrap()).collect(),
        },
        requirement: Requirement { max_age: max_age.map(Duration::from_secs), methods, ..Requirement::of(strength) },
    }
}

fn told(decision: &Decision) -> String {
    match decision {
        Decision::Permit(p) => {
            p.subject().map_or_else(|| "permit nobody".into(), |s| format!("permit {}", s.identity.username))
        }
        Decision::Challenge(c) => {
            let lack = match c.shortfall.lack {
                Lack::Login => "login",
                Lack::Stronger => "stronger",
                Lack::Fresher => "fresher",
                Lack::Recognition => "recognition",
                Lack::Once => "once",
                Lack::Transaction => "transaction",
            };
            let methods: Vec<_> = c.shortfall.methods.iter().map(Method::name).collect();
            format!("challenge {lack}: {}", methods.join("|"))
        }
        Decision::Refuse(r) => format!("refuse {}", r.reason.code()),
    }
}

/// The golden policy matrix: who × resource → decision.
#[test]
fn policy_matrix() {
    use Method::*;
    let held: MethodSet = [Totp, Passkey, SecurityKey, BackupCode].into_iter().collect();
    let payroll: MethodSet = [Passkey, Totp].into_iter().collect();
    let app = AppPolicy {
        offer: Default::default(),
        host: "app.example".into(),
        tolerate: Tolerances { path_parameters: true, ..Tolerances::default() },
        rules: vec![
            rule("static", "/assets/**", &[], Access::Public),
            rule("cgi", "/legacy-cgi/**", &[], Access::Deny),
            rule(
                "admin-writes",
                "/admin/**",
                &["POST"],
                guarded(Strength::PhishingResistant, Some(300), held, &["admins"], &[]),
            ),
            rule("admin", "/admin/**", &[], guarded(Strength::TwoFactor, Some(300), held, &["admins"], &["eve"])),
            rule("payroll", "/payroll/**", &[], guarded(Strength::TwoFactor, None, payroll, &[], &[])),
            rule("home", "/", &[], guarded(Strength::OneFactor, None, held, &[], &[])),
            rule("app", "/app/**", &[], guarded(Strength::TwoFactor, None, held, &[], &[])),
            rule("steps", "/steps/**", &[], guarded(Strength::TwoSteps, None, held.with(EmailCode), &[], &[])),
        ]
        .into(),
    };
    let ago = |seconds| NOW.minus(Duration::from_secs(seconds));
    let proved = |list: &[(Method, u64)]| list.iter().fold(Proofs::none(), |p, (m, s)| p.with(*m, ago(*s)));
    let people = [
        ("nobody", None),
        ("ann pwd", Some(session("ann", &["staff"], proved(&[(Password, 10)])))),
        ("ann pwd+totp", Some(session("ann", &["staff"], proved(&[(Password, 10), (Totp, 10)])))),
        ("ann pwd+backup", Some(session("ann", &["staff"], proved(&[(Password, 10), (BackupCode, 10)])))),
        ("ann pwd+mail", Some(session("ann", &["staff"], proved(&[(Password, 10), (EmailCode, 10)])))),
        ("eve pwd", Some(session("eve", &[], proved(&[(Password, 10)])))),
        ("root pwd+totp", Some(session("root", &["staff", "admins"], proved(&[(Password, 10), (Totp, 10)])))),
        ("root pwd+totp 31m", Some(session("root", &["staff", "admins"], proved(&[(Password, 1860), (Totp, 1860)])))),
        ("root fresh pwd only", Some(session("root", &["admins"], proved(&[(Password, 10), (Totp, 301)])))),
        ("root passkey", Some(session("root", &["admins"], proved(&[(Passkey, 10)])))),
        ("root pwd+key", Some(session("root", &["admins"], proved(&[(Password, 1860), (SecurityKey, 300)])))),
        ("root bound passkey", Some(session("root", &["admins"], proved(&[(BoundPasskey, 10)])))),
        ("root key", Some(session("root", &["admins"], proved(&[(SecurityKey, 10)])))),
    ];
    let requests = [
        ("GET", "/"),
        ("GET", "/assets/a.css"),
        ("GET", "/assets/..x"),
        ("GET", "/legacy-cgi/run"),
        ("GET", "/admin"),
        ("POST", "/admin/users"),
        ("GET", "/%61dmin/users"),
        ("GET", "/ADMIN/"),
        ("GET", "/assets;x/a.css"),
        ("GET", "/app/x"),
        ("GET", "/payroll/x"),
        ("GET", "/steps/x"),
        ("GET", "/unknown"),
    ];
    let mut matrix = String::new();
    for (method, target) in requests {
        matrix.push_str(&format!("{method} {target}\n"));
        let resource = Resource::parse("app.example", method, target.as_bytes(), app.tolerate).unwrap();
        for (name, who) in &people {
            let decision = app
                .judged(&resource, "192.0.2.1".parse().unwrap())
                .map(|rule| decide(rule, who.as_ref(), &Risk::none(), None, NOW))
                .reduce(strictest)
                .unwrap();
            matrix.push_str(&format!("  {name:<20} {}\n", told(&decision)));
        }
    }
    insta::assert_snapshot!(matrix);
}

fn strengths() -> impl Strategy<Value = Strength> {
    select(Strength::ALL.to_vec())
}

fn requirements() -> impl Strategy<Value = Requirement> {
    let methods = any::<u16>().prop_map(|bits| {
        Method::ALL.into_iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, m)| m).collect()
    });
    (strengths(), prop::option::of(0u64..1000), methods).prop_map(|(strength, max_age, methods)| Requirement {
        max_age: max_age.map(Duration::from_secs),
        methods,
        ..Requirement::of(strength)
    })
}

fn proofs() -> impl Strategy<Value = Proofs> {
    prop::collection::vec((select(Method::ALL.to_vec()), 0u64..2000), 0..6).prop_map(|list| {
        list.into_iter().fold(Proofs::none(), |p, (m, ago)| p.with(m, NOW.minus(Duration::from_secs(ago))))
    })
}

fn judge(requirement: Requirement, proofs: &Proofs, now: Timestamp) -> Decision {
    let access = Access::Guarded { audience: Audience::default(), requirement };
    decide(Some(&rule("r", "/**", &[], access)), Some(&session("ann", &[], proofs.clone())), &Risk::none(), None, now)
}

fn permits(decision: &Decision) -> bool {
    matches!(decision, Decision::Permit(_))
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(2000))]

    /// (a) Adding a proof never takes a permit away.
    #[test]
    fn proofs_only_help(requirement in requirements(), proofs in proofs(), method in select(Method::ALL.to_vec()), ago in 0u64..2000) {
        let more = proofs.clone().with(method, NOW.minus(Duration::from_secs(ago)));
        if permits(&judge(requirement, &proofs, NOW)) {
            prop_assert!(permits(&judge(requirement, &more, NOW)));
        }
    }

    /// (b) Following a challenge, whichever offered method one takes, reaches a permit in at most three steps.
    #[test]
    fn challenges_lead_to_permits(requirement in requirements(), proofs in proofs(), choices in prop::collection::vec(any::<prop::sample::Index>(), 3)) {
        let mut proofs = proofs;
        for choice in choices {
            match judge(requirement, &proofs, NOW) {
                Decision::Permit(_) => return Ok(()),
                Decision::Challenge(c) => {
                    let offered: Vec<Method> = c.shortfall.methods.iter().collect();
                    if offered.is_empty() {
                        prop_assert!(!requirement.is_meetable(), "nothing offered though {:?} can be met", requirement);
                        return Ok(());
                    }
                    prop_assert!(offered.iter().all(|m| requirement.counted().contains(*m)));
                    proofs = proofs.with(offered[choice.index(offered.len())], NOW);
                }
                Decision::Refuse(r) => prop_assert!(false, "refused: {}", r.reason.code()),
            }
        }
        prop_assert!(!requirement.is_meetable() || permits(&judge(requirement, &proofs, NOW)));
    }

    /// (c) Ageing alone only weakens.
    #[test]
    fn age_only_weakens(requirement in requirements(), proofs in proofs(), later in 0u64..3000) {
        if permits(&judge(requirement, &proofs, NOW.plus(Duration::from_secs(later)))) {
            prop_assert!(permits(&judge(requirement, &proofs, NOW)));
        }
    }

    /// (d) No rule: refusal, whoever asks.
    #[test]
    fn no_rule_refuses(proofs in proofs(), anonymous: bool) {
        let who = session("root", &["admins"], proofs);
        let decision = decide(None, (!anonymous).then_some(&who), &Risk::none(), None, NOW);
        let refused = matches!(decision, Decision::Refuse(Refusal { reason: RefusalReason::NoRule, .. }));
        prop_assert!(refused);
    }

    /// Asking for more never permits more; nobody is never permitted by a guarded rule.
    #[test]
    fn stronger_rules_permit_less(requirement in requirements(), proofs in proofs(), strength in strengths()) {
        let asked = Requirement { max_age: None, ..requirement };
        let more = Requirement { strength: strength.max(requirement.strength), ..asked };
        if permits(&judge(more, &proofs, NOW)) {
            prop_assert!(permits(&judge(asked, &proofs, NOW)));
        }
        let access = Access::Guarded { audience: Audience::default(), requirement };
        prop_assert!(!permits(&decide(Some(&rule("r", "/**", &[], access)), None, &Risk::none(), None, NOW)));
    }

    /// Mail and recovery codes never count as a factor; mail is a step where two steps are enough.
    #[test]
    fn mail_is_no_factor(requirement in requirements(), proofs in proofs()) {
        prop_assume!(requirement.strength != Strength::TwoSteps);
        let more = proofs.clone().with(Method::EmailCode, NOW).with(Method::RecoveryCode, NOW);
        prop_assert_eq!(permits(&judge(requirement, &more, NOW)), permits(&judge(requirement, &proofs, NOW)));
    }

    /// The strictest of two is as strict as either, whatever their order.
    #[test]
    fn strictest_is_strictest(a in requirements(), b in requirements(), proofs in proofs(), kinds in (0u8..4, 0u8..4)) {
        let make = |kind, requirement| match kind {
            0 => decide(None, None, &Risk::none(), None, NOW),
            1 => decide(Some(&rule("p", "/**", &[], Access::Public)), None, &Risk::none(), None, NOW),
            2 => decide(Some(&rule("d", "/**", &[], Access::Deny)), None, &Risk::none(), None, NOW),
            _ => judge(requirement, &proofs, NOW),
        };
        let both = rank(&make(kinds.0, a)).max(rank(&make(kinds.1, b)));
        prop_assert_eq!(rank(&strictest(make(kinds.0, a), make(kinds.1, b))), both);
        prop_assert_eq!(rank(&strictest(make(kinds.1, b), make(kinds.0, a))), both);
    }
}
