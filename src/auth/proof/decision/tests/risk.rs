//! What risk does to a decision: it raises, and never lowers.

use super::*;
use crate::auth::proof::{Changed, OnChange, OnRisk, RiskAction, RiskLevel};

fn actions() -> impl Strategy<Value = RiskAction> {
    select(RiskAction::ALL.to_vec())
}

/// What a rule does by level, as the configuration lets it be: it never falls with the level.
fn on_risk() -> impl Strategy<Value = OnRisk> {
    prop::collection::vec(actions(), 3).prop_map(|mut all| {
        all.sort_unstable();
        OnRisk { unscored: all[0], medium: all[1], high: all[2] }
    })
}

fn on_change() -> impl Strategy<Value = OnChange> {
    (actions(), actions(), actions()).prop_map(|(network, country, browser)| OnChange { network, country, browser })
}

fn changes() -> impl Strategy<Value = Changed> {
    any::<[bool; 3]>().prop_map(|[network, country, browser]| Changed { network, country, browser })
}

fn risks() -> impl Strategy<Value = Risk> {
    (select(RiskLevel::ALL.to_vec()), changes(), select(vec![RiskAction::Permit, RiskAction::StepUp]), 0u64..2000)
        .prop_map(|(level, changed, unjudged, ago)| Risk {
            level,
            changed,
            unjudged,
            since: NOW.minus(Duration::from_secs(ago)),
        })
}

fn at_risk(requirement: Requirement, on: (OnRisk, OnChange), proofs: &Proofs, risk: &Risk) -> Decision {
    let access = Access::Guarded { audience: Audience::default(), requirement };
    let plain = Rule::clone(&rule("r", "/**", &[], access));
    let rule = Arc::new(Rule { on_risk: on.0, on_change: on.1, ..plain });
    decide(Some(&rule), Some(&session("ann", &[], proofs.clone())), risk, None, NOW)
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(4000))]

    /// (e) Risk never lowers what is asked.
    #[test]
    fn risk_never_lowers(requirement in requirements(), on in (on_risk(), on_change()), proofs in proofs(), risk in risks()) {
        let plain = at_risk(requirement, on, &proofs, &Risk::none());
        prop_assert!(rank(&at_risk(requirement, on, &proofs, &risk)) >= rank(&plain));
    }

    /// A higher level, or one more change, never asks for less.
    #[test]
    fn more_risk_never_asks_for_less(
        requirement in requirements(), on in (on_risk(), on_change()), proofs in proofs(), risk in risks(),
        level in select(RiskLevel::ALL.to_vec()), more in changes(),
    ) {
        // Where nothing is known of somebody, an operator may ask for more than where risk is low.
        let level = match (risk.level, level.max(risk.level)) {
            (RiskLevel::Unscored, RiskLevel::Low) => RiskLevel::Medium,
            (_, level) => level,
        };
        let any = Changed {
            network: risk.changed.network || more.network,
            country: risk.changed.country || more.country,
            browser: risk.changed.browser || more.browser,
        };
        let higher = Risk { level, changed: any, ..risk };
        prop_assert!(rank(&at_risk(requirement, on, &proofs, &higher)) >= rank(&at_risk(requirement, on, &proofs, &risk)));
    }

    /// Who is not recognised passes once two factors were proved since, where they are not denied.
    #[test]
    fn a_step_up_for_risk_is_met_by_two_factors(requirement in requirements(), on in (on_risk(), on_change()), risk in risks()) {
        let all = Method::ALL.into_iter().fold(Proofs::none(), |proofs, method| proofs.with(method, NOW));
        let decision = at_risk(requirement, on, &all, &risk);
        let denied = on.0.of(risk.level).max(on.1.of(risk.changed)) == RiskAction::Deny;
        prop_assert_eq!(permits(&decision), !denied && requirement.is_meetable(), "{:?}", decision);
    }

    /// A step-up for risk asks for nothing that the proofs since then have not shown to be no two factors.
    #[test]
    fn what_was_proved_before_does_not_count(requirement in requirements(), proofs in proofs(), ago in 0u64..2000) {
        let since = NOW.minus(Duration::from_secs(ago));
        let on = OnRisk { medium: RiskAction::StepUp, high: RiskAction::StepUp, ..OnRisk::default() };
        let risk = Risk { level: RiskLevel::Medium, since, ..Risk::none() };
        if permits(&at_risk(requirement, (on, OnChange::default()), &proofs, &risk)) {
            let recent = proofs.fresh(Duration::from_secs(ago), NOW);
            let held = [Method::Totp, Method::Passkey, Method::BoundPasskey, Method::SecurityKey, Method::BackupCode];
            prop_assert!(held.into_iter().any(|method| recent.contains(method)), "{:?}", proofs);
            prop_assert!(Strength::of(proofs.methods()) >= Some(Strength::TwoFactor));
        }
    }
}

/// The golden matrix of risk: what is proved × level and change → decision.
#[test]
fn risk_matrix() {
    use Method::*;
    let ago = |seconds| NOW.minus(Duration::from_secs(seconds));
    let proved = |list: &[(Method, u64)]| list.iter().fold(Proofs::none(), |p, (m, s)| p.with(*m, ago(*s)));
    let people = [
        ("pwd", proved(&[(Password, 600)])),
        ("pwd+totp before", proved(&[(Password, 600), (Totp, 600)])),
        ("pwd+totp since", proved(&[(Password, 600), (Totp, 10)])),
        ("pwd+mail since", proved(&[(Password, 10), (EmailCode, 10)])),
        ("pwd since", proved(&[(Password, 10), (Totp, 600)])),
        ("passkey since", proved(&[(Passkey, 10)])),
    ];
    let on_risk = OnRisk { unscored: RiskAction::Permit, medium: RiskAction::StepUp, high: RiskAction::Deny };
    let on_change = OnChange { network: RiskAction::StepUp, country: RiskAction::StepUp, browser: RiskAction::Deny };
    let quiet = Risk { since: ago(60), ..Risk::none() };
    let risks = [
        ("unscored", Risk { level: RiskLevel::Unscored, ..quiet }),
        ("low", quiet),
        ("medium", Risk { level: RiskLevel::Medium, ..quiet }),
        ("high", Risk { level: RiskLevel::High, ..quiet }),
        ("network changed", Risk { changed: Changed { network: true, ..quiet.changed }, ..quiet }),
        ("browser changed", Risk { changed: Changed { browser: true, ..quiet.changed }, ..quiet }),
    ];
    let rules = [
        ("one factor", Requirement::of(Strength::OneFactor)),
        ("two factors", Requirement::of(Strength::TwoFactor)),
        ("passkey", Requirement { methods: MethodSet::EMPTY.with(Passkey), ..Requirement::of(Strength::TwoFactor) }),
    ];
    let mut matrix = String::new();
    for (asked, requirement) in rules {
        for (level, risk) in risks {
            matrix.push_str(&format!("{asked}, {level}\n"));
            for (who, proofs) in &people {
                let decision = at_risk(requirement, (on_risk, on_change), proofs, &risk);
                matrix.push_str(&format!("  {who:<20} {}\n", told(&decision)));
            }
        }
    }
    insta::assert_snapshot!(matrix);
}
