//! Thresholds that follow a rate of prompts, by what the trail says.

use super::*;
use crate::auth::event::RiskRecord;
use crate::flow::ports::Clock;
use crate::risk::settings::TargetRate;

fn at_rate(world: &Arc<World>) -> Flows {
    let target = Some(TargetRate { medium: 0.01, high: 0.002 });
    let model = Settings { target, ..Default::default() };
    let risk = RiskSettings { model, on_risk: on_risk(), on_change: OnChange::default() };
    Flows::new(world.ports(), FlowSettings { risk: Some(risk), ..fast_settings() })
}

/// A sign-in of the trail, two days ago.
fn remember(world: &Arc<World>, user: &str, score: f64, opened: bool, learnt: bool) {
    let at = Clock::now(&**world).minus(DAY * 2);
    let record = RiskRecord {
        score: score.into(),
        action: "permit",
        shadow: false,
        terms: Vec::new(),
        sign_ins: 20,
        pinned: false,
        dormant: false,
        cohorts: Vec::new(),
        required: None,
        guards: Vec::new(),
        changed: Vec::new(),
        recognised: false,
    };
    let event = |what, risk, learnt| Event {
        what,
        user: Some(UserId(user.to_owned())),
        username: None,
        client_ip: Some(HOME.parse().unwrap()),
        session: None,
        browser: None,
        risk,
        learnt,
        by: None,
        agent: None,
        form: None,
        is_written: false,
    };
    let assessed = event(What::SignInAssessed { level: RiskLevel::Low }, Some(Arc::new(record)), false);
    let opened = opened.then(|| event(What::SessionOpened { level: None }, None, learnt));
    world.look(|s| s.trail.extend([Some(assessed), opened].into_iter().flatten().map(|event| (at, event))));
}

fn found(flows: &Flows) -> (f64, f64) {
    let [(_, medium), (_, high)] = flows.risk_thresholds().unwrap();
    ((medium * 10.0).round() / 10.0, (high * 10.0).round() / 10.0)
}

#[tokio::test]
async fn thresholds_follow_the_sign_ins_that_were_learnt() {
    let world = world();
    let flows = at_rate(&world);
    for n in 0..400 {
        remember(&world, &n.to_string(), if n % 50 == 0 { 3.2 } else { 0.0 }, true, true);
    }
    assert_eq!(found(&flows), (2.0, 4.0), "nothing was read yet");
    flows.follow_trail().await.unwrap();
    assert_eq!(found(&flows), (3.3, 4.3));
    // Whoever only tries raises nothing, nor one whose sign-ins are not learnt, nor one person by many.
    let again = at_rate(&world);
    for n in 0..2000 {
        remember(&world, &format!("mallory{n}"), 9.0, false, false);
        remember(&world, &format!("eve{n}"), 9.0, true, false);
        remember(&world, "trudy", 9.0, true, true);
    }
    again.follow_trail().await.unwrap();
    assert_eq!(found(&again), (3.3, 4.3));
}

#[tokio::test]
async fn a_sign_in_is_judged_by_the_thresholds_in_force() {
    let world = world();
    let bob = world.person("bob");
    let flows = at_rate(&world);
    usual(&world, &flows, "bob").await;
    world.pass(DAY);
    let told = by_password(&flows, "bob", &at(NEAR)).await;
    let score = f64::from(told.events.iter().find_map(|event| event.risk.clone()).unwrap().score);
    assert_eq!((level(&told.events), learnt(&world, &bob).await), (Some(RiskLevel::Low), 21), "{score}");
    for n in 0..400 {
        remember(&world, &n.to_string(), -9.0, true, true);
    }
    flows.follow_trail().await.unwrap();
    assert_eq!(found(&flows), (1.0, 4.0), "never below its floor");
    world.fail(1, Blow::Before);
    world.pass(DAY);
    assert!(flows.follow_trail().await.is_err());
    assert_eq!(found(&flows), (1.0, 4.0), "a store that is away changes nothing");
}

/// All scores are sorted for it: that is for the reader of the trail, and no request does it.
#[tokio::test]
async fn another_rate_holds_from_the_next_reading_of_the_trail_on() {
    let world = world();
    let flows = at_rate(&world);
    for n in 0..400 {
        remember(&world, &n.to_string(), f64::from(n % 50) / 10.0, true, true);
    }
    flows.follow_trail().await.unwrap();
    let before = found(&flows);
    let target = Some(TargetRate { medium: 0.2, high: 0.1 });
    let risk = RiskSettings { model: Settings { target, ..Default::default() }, ..RiskSettings::default() };
    let other = flows.with_settings(FlowSettings { risk: Some(risk), ..fast_settings() });
    assert_eq!(found(&other), before);
    other.follow_trail().await.unwrap();
    assert!(found(&other) < before, "{before:?}");
    flows.follow_trail().await.unwrap();
    assert_eq!(found(&flows), before);
}
