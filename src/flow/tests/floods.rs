//! A lockout is no weapon: who floods an account or a network holds up themselves.

use std::time::Duration;

use super::*;
use crate::auth::throttle::Limit;
use crate::flow::testing::{World, client, client_at, fast_settings};

async fn wrong_password(flows: &Flows, name: &str, from: &Client) -> bool {
    let told = flows.begin(given(name, "wrong"), None, Channel::Cookie, from).await.unwrap();
    !matches!(told.value, LoginReply::Wait(_) | LoginReply::Busy)
}

/// The nth address of a /16.
fn inside(net: &str, n: usize) -> Client {
    client_at(&format!("{net}.{}.{}", n / 250 % 250, n % 250 + 1))
}

/// Tries until one is let in; how long that took. Who waits, waits as long as told.
async fn gets_in(world: &World, flows: &Flows, from: &Client, key: &crate::auth::secret::SecretBytes) -> Duration {
    let begun = flows.now();
    loop {
        let told = match from.channel {
            Channel::Cookie => sign_in(flows, "ann", from).await.value,
            Channel::Bearer => {
                let given = with_otp("ann", &world.code(key, 0));
                flows.begin(given, two_factors(), Channel::Bearer, from).await.unwrap().value
            }
        };
        let wait = match told {
            LoginReply::Next(next) => {
                let code = world.code(key, 0);
                match flows.second_factor(&next.ceremony, Method::Totp, code, from).await.unwrap().value {
                    LoginReply::Opened(_) => return flows.now().since(begun),
                    LoginReply::Wait(wait) => wait,
                    // The step was spent by the sign-in before; the next one comes.
                    _ => Duration::from_secs(1),
                }
            }
            LoginReply::Opened(_) => return flows.now().since(begun),
            LoginReply::Wait(wait) => wait,
            LoginReply::Rejected(_) => Duration::from_secs(1),
            LoginReply::Busy => Duration::from_secs(2),
            other => panic!("{}", word(&other)),
        };
        world.pass(wait);
        assert!(flows.now().since(begun) < Duration::from_secs(3600), "held up for an hour");
    }
}

/// 75,000 attempts at one name from a /16, and 1,000 random names from a /24: the owner gets in all the while from a known
/// browser, from a new one elsewhere, and with a script.
#[tokio::test]
async fn the_owner_gets_in_during_a_flood() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let known = Client { device: whole(&flows, "ann", &client(), world.code(&key, 0)).await.device, ..client() };
    let script_at = |device| Client { channel: Channel::Bearer, device, ..client_at("198.51.100.77") };
    world.pass(Duration::from_secs(60));
    let login =
        flows.begin(with_otp("ann", &world.code(&key, 0)), None, Channel::Bearer, &script_at(None)).await.unwrap();
    let script = script_at(opened(login).device);
    let mut evaluated = 0;
    for n in 0..75_000 {
        evaluated += usize::from(wrong_password(&flows, "ann", &inside("203.0", n)).await);
        world.pass(Duration::from_millis(4));
        if n % 75 == 0 {
            let random = client_at(&format!("198.51.100.{}", n % 250 + 1));
            wrong_password(&flows, &format!("random{n}"), &random).await;
        }
        if n % 15_000 == 14_999 {
            for (who, from) in [("known", &known), ("new", &client_at("192.88.99.9")), ("script", &script)] {
                world.pass(Duration::from_secs(30));
                let waited = gets_in(&world, &flows, from, &key).await;
                assert!(waited <= Duration::from_secs(30), "{who} after {n}: {waited:?}");
            }
        }
    }
    // 100 of the account, one each ten minutes, ten of a new /16.
    assert!((110..=130).contains(&evaluated), "{evaluated} guesses in five minutes");
}

#[tokio::test]
async fn each_network_has_attempts_of_its_own_until_many_thousands_come() {
    let world = World::new();
    world.person("ann");
    let flows = world.flows();
    let mut evaluated = Vec::new();
    // A hundred /16s, one after the other, each with many /24s.
    for wide in 0..100 {
        let mut of_this = 0;
        for n in 0..200 {
            of_this += usize::from(wrong_password(&flows, "ann", &client_at(&format!("203.{wide}.{n}.1"))).await);
        }
        evaluated.push(of_this);
    }
    assert_eq!(evaluated[0], 110, "the first has what all share, and its own");
    let newcomers = &evaluated[1..];
    // 500 of all networks together: 50 /16s with ten each.
    assert!(newcomers[..49].iter().all(|n| *n == 10), "{newcomers:?}");
    assert!(newcomers[49..].iter().all(|n| *n == 0), "{newcomers:?}");
    // What drains comes free for whoever has not tried: one each five seconds, whatever the flood goes on to ask for.
    for round in 0..20 {
        world.pass(Duration::from_secs(5));
        for wide in 0..49 {
            assert!(!wrong_password(&flows, "ann", &client_at(&format!("203.{wide}.7.1"))).await, "{round} {wide}");
        }
        assert!(
            wrong_password(&flows, "ann", &client_at(&format!("198.51.{round}.1"))).await || round >= 10,
            "{round}"
        );
    }
}

#[tokio::test]
async fn a_network_that_floods_leaves_its_neighbours_their_turn() {
    for (flooding, neighbour) in [("203.0.113.7", "203.0.114.7"), ("2001:db8:1:2::7", "2001:db8:1:3::7")] {
        let world = World::new();
        world.person("ann");
        let flows = world.flows();
        for _ in 0..5000 {
            wrong_password(&flows, "ann", &client_at(flooding)).await;
            world.pass(Duration::from_secs(5));
        }
        assert_eq!(word(&sign_in(&flows, "ann", &client_at(neighbour)).await.value), "enroll", "{neighbour}");
    }
}

#[tokio::test]
async fn an_office_whose_people_sign_in_is_never_slowed() {
    let world = World::new();
    let mut settings = fast_settings();
    settings.limits.network = Limit { tries: 3, refill: Duration::from_secs(3600) };
    let flows = Flows::new(world.ports(), settings);
    for n in 0..200 {
        let name = format!("person{n}");
        let key = world.with_totp(&world.person(&name));
        whole(&flows, &name, &client(), world.code(&key, 0)).await;
    }
    let counters = world.look(|s| s.counters.keys().filter(|key| key.contains(":network:")).count());
    assert_eq!(counters, 0, "nothing is left of it");
    // Who fails is slowed, whether anybody has the name or not.
    for name in ["person0", "nobody"] {
        let from = client_at(if name == "nobody" { "198.51.100.1" } else { "198.51.200.1" });
        let evaluated = [0; 10].map(|_| ()).len();
        let mut went = 0;
        for n in 0..evaluated {
            let name = if n % 2 == 0 { name.to_owned() } else { format!("{name}{n}") };
            went += usize::from(wrong_password(&flows, &name, &from).await);
        }
        assert_eq!(went, 3, "{name}");
    }
}

#[tokio::test]
async fn a_copied_mark_does_not_shut_its_owner_out() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let device = whole(&flows, "ann", &client(), world.code(&key, 0)).await.device;
    let attacker = Client { device: device.clone(), ..client_at("203.0.113.5") };
    for _ in 0..5000 {
        wrong_password(&flows, "ann", &attacker).await;
        world.pass(Duration::from_millis(100));
    }
    let owner = Client { device, ..client() };
    assert!(matches!(sign_in(&flows, "ann", &owner).await.value, LoginReply::Next(_)));
}

#[tokio::test]
async fn a_refused_attempt_costs_nothing() {
    let world = World::new();
    world.person("ann");
    let flows = world.flows();
    for n in 0..200 {
        wrong_password(&flows, "ann", &inside("203.0", n * 250)).await;
    }
    let before = world.look(|s| s.counters.clone());
    for n in 0..200 {
        assert!(!wrong_password(&flows, "ann", &inside("203.0", n * 250)).await);
    }
    assert_eq!(before, world.look(|s| s.counters.clone()));
}
