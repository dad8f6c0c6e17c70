//! Pages and gateway ask alike.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::auth::policy::AppPolicy;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::Audience;
use crate::auth::proof::decision::{Decision, Refusal, RefusalReason};
use crate::auth::proof::evaluation::evaluate;
use crate::auth::proof::{Method, PresentedSlip, Slip};
use crate::auth::resource::Tolerances;
use crate::auth::session::{Channel, Session};
use crate::auth::user::{Identity, UserId, Username};

const HOST: &str = "app.example";
const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn rules() -> impl Strategy<Value = Vec<Arc<Rule>>> {
    let globs = select(vec!["/**", "/a/**", "/A/**", "/a", "/a/", "/*/b", "/b"]);
    let strengths = select(vec![Strength::OneFactor, Strength::TwoFactor, Strength::PhishingResistant]);
    let rule = (globs, strengths, prop::option::of(0_u64..200), any::<bool>()).prop_map(|(glob, s, age, open)| {
        let requirement = Requirement { max_age: age.map(Duration::from_secs), ..Requirement::of(s) };
        let guarded = Access::Guarded { audience: Audience::default(), requirement };
        Arc::new(Rule::new(glob, PathPattern::glob(glob).unwrap(), if open { Access::Public } else { guarded }))
    });
    prop::collection::vec(rule, 1..5)
}

fn session(proofs: Proofs) -> Arc<Session> {
    let username = Username::parse("ann").unwrap();
    let identity = Identity { id: UserId("01A".into()), username, name: None, email: None, groups: Vec::new() };
    Arc::new(Session {
        id: "01S".into(),
        identity,
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

proptest! {
    /// Who is challenged is asked for something by our pages, and who is asked for nothing is let through:
    /// otherwise people go round in a circle.
    #[test]
    fn pages_ask_exactly_where_the_gateway_challenges(
        rules in rules(), path in "(/(a|A|b|B|a;x|x)){1,3}/?", tolerant: bool,
        proved in subsequence(vec![Method::Password, Method::Totp, Method::Passkey], 0..=3), ago in 0_u64..200,
    ) {
        let tolerate = Tolerances { path_parameters: tolerant, ..Tolerances::default() };
        let app = AppPolicy { host: HOST.into(), tolerate, rules: rules.into(), offer: Offer::BASIC };
        let Ok(resource) = Resource::parse(HOST, "GET", path.as_bytes(), tolerate) else { return Ok(()) };
        let client = "192.0.2.1".parse().unwrap();
        let proofs = proved.iter().fold(Proofs::none(), |p, m| p.with(*m, NOW.minus(Duration::from_secs(ago))));
        let who = session(proofs.clone());
        let around = Circumstances::of(client);
        let judged: Vec<_> = app.judged(&resource, client).collect();
        let decision = evaluate(&judged, Offer::BASIC.served, &resource, &around, Some(&who), NOW);
        let guards = Destinations::new(Arc::new(Policy::new([app]))).guards(HOST, "GET", &path, client);
        match decision {
            Decision::Challenge(_) => prop_assert!(!guards.are_met(&proofs, NOW), "sent round: {}", path),
            Decision::Permit(_) => prop_assert!(guards.are_met(&proofs, NOW), "asked for nothing: {}", path),
            Decision::Refuse(Refusal { reason: RefusalReason::OutOfReach(_), .. }) => {
                let person = Person { proofs: &proofs, owned: Offer::BASIC.served, locked: MethodSet::EMPTY };
                let told = matches!(guards.ways_on(person, NOW), Ways::OutOfReach(_));
                prop_assert!(told && !guards.can_be_met(), "asked for what cannot be: {}", path);
            }
            // Whoever proves whatever: a page says so, and nobody is sent anywhere.
            Decision::Refuse(_) => {}
        }
    }
}

/// One proof does for every rule that some reading of the request leads to, or for none.
#[test]
fn a_slip_is_for_every_rule_of_its_request() {
    let rule = |name: &str, glob: &str, methods: &[Method]| {
        let methods = methods.iter().copied().collect();
        let binding = Binding::Request;
        let requirement = Requirement { methods, binding, ..Requirement::of(Strength::TwoFactor) };
        let access = Access::Guarded { audience: Audience::default(), requirement };
        Arc::new(Rule::new(name, PathPattern::glob(glob).unwrap(), access))
    };
    let rules = vec![rule("a", "/a/**", &[Method::Totp, Method::Passkey]), rule("rest", "/**", &[Method::Totp])];
    let (tolerate, offer) = (Tolerances::default(), Offer::BASIC);
    let app = AppPolicy { host: HOST.into(), tolerate, rules: rules.into(), offer };
    let client = "192.0.2.1".parse().unwrap();
    let resource = Resource::parse(HOST, "GET", b"/A/x", tolerate).unwrap();
    let judged: Vec<_> = app.judged(&resource, client).collect();
    let guards = Destinations::new(Arc::new(Policy::new([app.clone()]))).guards(HOST, "GET", "/A/x", client);
    let order = guards.slip_order(None).unwrap();
    assert_eq!(
        (order.rules.clone(), order.methods),
        (vec!["a /a/** ".to_owned(), "rest /** ".to_owned()], MethodSet::EMPTY.with(Method::Totp))
    );
    let who = session([Method::Password, Method::Totp].iter().fold(Proofs::none(), |p, m| p.with(*m, NOW)));
    assert!(order.slip(&who, Method::Passkey, NOW).is_none(), "one of the rules would not take it");
    let slip = order.slip(&who, Method::Totp, NOW).unwrap();
    // The node that gave it may be ahead by a little.
    for (ahead, passes) in [(0, true), (5, true), (6, false)] {
        let slip = Slip { proved_at: NOW.plus(Duration::from_secs(ahead)), ..slip.clone() };
        let slip = Some(PresentedSlip { slip, transaction: None });
        let around = Circumstances { slip, ..Circumstances::of(client) };
        let decision = evaluate(&judged, offer.served, &resource, &around, Some(&who), NOW);
        assert_eq!(matches!(decision, Decision::Permit(_)), passes, "{ahead}: {decision:?}");
    }
}
