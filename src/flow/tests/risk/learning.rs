//! What unusual sign-ins teach that met their step-up.

use super::*;
use crate::auth::secret::SecretBytes;
use crate::risk::settings::Thresholds;

/// A sign-in by a password and a code, which must be asked for.
async fn by_both(world: &Arc<World>, flows: &Flows, key: &SecretBytes, client: &Client) -> Box<Opened> {
    let next = asked(by_password(flows, "bob", client).await);
    let code = world.code(key, 0);
    let told = flows.second_factor(&next.ceremony, Method::Totp, code, client).await.unwrap();
    opened(told)
}

/// Whoever has a password and one code of somebody, and the mark that this got them.
#[tokio::test]
async fn one_phished_code_makes_nobody_at_home() {
    let world = world();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    usual(&world, &flows, "bob").await;
    world.pass(DAY);
    let attacker = by_both(&world, &flows, &key, &at(AWAY)).await;
    assert_eq!(learnt(&world, &bob).await, 21);
    for client in [at(AWAY), Client { device: attacker.device.clone(), ..at(AWAY) }, other_browser(AWAY)] {
        world.pass(DAY);
        let told = by_password(&flows, "bob", &client).await;
        assert!(level(&told.events) >= Some(RiskLevel::Medium), "{:?}", told.events);
        asked(told);
    }
    assert_eq!(learnt(&world, &bob).await, 21, "and a password alone teaches nothing");
}

/// The same by one code in an open session.
#[tokio::test]
async fn one_code_in_a_session_that_moved_makes_nobody_at_home() {
    let world = world();
    let bob = world.person("bob");
    let key = world.with_totp(&bob);
    let flows = flows(&world, Mode::Enforce);
    let open = usual(&world, &flows, "bob").await;
    world.pass(Duration::from_secs(60));
    opened(flows.elevate(&open.token, &open.session, Method::Totp, world.code(&key, 0), &at(AWAY)).await.unwrap());
    world.pass(DAY);
    let told = by_password(&flows, "bob", &at(AWAY)).await;
    assert!(level(&told.events) >= Some(RiskLevel::Medium), "{:?}", told.events);
    asked(told);
}

/// Who has moved shows on a few days that it is them, and is at home; once a day counts, however often.
#[tokio::test]
async fn who_shows_on_several_days_that_it_is_them_is_at_home() {
    let (mut seen, expected) = (Vec::new(), [(RiskLevel::Medium, 3), (RiskLevel::High, 5)]);
    for high in [50.0, 4.0] {
        let (client, thresholds) = (at(AWAY), Thresholds { medium: 2.0, high });
        let world = world();
        let bob = world.person("bob");
        let key = world.with_totp(&bob);
        let flows = flows_of(&world, Settings { thresholds, ..Default::default() });
        usual(&world, &flows, "bob").await;
        let (mut days, mut first) = (0, None);
        loop {
            world.pass(DAY);
            let told = by_password(&flows, "bob", &client).await;
            first = first.or_else(|| level(&told.events));
            let LoginReply::Next(next) = told.value else { break };
            days += 1;
            let told = flows.second_factor(&next.ceremony, Method::Totp, world.code(&key, 0), &client).await.unwrap();
            opened(told);
            for _ in 0..2 {
                world.pass(Duration::from_secs(60));
                // It is learnt on the last day, and not asked again.
                if let LoginReply::Next(next) = by_password(&flows, "bob", &client).await.value {
                    let code = world.code(&key, 0);
                    opened(flows.second_factor(&next.ceremony, Method::Totp, code, &client).await.unwrap());
                }
            }
            assert!(days < 9, "never at home");
        }
        seen.push((first.unwrap(), days));
    }
    assert_eq!(seen, expected);
}
