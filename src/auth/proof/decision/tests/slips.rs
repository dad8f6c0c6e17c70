//! What a slip does to a decision: it gives what nothing else gives, and nothing more.

use super::*;
use crate::auth::origin::Opener;
use crate::auth::proof::evaluation::{Circumstances, evaluate};
use crate::auth::proof::{Binding, BodyReading, BoundBody, SLIP_LIVES, Slip, TransactionDigest};
use crate::auth::resource::Fields;

fn bindings() -> impl Strategy<Value = Binding> {
    select(vec![Binding::Session, Binding::Request, Binding::Transaction])
}

fn digest(n: u8) -> TransactionDigest {
    TransactionDigest::of("POST", "app.example", "/pay", &BoundBody { sha256: [n; 32], reading: BodyReading::Plain })
}

/// A slip, perhaps of another session, host, rule or transaction, perhaps too old, proved by whatever.
fn slips() -> impl Strategy<Value = PresentedSlip> {
    let names = (prop::bool::weighted(0.9), prop::bool::weighted(0.9), prop::bool::weighted(0.9));
    let methods = select(Method::ALL.to_vec());
    let digests = (prop::option::of(0u8..2), prop::option::of(0u8..2));
    (names, methods, digests, 0u64..80).prop_map(|((session, host, rule), method, (told, sent), ago)| PresentedSlip {
        slip: Slip {
            session: if session { "01J" } else { "01K" }.to_owned(),
            host: if host { "app.example" } else { "wiki.example" }.to_owned(),
            rules: vec!["other".to_owned(), if rule { "r /** " } else { "r /x " }.to_owned()],
            method,
            transaction: told.map(digest),
            // Of a node whose clock is ahead, perhaps.
            proved_at: NOW.plus(Duration::from_secs(10)).minus(Duration::from_secs(ago)),
        },
        transaction: sent.map(digest),
    })
}

fn with_slip(requirement: Requirement, proofs: &Proofs, slip: Option<&PresentedSlip>) -> Decision {
    let access = Access::Guarded { audience: Audience::default(), requirement };
    let who = session("ann", &[], proofs.clone());
    decide(Some(&rule("r", "/**", &[], access)), Some(&who), &Risk::none(), slip, NOW)
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(8000))]

    /// With a slip nothing is asked that is not asked without one; and it permits nothing that the rule would refuse or ask
    /// more for, were one proof enough for a session.
    #[test]
    fn a_slip_gives_one_request_and_no_more(requirement in requirements(), binding in bindings(), proofs in proofs(), slip in slips()) {
        let bound = Requirement { binding, ..requirement };
        let (with, without) = (with_slip(bound, &proofs, Some(&slip)), with_slip(bound, &proofs, None));
        prop_assert!(rank(&with) <= rank(&without));
        prop_assert!(!permits(&with) || permits(&with_slip(requirement, &proofs, None)));
        prop_assert!(binding == Binding::Session || !permits(&without), "a session alone never does");
        if binding == Binding::Session {
            prop_assert_eq!(told(&with), told(&without), "and where it does, a slip changes nothing");
        }
    }

    /// It is one of this session, host and rule, in time, proved by what renews the strength, and, where it tells of a
    /// transaction, of this one. Any other is as none.
    #[test]
    fn any_other_slip_is_as_none(requirement in requirements(), binding in select(vec![Binding::Request, Binding::Transaction]), slip in slips()) {
        let bound = Requirement { binding, ..requirement };
        let all = Method::ALL.into_iter().fold(Proofs::none(), |proofs, method| proofs.with(method, NOW));
        let PresentedSlip { slip: given, transaction } = &slip;
        let fits = given.session == "01J"
            && given.host == "app.example"
            && given.rules.iter().any(|name| name == "r /** ")
            && given.proved_at <= NOW.plus(Duration::from_secs(5))
            && NOW.since(given.proved_at) <= SLIP_LIVES
            && given.transaction.is_none_or(|told| *transaction == Some(told))
            && (binding == Binding::Request || given.transaction.is_some());
        let renewing = bound.renewing();
        let renews = renewing.contains(given.method)
            || (given.method == Method::BoundPasskey && renewing.contains(Method::Passkey));
        let decision = with_slip(bound, &all, Some(&slip));
        prop_assert_eq!(permits(&decision), fits && renews && bound.is_meetable(), "{:?} {:?}", decision, slip);
        if !permits(&decision) {
            prop_assert_eq!(told(&decision), told(&with_slip(bound, &all, None)));
        }
    }

    /// What only looks ahead uses no slip up, by whatever method it comes or is taken for.
    #[test]
    fn what_looks_ahead_uses_none_up(
        method in select(vec!["GET", "POST", "HEAD", "OPTIONS", "DELETE"]), other in prop::option::of(select(vec!["GET", "HEAD", "OPTIONS"])),
    ) {
        let requirement = Requirement { binding: Binding::Request, ..Requirement::of(Strength::OneFactor) };
        let guard = rule("r", "/**", &[], Access::Guarded { audience: Audience::default(), requirement });
        let parsed = Resource::parse("app.example", method, b"/pay", Tolerances::default()).unwrap();
        let resource = other.into_iter().try_fold(parsed, Resource::taken_for).unwrap();
        let slip = Slip {
            session: "01J".into(), host: "app.example".into(), rules: vec!["r /** ".into()], method: Method::Password,
            transaction: None, proved_at: NOW,
        };
        let slip = Some(PresentedSlip { slip, transaction: None });
        let circumstances = Circumstances { slip, ..Circumstances::of("192.0.2.1".parse().unwrap()) };
        let who = session("ann", &[], Proofs::none().with(Method::Password, NOW));
        let decision = evaluate(&[Some(&guard)], MethodSet::ALL, &resource, &circumstances, Some(&who), NOW);
        let looks = |method: &str| matches!(method, "HEAD" | "OPTIONS");
        prop_assert_eq!(permits(&decision), !looks(method) && !other.is_some_and(looks));
    }
}

/// A slip of ann's for rule r, which was proved now.
fn given(transaction: Option<TransactionDigest>) -> PresentedSlip {
    let (session, host, rules) = ("01J".to_owned(), "app.example".to_owned(), vec!["r /** ".to_owned()]);
    let slip = Slip { session, host, rules, method: Method::Password, transaction, proved_at: NOW };
    PresentedSlip { slip, transaction }
}

fn bound(name: &str, binding: Binding) -> Arc<Rule> {
    let requirement = Requirement { binding, ..Requirement::of(Strength::OneFactor) };
    rule(name, "/**", &[], Access::Guarded { audience: Audience::default(), requirement })
}

/// What may be taken for another request, names another resource, or goes on after its head is no transaction, though a proof
/// for one request lets it through.
#[test]
fn a_transaction_is_all_that_a_request_says() {
    let who = session("ann", &[], Proofs::none().with(Method::Password, NOW));
    let parsed = |method| Resource::parse("app.example", method, b"/pay", Tolerances::default()).unwrap();
    let conditions: &[&[u8]] = &[b"</paid> ([\"a\"])"];
    let fields = Fields { conditions, ..Fields::default() };
    let (plain, other) = (parsed("POST"), parsed("POST").taken_for("PUT").unwrap());
    let related = parsed("POST").naming(&fields, Tolerances::default()).unwrap();
    for (resource, opener, passes) in
        [(&plain, None, true), (&other, None, false), (&related, None, false), (&plain, Some(Opener::Own), false)]
    {
        for (binding, told) in [(Binding::Request, None), (Binding::Transaction, Some(digest(0)))] {
            let (slip, opener) = (Some(given(told)), opener.clone());
            let circumstances = Circumstances { slip, opener, ..Circumstances::of("192.0.2.1".parse().unwrap()) };
            let rule = bound("r", binding);
            let decision = evaluate(&[Some(&rule)], MethodSet::ALL, resource, &circumstances, Some(&who), NOW);
            assert_eq!(permits(&decision), passes || told.is_none(), "{resource:?} {binding:?}");
        }
    }
}

/// Of two rules of one request the one that asks for more is told, in whatever order they come.
#[test]
fn the_wider_binding_is_the_stricter() {
    let who = session("ann", &[], Proofs::none().with(Method::Password, NOW));
    let (once, paid) = (bound("r", Binding::Request), bound("s", Binding::Transaction));
    let resource = Resource::parse("app.example", "POST", b"/pay", Tolerances::default()).unwrap();
    let around = Circumstances::of("192.0.2.1".parse().unwrap());
    for rules in [[Some(&once), Some(&paid)], [Some(&paid), Some(&once)]] {
        let decision = evaluate(&rules, MethodSet::ALL, &resource, &around, Some(&who), NOW);
        assert!(told(&decision).starts_with("challenge transaction"), "{}", told(&decision));
    }
}

/// What is missing is told by its own word, and by what renews the strength.
#[test]
fn what_only_a_slip_gives_is_asked_last() {
    let once = Requirement { binding: Binding::Request, ..Requirement::of(Strength::TwoFactor) };
    let transaction = Requirement { binding: Binding::Transaction, ..once };
    let both = Proofs::none().with(Method::Password, NOW).with(Method::Totp, NOW);
    let asks = |requirement, proofs: &Proofs| told(&with_slip(requirement, proofs, None));
    assert_eq!(asks(once, &both), "challenge once: passkey|security_key|totp|backup_code");
    assert_eq!(asks(transaction, &both), "challenge transaction: passkey|security_key|totp|backup_code");
    assert!(asks(once, &Proofs::none().with(Method::Password, NOW)).starts_with("challenge stronger"));
    let old: Requirement =
        serde_json::from_str(r#"{"strength":"two_factor","max_age":null,"methods":["totp"]}"#).unwrap();
    assert_eq!(old.binding, Binding::Session, "a record of the version before says nothing of it");
    assert!(!serde_json::to_string(&old).unwrap().contains("binding"));
}
