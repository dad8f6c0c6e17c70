//! What a sign-in tells of the time since the last one.

use std::time::Duration;

use super::*;
use crate::flow::testing::{World, client, client_at};

/// Signs ann in by password alone, as a browser with this mark would, and lets the trail remember it.
async fn enter(world: &World, flows: &Flows, from: &Client) -> Box<Opened> {
    world.pass(Duration::from_secs(600));
    let one = Some(Requirement::of(Strength::OneFactor));
    let told = flows.begin(given("ann", PASSWORD), one, from.channel, from).await.unwrap();
    world.remember(&told.events);
    opened(told)
}

fn marked(opened: &Opened, ip: &str) -> Client {
    Client { device: opened.device.clone(), ..client_at(ip) }
}

#[tokio::test]
async fn a_strange_sign_in_is_told_once_to_each_known_browser() {
    let world = World::new();
    world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let first = enter(&world, &flows, &client()).await;
    assert!(first.notice.is_none() && first.session.previous_login.is_none());
    let phone = enter(&world, &flows, &client()).await;
    assert!(phone.notice.is_none(), "a new browser in a known network");
    let away = enter(&world, &flows, &marked(&first, "203.0.113.9")).await;
    assert!(away.notice.is_none(), "a known browser in a new network");
    enter(&world, &flows, &client_at("198.51.100.66")).await;
    let again = enter(&world, &flows, &marked(&away, "203.0.113.9")).await;
    let notice = again.notice.as_ref().expect("a notice");
    assert_eq!((notice.strange.len(), notice.strange[0].ip.to_string()), (1, "198.51.100.66".to_owned()));
    assert!(notice.failed.is_empty());
    assert!(enter(&world, &flows, &marked(&again, "203.0.113.9")).await.notice.is_none(), "told once");
    assert!(enter(&world, &flows, &marked(&phone, "192.0.2.7")).await.notice.is_some(), "and once in the other");
}

#[tokio::test]
async fn failed_attempts_from_elsewhere_are_told() {
    let world = World::new();
    world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let desk = enter(&world, &flows, &client()).await;
    let evil = client_at("198.51.100.66");
    world.pass(Duration::from_secs(1));
    for _ in 0..2 {
        let told = flows.begin(given("ann", "guess"), two_factors(), Channel::Cookie, &evil).await.unwrap();
        world.remember(&told.events);
    }
    // A typo of her own says nothing.
    let told = flows.begin(given("ann", "tpyo"), two_factors(), Channel::Cookie, &client()).await.unwrap();
    world.remember(&told.events);
    let guessed = enter(&world, &flows, &marked(&desk, "192.0.2.7")).await;
    let notice = guessed.notice.as_ref().expect("a notice");
    assert_eq!((notice.failed.len(), notice.knew_the_password()), (2, false));
    world.pass(Duration::from_secs(1));
    let next = asked(sign_in(&flows, "ann", &evil).await);
    let told = flows.second_factor(&next.ceremony, Method::Totp, secret("000000"), &evil).await.unwrap();
    world.remember(&told.events);
    let notice = enter(&world, &flows, &marked(&guessed, "192.0.2.7")).await.notice.expect("a notice");
    assert_eq!((notice.failed.len(), notice.knew_the_password()), (1, true));
}

#[tokio::test]
async fn scripts_are_told_nothing_and_make_no_new_browser() {
    let world = World::new();
    world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let desk = enter(&world, &flows, &client()).await;
    let script = Client { channel: Channel::Bearer, ..client_at("198.51.100.66") };
    let (calls, told) = (world.calls(), enter(&world, &flows, &script).await);
    assert!(told.notice.is_none());
    assert!(world.look(|s| s.trail.last().unwrap().1.browser.is_none()));
    let notice = enter(&world, &flows, &marked(&desk, "192.0.2.7")).await.notice;
    assert_eq!(notice.expect("its network was new").strange.len(), 1);
    assert!(world.calls() > calls);
}

#[tokio::test]
async fn events_name_the_browser_by_a_tag_that_is_no_part_of_its_mark() {
    let world = World::new();
    world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let desk = enter(&world, &flows, &client()).await;
    let tag = world.look(|s| s.trail.last().unwrap().1.browser.clone()).expect("a tag");
    let mark = desk.device.as_ref().unwrap().expose().to_owned();
    assert!(!mark.contains(&tag) && tag.len() == 12);
    enter(&world, &flows, &marked(&desk, "203.0.113.9")).await;
    assert_eq!(world.look(|s| s.trail.last().unwrap().1.browser.clone()), Some(tag), "the same browser, the same tag");
}
