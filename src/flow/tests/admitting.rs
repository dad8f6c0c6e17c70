use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::auth::policy::AppPolicy;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::resource::{Resource, Tolerances};
use crate::flow::admit::Compared;
use crate::flow::testing::{Blow, HOST, World, client};

fn rule(path: &str, access: Access) -> Arc<Rule> {
    Arc::new(Rule::new(path, PathPattern::glob(path).unwrap(), access))
}

fn app() -> AppPolicy {
    let guarded = |strength| Access::Guarded { audience: Audience::default(), requirement: Requirement::of(strength) };
    AppPolicy {
        offer: Default::default(),
        host: HOST.to_owned(),
        tolerate: Tolerances::default(),
        rules: vec![
            rule("/public", Access::Public),
            rule("/closed", Access::Deny),
            rule("/one", guarded(Strength::OneFactor)),
            rule("/two", guarded(Strength::TwoFactor)),
        ]
        .into(),
    }
}

async fn outcome(flows: &Flows, path: &str, open: Option<&Opened>) -> &'static str {
    let resource = Resource::parse(HOST, "GET", path.as_bytes(), Tolerances::default()).unwrap();
    match flows
        .admit(
            &app(),
            &resource,
            &Circumstances::of(client().ip),
            open.map(|o| (&o.token, o.session.channel)),
            &client(),
        )
        .await
        .map(|admission| admission.decision)
    {
        Ok(Decision::Permit(permit)) if permit.subject().is_some() => "permit",
        Ok(Decision::Permit(_)) => "public",
        Ok(Decision::Challenge(_)) => "challenge",
        Ok(Decision::Refuse(_)) => "refuse",
        Err(_) => "fault",
    }
}

#[tokio::test]
async fn sessions_are_admitted_for_what_they_prove() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let open = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    for (path, nobody, bob) in [
        ("/public", "public", "public"),
        ("/closed", "refuse", "refuse"),
        ("/one", "challenge", "permit"),
        ("/two", "challenge", "challenge"),
        ("/unknown", "refuse", "refuse"),
    ] {
        assert_eq!(outcome(&flows, path, None).await, nobody, "{path}");
        assert_eq!(outcome(&flows, path, Some(&open)).await, bob, "{path}");
    }
    world.pass(Duration::from_secs(3600));
    assert_eq!(outcome(&flows, "/one", Some(&open)).await, "challenge", "an expired session counts as none");
}

#[tokio::test]
async fn a_session_of_another_host_counts_as_none() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let abroad = Client { host: "other.example.com".to_owned(), ..client() };
    let open = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &abroad).await.unwrap());
    assert_eq!(outcome(&flows, "/one", Some(&open)).await, "challenge");
}

#[tokio::test]
async fn without_the_store_only_public_rules_permit() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let open = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    for (path, expected, calls) in [("/public", "public", 0), ("/one", "fault", 1), ("/two", "fault", 1)] {
        world.fail(1, Blow::Before);
        assert_eq!(outcome(&flows, path, Some(&open)).await, expected, "{path}");
        assert_eq!(world.calls(), calls, "{path}");
    }
}

/// What would be decided otherwise of a request for a path, as `rule: from to`.
async fn compared(flows: &Flows, app: &AppPolicy, path: &str, open: Option<&Opened>) -> Vec<String> {
    let resource = Resource::parse(HOST, "GET", path.as_bytes(), Tolerances::default()).unwrap();
    let circumstances = Circumstances::of(client().ip);
    let presented = open.map(|o| (&o.token, o.session.channel));
    let admission = flows.admit(app, &resource, &circumstances, presented, &client()).await.unwrap();
    let differences = match admission.compared {
        Compared::Now(differences) => differences,
        Compared::Later => {
            let (differences, who) = flows.compare_later(app, &resource, &circumstances, presented.unwrap()).await;
            assert!(who.is_some(), "{path}");
            differences
        }
    };
    differences
        .iter()
        .map(|d| format!("{}: {} {}", d.rule.as_ref().map_or("none", |r| &r.id.0), d.from, d.to))
        .collect()
}

#[tokio::test]
async fn what_is_tried_is_compared_for_who_asks_and_decides_nothing() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let open = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    let guarded = |strength| Access::Guarded { audience: Audience::default(), requirement: Requirement::of(strength) };
    let tried = |name: &str, path: &str, access| {
        Arc::new(Rule { shadow: true, ..Rule::new(name, PathPattern::glob(path).unwrap(), access) })
    };
    let rules = [
        tried("ask-one", "/public", guarded(Strength::OneFactor)),
        tried("ask-two", "/public", guarded(Strength::TwoFactor)),
        tried("shut", "/one", Access::Deny),
        tried("open", "/two", Access::Public),
    ];
    let rules = rules.into_iter().chain(app().rules.iter().cloned()).collect();
    let app = AppPolicy { rules, ..app() };
    for (path, nobody, bob) in [
        (
            "/public",
            &["ask-one: permit challenge", "ask-two: permit challenge"][..],
            &["ask-two: permit challenge"][..],
        ),
        ("/one", &["shut: challenge refuse"], &["shut: permit refuse"]),
        ("/two", &["open: challenge permit"], &["open: challenge permit"]),
        ("/closed", &[], &[]),
    ] {
        assert_eq!(compared(&flows, &app, path, None).await, nobody, "{path}");
        assert_eq!(compared(&flows, &app, path, Some(&open)).await, bob, "{path}");
    }
    // Where the store does not answer, a public rule still permits, and nothing is compared.
    let resource = Resource::parse(HOST, "GET", b"/public", Tolerances::default()).unwrap();
    let circumstances = Circumstances::of(client().ip);
    let presented = (&open.token, open.session.channel);
    world.fail(1, Blow::Before);
    let admission = flows.admit(&app, &resource, &circumstances, Some(presented), &client()).await.unwrap();
    assert!(matches!((admission.decision, admission.compared), (Decision::Permit(_), Compared::Later)));
    assert_eq!(world.calls(), 0);
    assert!(flows.compare_later(&app, &resource, &circumstances, presented).await.0.is_empty());
}
