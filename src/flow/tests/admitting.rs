use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::auth::policy::AppPolicy;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::resource::{Resource, Tolerances};
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
