//! Risk at sign-in and at every request.

mod circumstances;
mod damage;
mod disowning;
mod learning;
mod moving;
mod origins;
mod reassessing;
mod target;
mod warm;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::auth::event::Event;
use crate::auth::policy::AppPolicy;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::proof::{Lack, OnChange, OnRisk, RiskAction, RiskLevel};
use crate::auth::resource::Resource;
use crate::auth::session::SessionToken;
use crate::auth::user::UserId;
use crate::flow::admit::Admission;
use crate::flow::reply::{CeremonyRef, EnrollReply, OutOfReach};
use crate::flow::risk::{SignInGoal, erase_profile, profile_summary};
use crate::flow::settings::{FlowSettings, RiskSettings};
use crate::flow::testing::{Blow, HOST, World, client_at, fast_settings};
use crate::risk::settings::{Mode, Settings};
use crate::risk::{Country, Place};

const HOME: &str = "192.0.2.7";
const NEAR: &str = "192.0.2.200";
const AWAY: &str = "203.0.113.5";
const DAY: Duration = Duration::from_secs(86_400);

fn on_risk() -> OnRisk {
    OnRisk { unscored: RiskAction::Permit, medium: RiskAction::StepUp, high: RiskAction::StepUp }
}

fn world() -> Arc<World> {
    let world = World::new();
    for (address, country, asn) in [(HOME, "NO", 100), (NEAR, "NO", 100), (AWAY, "RO", 200)] {
        world.place_at(address, country, asn);
    }
    world
}

fn flows(world: &Arc<World>, mode: Mode) -> Flows {
    flows_of(world, Settings { mode, ..Default::default() })
}

fn flows_of(world: &Arc<World>, model: Settings) -> Flows {
    let risk = RiskSettings { model, on_risk: on_risk(), on_change: OnChange::default() };
    Flows::new(world.ports(), FlowSettings { risk: Some(risk), ..fast_settings() })
}

/// A browser of another family.
fn other_browser(ip: &str) -> Client {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    Client { user_agent: Some(agent.to_owned()), ..client_at(ip) }
}

fn at(ip: &str) -> Client {
    let agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15";
    Client { user_agent: Some(agent.to_owned()), ..client_at(ip) }
}

fn goal() -> SignInGoal {
    SignInGoal {
        requirement: Some(Requirement::of(Strength::OneFactor)),
        on_risk: Some(on_risk()),
        ..SignInGoal::default()
    }
}

async fn by_password(flows: &Flows, name: &str, client: &Client) -> WithEvents<LoginReply> {
    flows.begin(given(name, PASSWORD), goal(), Channel::Cookie, client).await.unwrap()
}

/// Twenty sign-ins from home.
async fn usual(world: &Arc<World>, flows: &Flows, name: &str) -> Box<Opened> {
    let mut last: Option<Box<Opened>> = None;
    for _ in 0..20 {
        world.pass(DAY);
        let device = last.as_ref().and_then(|opened| opened.device.clone());
        last = Some(opened(by_password(flows, name, &Client { device, ..at(HOME) }).await));
    }
    last.unwrap()
}

fn app() -> AppPolicy {
    let requirement = Requirement::of(Strength::OneFactor);
    let access = Access::Guarded { audience: Audience::default(), requirement };
    let plain = Rule::new("risky", PathPattern::glob("/risky/**").unwrap(), access.clone());
    let on_change = OnChange { network: RiskAction::StepUp, ..OnChange::default() };
    let risky = Rule { on_risk: on_risk(), on_change, ..plain };
    let writes = Rule { on_risk: on_risk(), ..Rule::new("writes", PathPattern::glob("/writes/**").unwrap(), access) };
    AppPolicy {
        host: HOST.to_owned(),
        tolerate: Default::default(),
        offer: Default::default(),
        rules: vec![Arc::new(risky), Arc::new(writes)].into(),
    }
}

async fn admitted(flows: &Flows, token: &SessionToken, method: &str, path: &str, seen: &Client) -> Admission {
    let resource = Resource::parse(HOST, method, path.as_bytes(), Default::default()).unwrap();
    let around = Circumstances::of(seen.ip);
    flows.admit(&app(), &resource, &around, Some((token, Channel::Cookie)), seen).await.unwrap()
}

async fn risky(flows: &Flows, token: &SessionToken, seen: &Client) -> &'static str {
    outcome(&admitted(flows, token, "GET", "/risky/", seen).await)
}

fn outcome(admission: &Admission) -> &'static str {
    match &admission.decision {
        Decision::Permit(_) => "permit",
        Decision::Challenge(challenged) => match challenged.shortfall.lack {
            Lack::Recognition => "risk",
            Lack::Login => "login",
            Lack::Stronger | Lack::Fresher => "more",
            Lack::Once | Lack::Transaction => "slip",
        },
        Decision::Refuse(_) => "refuse",
    }
}

fn level(events: &[Event]) -> Option<RiskLevel> {
    events.iter().find_map(|event| match event.what {
        What::SignInAssessed { level } => Some(level),
        _ => None,
    })
}

async fn learnt(world: &Arc<World>, user: &UserId) -> u32 {
    profile_summary(&world.ports(), user).await.unwrap().map_or(0, |profile| profile.sign_ins)
}

#[tokio::test]
async fn an_unusual_sign_in_is_asked_for_a_second_step() {
    let world = world();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    usual(&world, &flows, "bob").await;
    assert_eq!(learnt(&world, &bob).await, 20);
    world.pass(DAY);
    let told = by_password(&flows, "bob", &at(AWAY)).await;
    assert!(level(&told.events) >= Some(RiskLevel::Medium), "{:?}", told.events);
    let record = told.events.iter().find_map(|event| event.risk.clone()).unwrap();
    let sum: f64 = record.terms.iter().map(|term| f64::from(term.evidence)).sum();
    assert_eq!(sum, f64::from(record.score));
    assert!(record.reasons().iter().any(|reason| reason.text.contains("RO")), "{:?}", record.reasons());
    assert_eq!(learnt(&world, &bob).await, 20, "what was not opened is not learnt");
    let next = asked(told);
    let told = flows.second_factor(&next.ceremony, Method::Totp, world.code(&key, 0), &at(AWAY)).await.unwrap();
    let open = opened(told);
    assert_eq!(learnt(&world, &bob).await, 21);
    assert_eq!(risky(&flows, &open.token, &at(AWAY)).await, "permit", "what was met is not asked again");
}

#[tokio::test]
async fn a_step_up_for_risk_never_enrols() {
    let world = world();
    let ann = world.person("ann");
    let flows = flows(&world, Mode::Enforce);
    usual(&world, &flows, "ann").await;
    world.pass(DAY);
    let told = by_password(&flows, "ann", &at(AWAY)).await;
    let LoginReply::OutOfReach(OutOfReach { ceremony, unrecognised, .. }) = told.value else {
        panic!("{}", word(&told.value));
    };
    assert!(unrecognised);
    let enrolling = flows.begin_totp(&CeremonyRef::SignIn(ceremony), &at(AWAY)).await.unwrap();
    assert!(matches!(enrolling, EnrollReply::ProveFirst(methods) if !methods.is_empty()));
    assert_eq!(learnt(&world, &ann).await, 20);
}

#[tokio::test]
async fn a_session_that_moves_is_asked_once_and_never_signed_out() {
    let world = world();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    world.pass(Duration::from_secs(60));
    let home = Client { device: open.device.clone(), ..at(HOME) };
    assert_eq!(risky(&flows, &open.token, &home).await, "permit");
    assert_eq!(risky(&flows, &open.token, &Client { ip: NEAR.parse().unwrap(), ..home.clone() }).await, "permit");
    assert_eq!(risky(&flows, &open.token, &at(AWAY)).await, "risk");
    // Nothing can be set up from there.
    let at_session = CeremonyRef::Session(open.token.clone(), open.session.clone());
    let enrolling = flows.begin_totp(&at_session, &at(AWAY)).await.unwrap();
    assert!(matches!(enrolling, EnrollReply::ProveFirst(_)));
    // A password is not enough to be recognised.
    let again = flows.elevate(&open.token, &open.session, Method::Password, secret(PASSWORD), &at(AWAY)).await.unwrap();
    let open = opened(again);
    assert_eq!(risky(&flows, &open.token, &at(AWAY)).await, "risk");
    let told = flows.elevate(&open.token, &open.session, Method::Totp, world.code(&key, 0), &at(AWAY)).await.unwrap();
    let risen = opened(told);
    assert_eq!(risky(&flows, &risen.token, &at(AWAY)).await, "permit");
    world.pass(Duration::from_secs(1));
    assert_eq!(risky(&flows, &risen.token, &home).await, "permit", "it was proved there before");
}

#[tokio::test]
async fn a_change_counts_for_what_changes_something() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    world.pass(Duration::from_secs(60));
    let away = other_browser(AWAY);
    assert_eq!(outcome(&admitted(&flows, &open.token, "GET", "/writes/x", &away).await), "permit");
    assert_eq!(outcome(&admitted(&flows, &open.token, "POST", "/writes/x", &away).await), "risk");
    let home = Client { device: open.device.clone(), ..at(HOME) };
    assert_eq!(outcome(&admitted(&flows, &open.token, "POST", "/writes/x", &home).await), "permit");
}

#[tokio::test]
async fn a_session_that_looks_stolen_ends_if_nobody_shows_that_it_is_theirs() {
    for (away, goes_back, ends) in
        [(other_browser(AWAY), false, true), (at(AWAY), true, true), (at(AWAY), false, false)]
    {
        let world = world();
        world.person("bob");
        let flows = flows(&world, Mode::Enforce);
        let open = usual(&world, &flows, "bob").await;
        let home = Client { device: open.device.clone(), ..at(HOME) };
        assert_eq!(risky(&flows, &open.token, &away).await, "risk");
        world.pass(Duration::from_secs(300));
        if goes_back {
            assert_eq!(risky(&flows, &open.token, &home).await, "permit");
        }
        world.pass(Duration::from_secs(599));
        assert_eq!(risky(&flows, &open.token, &home).await, "permit");
        world.pass(Duration::from_secs(1));
        let last = admitted(&flows, &open.token, "GET", "/risky/", &home).await;
        assert_eq!(outcome(&last), if ends { "login" } else { "permit" });
        assert_eq!(last.events.iter().any(|event| event.what == What::SessionAbandoned), ends);
        assert_eq!(world.look(|s| s.sessions.values().any(|(kept, _)| kept.id == open.session.id)), !ends);
    }
}

#[tokio::test]
async fn in_shadow_everything_is_assessed_and_nothing_decided() {
    let world = world();
    let bob = world.person("bob");
    let flows = flows(&world, Mode::Shadow);
    usual(&world, &flows, "bob").await;
    world.pass(DAY);
    let told = by_password(&flows, "bob", &at(AWAY)).await;
    assert!(level(&told.events) >= Some(RiskLevel::Medium));
    let open = opened(told);
    let admission = admitted(&flows, &open.token, "GET", "/risky/", &at(AWAY)).await;
    assert_eq!((outcome(&admission), admission.shadow), ("permit", Some(RiskAction::StepUp)));
    assert_eq!(learnt(&world, &bob).await, 20, "a password from elsewhere teaches nothing");
}

#[tokio::test]
async fn a_session_from_before_is_compared_from_its_next_request_on() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let before = world.flows();
    let open = opened(before.begin(given("bob", PASSWORD), goal(), Channel::Cookie, &at(HOME)).await.unwrap());
    assert_eq!(open.session.pinned, None);
    let flows = flows(&world, Mode::Enforce);
    assert_eq!(risky(&flows, &open.token, &at(HOME)).await, "permit");
    world.pass(Duration::from_secs(1));
    assert_eq!(risky(&flows, &open.token, &at(AWAY)).await, "risk");
    assert_eq!(risky(&flows, &open.token, &at(HOME)).await, "permit");
}

#[tokio::test]
async fn a_profile_is_shown_and_erased() {
    let world = world();
    let bob = world.person("bob");
    let flows = flows(&world, Mode::Enforce);
    usual(&world, &flows, "bob").await;
    let shown = profile_summary(&world.ports(), &bob).await.unwrap().unwrap();
    assert!(shown.bytes <= 2048 && shown.fields > 0, "{shown:?}");
    assert_eq!(erase_profile(&world.ports(), &bob).await.unwrap(), Some(shown));
    assert_eq!(profile_summary(&world.ports(), &bob).await.unwrap(), None);
    assert_eq!(erase_profile(&world.ports(), &bob).await.unwrap(), None);
    world.pass(DAY);
    let told = by_password(&flows, "bob", &at(AWAY)).await;
    assert_eq!(level(&told.events), Some(RiskLevel::Unscored));
}

/// A store that fails at any call: nobody who is not recognised gets in by that.
#[tokio::test]
async fn no_fault_lets_anybody_in_unrecognised() {
    let world = world();
    let bob = world.person("bob");
    world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    usual(&world, &flows, "bob").await;
    world.pass(DAY);
    world.fail(0, Blow::Before);
    by_password(&flows, "bob", &at(AWAY)).await;
    let calls = world.calls();
    for nth in 1..=calls {
        world.fail(nth, Blow::Before);
        let told = flows.begin(given("bob", PASSWORD), goal(), Channel::Cookie, &at(AWAY)).await;
        if let Ok(told) = told {
            assert!(!matches!(told.value, LoginReply::Opened(_)), "{nth} of {calls}");
        }
    }
    assert!(calls > 5, "{calls}");
}
