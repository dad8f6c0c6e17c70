//! What is told of a session that is assessed anew at a request.

use super::*;

fn assessed(admission: &Admission) -> Vec<&Event> {
    let is_assessment = |event: &&Event| matches!(event.what, What::SessionAssessed { .. });
    admission.events.iter().filter(is_assessment).collect()
}

#[tokio::test]
async fn a_session_that_is_assessed_anew_is_told_with_its_terms() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    world.pass(Duration::from_secs(60));
    let (home, away) = (Client { device: open.device.clone(), ..at(HOME) }, other_browser(AWAY));
    for (method, seen) in [("POST", &home), ("GET", &away)] {
        let quiet = admitted(&flows, &open.token, method, "/writes/x", seen).await;
        assert_eq!((&quiet.assessed, assessed(&quiet)), (&None, Vec::new()), "nothing was assessed");
    }
    let asked = admitted(&flows, &open.token, "POST", "/writes/x", &away).await;
    let shown = asked.assessed.clone().unwrap();
    assert_eq!((outcome(&asked), shown.level), ("risk", RiskLevel::Medium));
    let sum: f64 = shown.record.terms.iter().map(|term| f64::from(term.evidence)).sum();
    assert_eq!((sum, shown.record.action), (f64::from(shown.record.score), "step_up"));
    let [event] = assessed(&asked)[..] else { panic!("{:?}", asked.events) };
    assert_eq!(event.what, What::SessionAssessed { level: RiskLevel::Medium });
    assert_eq!(event.risk.as_deref(), Some(&shown.record));
    assert_eq!((&event.user, &event.client_ip), (&Some(bob), &Some(away.ip)));
    assert_eq!(event.session.as_deref(), Some(&*open.session.id));
    let again = admitted(&flows, &open.token, "POST", "/writes/x", &away).await;
    assert_eq!(
        (again.assessed.as_ref(), assessed(&again)),
        (Some(&shown), Vec::new()),
        "once, and explained each time"
    );
}

/// Whoever goes to and fro fills no trail.
#[tokio::test]
async fn the_trail_takes_a_few_assessments_of_one_session() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    let mut written = 0;
    let mut go = async |flows: &Flows| {
        for seen in [other_browser(AWAY), Client { ip: NEAR.parse().unwrap(), ..at(HOME) }] {
            written += assessed(&admitted(flows, &open.token, "POST", "/writes/x", &seen).await).len();
        }
        written
    };
    for _ in 0..20 {
        go(&flows).await;
    }
    assert_eq!(go(&flows).await, 10);
    world.pass(Duration::from_secs(600));
    assert_eq!(go(&flows).await, 12);
}

#[tokio::test]
async fn what_is_only_counted_is_told_as_such() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let flows = flows(&world, Mode::Shadow);
    let open = usual(&world, &flows, "bob").await;
    let counted = admitted(&flows, &open.token, "POST", "/writes/x", &other_browser(AWAY)).await;
    let [event] = assessed(&counted)[..] else { panic!("{:?}", counted.events) };
    let record = event.risk.as_ref().unwrap();
    assert_eq!((outcome(&counted), record.shadow, record.action), ("permit", true, "step_up"));
}

/// What replaying another policy needs: the rule, what changed, and whether the person has shown that it is them; once.
#[tokio::test]
async fn a_rule_that_an_unusual_session_reaches_is_in_the_trail_once() {
    let used = |admission: &Admission| -> Vec<(RiskLevel, String, Vec<&'static str>, &'static str, bool)> {
        let one = |event: &Event| match (event.what, event.risk.as_deref()) {
            (What::SessionUnusual { level }, Some(risk)) => {
                let rules: Vec<&str> = risk.guards.iter().map(|guard| &*guard.rule).collect();
                Some((level, rules.join(" "), risk.changed.clone(), risk.action, risk.recognised))
            }
            _ => None,
        };
        admission.events.iter().filter_map(one).collect()
    };
    for (mode, action) in [(Mode::Enforce, "step_up"), (Mode::Shadow, "step_up")] {
        let world = world();
        let bob = world.person("bob");
        world.with_totp(&bob);
        let flows = flows(&world, mode);
        let open = usual(&world, &flows, "bob").await;
        world.pass(Duration::from_secs(60));
        let (home, away) = (Client { device: open.device.clone(), ..at(HOME) }, at(AWAY));
        assert_eq!(used(&admitted(&flows, &open.token, "GET", "/risky/x", &home).await), [], "as usual");
        let first = admitted(&flows, &open.token, "GET", "/risky/x", &away).await;
        let [told] = &used(&first)[..] else { panic!("{mode:?} {:?}", first.events) };
        assert_eq!((&*told.1, told.3, told.4), ("risky", action, false), "{told:?}");
        assert!(told.2.contains(&"network"), "{told:?}");
        let event = first.events.iter().find(|event| matches!(event.what, What::SessionUnusual { .. })).unwrap();
        assert_eq!((event.client_ip, event.session.as_deref()), (Some(away.ip), Some(&*open.session.id)));
        assert_eq!(event.risk.as_ref().unwrap().shadow, mode == Mode::Shadow);
        assert_eq!(used(&admitted(&flows, &open.token, "GET", "/risky/y", &away).await), [], "once");
        let other = used(&admitted(&flows, &open.token, "GET", "/writes/x", &away).await);
        assert_eq!(other.iter().map(|told| (&*told.1, told.3)).collect::<Vec<_>>(), [("writes", "permit")]);
        let anew = admitted(&flows, &open.token, "POST", "/writes/x", &other_browser(AWAY)).await;
        let scored = anew.events.iter().find(|event| matches!(event.what, What::SessionUnusual { .. })).unwrap();
        assert!(!scored.risk.as_ref().unwrap().terms.is_empty(), "with what it was assessed by");
    }
}
