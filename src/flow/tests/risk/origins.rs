//! People who all come from one address, and those who do not.

use super::*;
use crate::auth::event::RiskTerm;

const NAMES: [&str; 8] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];

async fn signals(flows: &Flows, name: &str, seen: &Client) -> Vec<&'static str> {
    let told = by_password(flows, name, seen).await;
    let record = told.events.iter().find_map(|event| event.risk.clone()).unwrap();
    record
        .terms
        .iter()
        .map(|RiskTerm { signal, .. }| *signal)
        .filter(|s| !s.starts_with("device") && *s != "browser")
        .collect()
}

#[tokio::test]
async fn networks_say_nothing_of_who_comes_from_the_address_of_all() {
    let world = world();
    let flows = flows(&world, Mode::Enforce);
    world.person("bob");
    usual(&world, &flows, "bob").await;
    for name in NAMES.iter().take(6) {
        world.person(name);
        opened(by_password(&flows, name, &at(HOME)).await);
    }
    assert_eq!(flows.shared_address(), None, "seven people may live in one house");
    assert!(!signals(&flows, "bob", &at(HOME)).await.is_empty());
    world.person("p6");
    opened(by_password(&flows, "p6", &at(HOME)).await);
    assert_eq!(flows.shared_address(), Some(HOME.parse().unwrap()));
    assert_eq!(signals(&flows, "bob", &at(HOME)).await, [""; 0]);
    for n in 0..20 {
        flows.begin(given(&format!("nobody{n}"), "guess"), goal(), Channel::Cookie, &at(HOME)).await.unwrap();
    }
    assert_eq!(signals(&flows, "bob", &at(HOME)).await, [""; 0], "nor does what others get wrong there");
    assert!(!signals(&flows, "bob", &at(AWAY)).await.is_empty(), "another address is told from it");
    // Who only tries passwords moves nothing.
    flows.begin(given("p0", "guess"), goal(), Channel::Cookie, &at(AWAY)).await.unwrap();
    assert!(flows.shared_address().is_some());
    world.person("p7");
    opened(by_password(&flows, "p7", &at(AWAY)).await);
    assert_eq!(flows.shared_address(), None);
}
